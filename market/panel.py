"""Panel: everything that is known about a set of assets, and when it became known."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.types import Bools, Floats
from market.calendar import find_closed_markets
from market.errors import IntegrityError
from market.frequency import Month, count_month, longest_closure
from market.macro import MacroSeries, freeze_array

if TYPE_CHECKING:
    from market.as_of.asset_tables import AssetTable
    from market.scores import ScoreTable


BARS = ("open", "high", "low", "close", "vwap")
"""Prices of an asset's bar: the first, highest, lowest, last and volume-weighted mean of its step."""


@dataclass(frozen=True, eq=False)
class Panel:
    """Returns of assets with all other data that was known at the same dates.

    Attributes
    ----------
    name : str
        Name of the source.
    dates : DatetimeIndex of length T
        Closes, strictly increasing. Everything stamped `dates[t]` is known at that close.
    assets : tuple of str, length N
    returns : ndarray of shape (T, N)
        Simple total return from the asset's last valid close to `dates[t]`, a fraction. NaN where the asset
        has no valid close at t, and at its first close. Finite exactly where the asset can be traded and
        has a past.
    cash : ndarray of shape (T,)
        Simple return of cash over the same step, a fraction.
    market : ndarray of shape (T,)
        Simple total return of the market over the same step, a fraction.
    periods_per_year : int
        Observations in a year: 4 for quarterly, 12 for monthly, 252 for daily.
    volume : ndarray of shape (T, N), optional
        Units traded.
    open, high, low, close, vwap : ndarray of shape (T, N), optional
        Bars: the first, highest, lowest, last and volume-weighted mean price from the close before to
        `dates[t]`, above 0, NaN where the asset was not traded. All are in one unit, the one in which the
        closes give the returns: closes that later dividends and splits adjusted, and the other prices
        multiplied by the same factor. An adjustment multiplies an asset's past by one number, so that a
        feature must be a ratio of prices to be blind to it.
    macro : mapping of str to MacroSeries
    notes : tuple of str
        Properties of the source that readers of results must know (survivorship, revisions).
    scores : ScoreTable, optional
        The user's scores of the assets, as they were published.
    tables : mapping of str to AssetTable
        The user's tables of one value a date and asset.
    member : ndarray of bool, shape (T, N), optional
        Where an asset belongs to the universe, as known at the date: only there it is forecast, trained on, bought and
        held. None if there is no universe; then every listed asset belongs to it.
    delisted : ndarray of bool, shape (T, N), optional
        From the row of an asset's delisting return on. It comes with `member`.
    traded : ndarray of shape (T, N), optional
        Price of one share at the close, as it was paid: no later dividend or split changes it. Shares are counted with
        it; returns and features do not use it.
    """

    name: str
    dates: pd.DatetimeIndex
    assets: tuple[str, ...]
    returns: Floats
    cash: Floats
    market: Floats
    periods_per_year: int
    volume: Floats | None = None
    open: Floats | None = None
    high: Floats | None = None
    low: Floats | None = None
    close: Floats | None = None
    vwap: Floats | None = None
    macro: Mapping[str, MacroSeries] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    scores: ScoreTable | None = None
    tables: Mapping[str, AssetTable] = field(default_factory=dict)
    member: Bools | None = None
    delisted: Bools | None = None
    traded: Floats | None = None

    def __post_init__(self) -> None:
        """Freeze the arrays and check that the parts fit."""
        shape = (len(self.dates), len(self.assets))
        for name, wanted in (
            ("returns", shape),
            ("cash", shape[:1]),
            ("market", shape[:1]),
            ("volume", shape),
            ("traded", shape),
            *((bar, shape) for bar in BARS),
        ):
            values = getattr(self, name)
            if values is None:
                continue
            object.__setattr__(self, name, freeze_array(values))
            if getattr(self, name).shape != wanted:
                raise IntegrityError(
                    f"panel {self.name!r}: {name} has shape {values.shape}, expected {wanted}"
                )
        if not (self.dates.is_monotonic_increasing and self.dates.is_unique):
            raise IntegrityError(f"panel {self.name!r}: dates must be strictly increasing")
        if len(set(self.assets)) != len(self.assets):
            raise IntegrityError(f"panel {self.name!r}: asset names must be unique")
        if np.isinf(self.returns).any():
            raise IntegrityError(f"panel {self.name!r}: infinite return")
        for bar, prices in self.bars.items():
            if not ((prices > 0) & np.isfinite(prices) | np.isnan(prices)).all():
                raise IntegrityError(
                    f"panel {self.name!r}: {bar} holds what is no price: 0, negative or infinite"
                )
        self._check_owners()
        self._check_universe(shape)
        object.__setattr__(self, "macro", MappingProxyType(dict(self.macro)))
        object.__setattr__(self, "tables", MappingProxyType(dict(self.tables)))

    def _check_owners(self) -> None:
        """Check that scores and tables are of the panel's assets."""
        if self.scores is not None and self.scores.assets != self.assets:
            raise IntegrityError(f"panel {self.name!r}: the scores are of other assets")
        for name, table in self.tables.items():
            if table.assets != self.assets:
                raise IntegrityError(f"panel {self.name!r}: the table {name!r} is of other assets")

    def _check_universe(self, shape: tuple[int, int]) -> None:
        """Freeze the universe and check its shape."""
        if (self.member is None) != (self.delisted is None):
            raise IntegrityError(f"panel {self.name!r}: member and delisted come together")
        for name in ("member", "delisted"):
            if getattr(self, name) is None:
                continue
            flags = np.array(getattr(self, name), dtype=np.bool_, order="C")
            if flags.shape != shape:
                raise IntegrityError(f"panel {self.name!r}: {name} has shape {flags.shape}, expected {shape}")
            flags.setflags(write=False)
            object.__setattr__(self, name, flags)

    @property
    def month(self) -> Month:
        """Observations in a month: 1 for monthly, 21 for daily panels, `ThirdOfRow` for quarterly ones."""
        return count_month(self.periods_per_year)

    @property
    def listed(self) -> NDArray[np.bool_]:
        """Where an asset has a valid return, shape (T, N)."""
        return np.isfinite(self.returns)

    @cached_property
    def closed(self) -> NDArray[np.bool_]:
        """Where an asset has no price because its market is closed, shape (T, N); see `find_closed_markets`."""
        closed = find_closed_markets(self.listed, longest_closure(self.periods_per_year))
        closed = closed if self.delisted is None else closed & ~self.delisted
        closed.setflags(write=False)
        return closed

    @cached_property
    def holdable(self) -> NDArray[np.bool_]:
        """Where an asset belongs to the universe, shape (T, N): everywhere without one."""
        everywhere: NDArray[np.bool_] = np.ones(self.returns.shape, dtype=np.bool_)
        holdable = everywhere if self.member is None else self.member
        holdable.setflags(write=False)
        return holdable

    @property
    def bars(self) -> dict[str, Floats]:
        """The prices of bars that the panel has, by name."""
        found = {name: getattr(self, name) for name in BARS}
        return {name: prices for name, prices in found.items() if prices is not None}

    def select_rows(self, rows: slice) -> Panel:
        """Return some rows of all that is stamped with the panel's dates; what has two clocks stays whole."""
        bars: dict[str, Any] = {name: prices[rows] for name, prices in self.bars.items()}
        return replace(
            self,
            dates=self.dates[rows],
            returns=self.returns[rows],
            cash=self.cash[rows],
            market=self.market[rows],
            volume=None if self.volume is None else self.volume[rows],
            member=None if self.member is None else self.member[rows],
            delisted=None if self.delisted is None else self.delisted[rows],
            traded=None if self.traded is None else self.traded[rows],
            **bars,
        )

    def as_of(self, date: pd.Timestamp) -> Panel:
        """Return everything known at the close of `date`, and nothing else.

        Asset names are kept, also of assets that list later: their columns are empty.
        """
        n = int(self.dates.searchsorted(date, side="right"))
        known = {name: series.known_by(date) for name, series in self.macro.items()}
        scores = None if self.scores is None else self.scores.known_by(date)
        tables = {name: table.known_by(date) for name, table in self.tables.items()}
        return replace(self.select_rows(slice(n)), macro=known, scores=scores, tables=tables)

    def digest(self) -> str:
        """Return the SHA-256 of all that results depend on, as hexadecimal digits: not of traded prices."""
        sha = hashlib.sha256(repr((self.name, self.assets, self.periods_per_year)).encode())
        arrays: list[NDArray[Any]] = [_ticks(self.dates), self.returns, self.cash, self.market]
        if self.volume is not None:
            arrays.append(self.volume)
        for name, prices in self.bars.items():
            sha.update(name.encode())
            arrays.append(prices)
        if self.member is not None and self.delisted is not None:
            sha.update(b"universe")
            arrays += [self.member, self.delisted]
        for name in sorted(self.macro):
            series = self.macro[name]
            sha.update(f"{name}/{series.max_age_days}{series.extra}".encode())
            arrays += [series.values, _ticks(series.observed_at), _ticks(series.known_at)]
        if self.scores is not None:
            sha.update(f"scores/{self.scores.max_age_days}".encode())
            arrays += [self.scores.asset, self.scores.value]
            arrays += [_ticks(self.scores.observed_at), _ticks(self.scores.known_at)]
        for name in sorted(self.tables):
            table = self.tables[name]
            sha.update(f"table/{name}/{table.max_age_days}/{table.transform}".encode())
            arrays += [
                np.asarray(table.asset),
                table.value,
                _ticks(table.observed_at),
                _ticks(table.known_at),
            ]
        for array in arrays:
            sha.update(str(array.shape).encode())
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()


def _ticks(dates: pd.DatetimeIndex) -> NDArray[np.int64]:
    """Return dates as microseconds, whatever unit pandas chose for them."""
    return dates.as_unit("us").asi8

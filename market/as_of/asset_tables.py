"""Tables of one value a date and asset, with two clocks: fundamentals, sentiment, a user's own features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.types import Floats, Ints, SmallInts
from market.as_of.evaluation import count_days, evaluate_at, is_plain
from market.as_of.kernels import count_by_asset
from market.as_of.newest import take_newest
from market.errors import IntegrityError


@dataclass(frozen=True, eq=False)
class AssetTable:
    """Records of assets, in the order in which they became known.

    Several records may describe the same date of an asset: they are vintages, of which the one that became known last
    counts.

    Attributes
    ----------
    name : str
    assets : tuple of str, length N
    asset : ndarray of int32, shape (R,)
        Which asset each record is about.
    observed_at, known_at : DatetimeIndex of length R
        End of the period that a record describes, and the first close at which it was known. Sorted by `known_at`, then
        by `observed_at`, then by asset.
    value : ndarray of shape (R,)
    max_age_days : int
        Days from `observed_at` after which a value expires.
    transform : str
        What `at` gives of the values of one vintage (`market.as_of.expressions`).

    Raises
    ------
    IntegrityError
        If a record was known before its date, is not finite, appears twice, or they are not sorted.
    """

    name: str
    assets: tuple[str, ...]
    asset: SmallInts | Ints
    observed_at: pd.DatetimeIndex
    known_at: pd.DatetimeIndex
    value: Floats
    max_age_days: int
    transform: str = "level"

    def __post_init__(self) -> None:
        """Check the records."""
        object.__setattr__(self, "asset", np.asarray(self.asset, dtype=np.int32))
        value = np.ascontiguousarray(self.value, dtype=np.float64).view()
        value.setflags(write=False)
        object.__setattr__(self, "value", value)
        known, observed, asset = self._days["known"], self._days["observed"], self.asset
        self._refuse(known < observed, "was known before the end of its period")
        self._refuse(~np.isfinite(self.value), "is not a finite number")
        same = (known[1:] == known[:-1]) & (observed[1:] == observed[:-1])
        twice = np.zeros(len(known), dtype=np.bool_)
        twice[1:] = same & (asset[1:] == asset[:-1])
        self._refuse(twice, "appears twice, known from the same date")
        rises = (known[1:] > known[:-1]) | (known[1:] == known[:-1]) & (observed[1:] > observed[:-1])
        if not (rises | same & (asset[1:] > asset[:-1])).all():
            raise IntegrityError(f"table {self.name!r}: its records are not sorted")

    def _refuse(self, wrong: NDArray[np.bool_], what: str) -> None:
        if wrong.any():
            row = int(np.argmax(wrong))
            who, date = self.assets[self.asset[row]], self.observed_at[row]
            since = f" (known from {self.known_at[row]:%Y-%m-%d} on)"
            raise IntegrityError(
                f"table {self.name!r}: the value of {who!r} of {date:%Y-%m-%d} {what}{since}"
            )

    @cached_property
    def _days(self) -> Mapping[str, SmallInts]:
        # Half the memory, which matters for millions of records.
        clocks = {"known": self.known_at, "observed": self.observed_at}
        return {name: count_days(dates).astype(np.int32) for name, dates in clocks.items()}

    @cached_property
    def _by_asset(self) -> tuple[Ints, Ints]:
        begins, order = count_by_asset(np.asarray(self.asset), len(self.assets))
        return begins, order

    def at(self, dates: pd.DatetimeIndex, statistic: str = "level") -> Floats:
        """Return the values known at the close of each date, or a statistic of them; NaN where there is none.

        Parameters
        ----------
        dates : DatetimeIndex of length T, increasing
        statistic : str
            As of `MacroSeries.at`.

        Returns
        -------
        ndarray of shape (T, N)
        """
        days, on, n_assets = self._days, count_days(dates), len(self.assets)
        if is_plain(self.transform, statistic):
            clocks = days["known"], days["observed"]
            return take_newest(on, *clocks, np.asarray(self.asset), self.value, n_assets, self.max_age_days)
        out = np.full((len(dates), n_assets), np.nan)
        begins, order = self._by_asset
        for i in range(len(self.assets)):
            mine = order[begins[i] : begins[i + 1]]
            out[:, i] = evaluate_at(
                on,
                days["known"][mine],
                days["observed"][mine],
                self.value[mine],
                max_age=self.max_age_days,
                period=0,
                transform=self.transform,
                statistic=statistic,
            )
        return out

    def known_by(self, date: pd.Timestamp) -> AssetTable:
        """Return the records known at the close of `date`."""
        return self.first_records(int(self.known_at.searchsorted(date, side="right")))

    def first_records(self, n: int) -> AssetTable:
        """Return the first `n` records, in the order in which they became known."""
        return self if n >= len(self.value) else self._take(np.arange(n), self.asset[:n], self.assets)

    def select_assets(self, places: Ints) -> AssetTable:
        """Return the records of some of the assets, at these places and in this order."""
        position = np.full(len(self.assets), -1, dtype=np.int64)
        position[places] = np.arange(len(places))
        rows = np.flatnonzero(position[self.asset] >= 0)
        asset = position[self.asset[rows]]
        order = np.lexsort((asset, self._days["observed"][rows], self._days["known"][rows]))
        return self._take(rows[order], asset[order], tuple(self.assets[j] for j in places))

    def _take(self, rows: NDArray[np.intp], asset: SmallInts | Ints, assets: tuple[str, ...]) -> AssetTable:
        return replace(
            self,
            assets=assets,
            asset=asset,
            observed_at=self.observed_at[rows],
            known_at=self.known_at[rows],
            value=self.value[rows],
        )

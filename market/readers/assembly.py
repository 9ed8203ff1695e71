"""Checks of a grid of prices or returns, and the panel that is made of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.types import Bools, Floats
from market.calendar import infer_frequency
from market.checks.anomalies import check_anomalies, check_magnitude
from market.checks.asset_names import check_names
from market.checks.bars import adjust_bars, check_bars
from market.checks.cash import CashColumn, check_cash
from market.checks.integrity import check_impossible
from market.checks.riskless import check_riskless, find_riskless
from market.checks.units import check_counts, check_fractions, check_units
from market.errors import DataError, SourceError
from market.findings import Finding, Kind, Table, raise_if_fatal
from market.grid import Grid
from market.panel import Panel
from market.readers.cash import RawCash, convert_cash
from market.readers.trading_calendar import compound_returns
from market.returns import simple_returns

Span = tuple[date | None, date | None]


@dataclass(frozen=True, eq=False)
class GridContents:
    """What the columns of a grid hold.

    Attributes
    ----------
    kind : {"prices", "returns"}
        Of the assets.
    percent : bool
        Whether the returns were in percent before.
    cash : RawCash or None
        None earns 0.
    market : str or None
        Column that is the market and no asset; None takes the mean of the listed assets that are not nearly
        riskless.
    market_kind : {"prices", "returns"}, optional
        What the market's column holds, if not what the assets hold.
    """

    kind: Kind
    percent: bool = False
    cash: RawCash | None = None
    market: str | None = None
    market_kind: Kind | None = None

    @property
    def is_market_different(self) -> bool:
        """Whether the market's column holds another kind of values than the assets."""
        return self.market is not None and self.market_kind not in (None, self.kind)


def assemble_panel(
    name: str, source: str, grid: Grid, contents: GridContents, span: Span = (None, None)
) -> tuple[Panel, tuple[Finding, ...]]:
    """Check a grid and make it a panel.

    Parameters
    ----------
    name : str
        Name of the panel.
    source : str
        Name of the grid in messages.
    grid : Grid
    contents : GridContents
    span : tuple of date or None
        First and last date at which cash must have a return; None is the first or last there is.

    Raises
    ------
    DataError
        If there is too little data, or a fatal finding.
    """
    market = contents.market
    assets = [column for column, label in enumerate(grid.names) if label != market]
    if not assets:
        raise SourceError(f"{source}: no asset is left beside the date, cash and market columns")
    names = tuple(grid.names[column] for column in assets)
    findings = [*grid.findings, *raise_if_fatal(check_names(source, names))]
    filled = np.asarray(~np.isnan(grid.values[:, assets]).all(axis=1))
    findings += _note_empty_rows(source, grid.dates[~filled])
    table = _make_table(source, grid, filled, contents)
    alone = contents.is_market_different
    judged = table.select_columns(assets) if alone else table
    findings += _check_values(table, judged, grid, filled, percent=contents.percent)
    # Prices of 0 have no returns: they were refused above.
    returns = simple_returns(table.values) if contents.kind == "prices" else table.values
    findings += raise_if_fatal([*check_magnitude(table, returns), *check_counts(table, returns)])
    findings += check_anomalies(judged, returns[:, assets] if alone else returns)
    # The first close ends no step: there is no return, of assets, market or cash, before the second.
    traded = np.isfinite(returns[:, assets]).any(axis=1)
    if not traded.any():
        raise DataError(f"{source}: no asset has two prices, so there is no return")
    earned, first, found = _earn_cash(table, filled, contents.cash, int(np.argmax(traded)))
    findings += found
    kept, dates, year = slice(first, None), table.dates, table.frequency.periods_per_year
    used = _select_span(dates, *span) & (np.arange(len(dates)) >= first)
    findings += raise_if_fatal(check_cash(source, dates[used], earned[used]))
    listed = returns[kept, assets]
    # Cash before the first date that is used may be unknown.
    known_cash = np.nan_to_num(earned[kept])
    riskless = find_riskless(listed, known_cash, year)
    findings += check_riskless(source, dates[kept], names, listed, known_cash, year, riskless)
    panel = Panel(
        name=name,
        dates=dates[kept],
        assets=names,
        returns=listed,
        cash=earned[kept],
        market=_average_risky(listed, riskless)
        if market is None
        else _read_market(table, market, contents.market_kind, findings)[kept],
        periods_per_year=year,
        **{key: array[kept, assets] for key, array in _make_bars(grid, filled, table.values).items()},
    )
    return panel, tuple(findings)


def _make_table(source: str, grid: Grid, filled: Bools, contents: GridContents) -> Table:
    """Return the rows in which an asset has a value; returns compound over the others."""
    dates, values = grid.dates[filled].rename(None), grid.values[filled]
    if not filled.all():
        columns = find_return_columns(
            grid.names, contents.kind, {contents.market: contents.market_kind or contents.kind}
        )
        returned = np.isin(grid.names, columns)
        values[:, returned] = compound_returns(grid.values[:, returned], filled)
    return Table(source, dates, grid.names, values, contents.kind, infer_frequency(dates, source))


def _check_values(
    table: Table, judged: Table, grid: Grid, filled: Bools, *, percent: bool
) -> tuple[Finding, ...]:
    """Return the findings in values, volumes and bars; raise if one is fatal.

    `judged` has the columns of `table` that hold the same kind of values as the assets.
    """
    units = check_units(judged, percent=percent)
    findings = raise_if_fatal([*check_impossible(judged), *units, *_check_volume(table, grid, filled)])
    findings += raise_if_fatal(check_fractions(judged) if percent else [])
    bars = {name: prices[filled] for name, prices in grid.bars.items()}
    return findings + raise_if_fatal(check_bars(table, bars))


def _earn_cash(
    table: Table, filled: Bools, cash: RawCash | None, first: int
) -> tuple[Floats, int, tuple[Finding, ...]]:
    """Return the returns of cash (T,), the first row of the panel, and findings."""
    if cash is None:
        return np.zeros(len(table.dates)), first, ()
    held = cash.select_rows(filled)
    year = table.frequency.periods_per_year
    column = CashColumn(table.source, cash.column, table.dates, held, cash.kind, year)
    earned, findings = convert_cash(column)
    # The first price of cash ends no step either: beside returns of assets, the panel begins a row later.
    first = max(first, 1) if np.isnan(earned[0]) and np.isfinite(held[0]) else first
    return earned, first, findings


def find_return_columns(names: Sequence[str], kind: Kind, others: Mapping[str | None, Kind]) -> list[str]:
    """Return the columns that hold returns, where some hold another kind than the assets."""
    return [name for name in names if others.get(name, kind) == "returns"]


def _select_span(dates: pd.DatetimeIndex, first: date | None, last: date | None) -> Bools:
    """Return which dates lie in a span, both ends included, shape (T,)."""
    inside = np.ones(len(dates), dtype=bool)
    if first is not None:
        inside &= np.asarray(dates >= pd.Timestamp(first))
    if last is not None:
        inside &= np.asarray(dates <= pd.Timestamp(last))
    return inside


def _read_market(table: Table, name: str, kind: Kind | None, findings: list[Finding]) -> Floats:
    """Return the returns of the market's column; the checks of one of another kind than the assets' are added."""
    column = replace(table.select_columns([table.names.index(name)]), kind=kind or table.kind)
    returns = simple_returns(column.values) if column.kind == "prices" else column.values
    if column.kind != table.kind:
        findings += raise_if_fatal([*check_impossible(column), *check_units(column)])
        findings += check_anomalies(column, returns)
    return returns[:, 0]


def _make_bars(grid: Grid, filled: Bools, values: Floats) -> dict[str, Any]:
    """Return bars and volume, as far as there are, in the unit of the prices `values`."""
    bars = {name: prices[filled] for name, prices in grid.bars.items()}
    volume = {} if grid.volume is None else {"volume": grid.volume[filled]}
    if not bars:
        return volume
    bars, factor = adjust_bars(bars, values)
    return {**bars, **{name: units / factor for name, units in volume.items()}}


def _average_risky(returns: Floats, riskless: Bools) -> Floats:
    """Return the mean over the assets that have a return and are not nearly riskless, NaN where there is none."""
    listed = np.isfinite(returns) & ~riskless
    count = listed.sum(axis=1)
    total = np.where(listed, returns, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _note_empty_rows(source: str, dates: pd.DatetimeIndex) -> Iterator[Finding]:
    """Note rows without any value, which are left out because no trade is possible there."""
    if len(dates):
        text = (
            f"{source}: {format_count(len(dates), 'row holds', 'rows hold')} no asset's "
            f"value, the first {dates[0]:%Y-%m-%d}; left out"
        )
        yield Finding("empty row", "note", None, dates[0], text)


def _check_volume(table: Table, grid: Grid, filled: Bools) -> Iterator[Finding]:
    """Find volumes that cannot be."""
    if grid.volume is not None:
        volume = grid.volume[filled]
        wrong = np.isinf(volume) | (volume < 0)
        yield from table.find_by_column(
            "impossible volume",
            "fatal",
            wrong,
            lambda t, n: f"volume is {volume[t, n]:g}, expected 0 or more",
        )

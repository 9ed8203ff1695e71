"""The user's own file: prices or returns, wide or long, to a panel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market.bars import adjusted, check_bars
from market.calendar import frequency_of
from market.cash import CashColumn, CashValues, check_cash
from market.checks import Finding, Kind, Table, check_impossible, settle
from market.errors import DataError, SourceError
from market.hints import suggest
from market.layouts import Grid, Layout, read_grid
from market.oddities import check_magnitude, check_odd
from market.panel import Floats, Panel
from market.riskless import check_riskless, find_riskless
from market.step_returns import price_levels, simple_returns


def load_file(
    path: Path,
    *,
    layout: Layout | None = None,
    values: Kind = "prices",
    date_column: str | None = None,
    cash: str | None = None,
    cash_values: CashValues | None = None,
    market: str | None = None,
    market_values: Kind | None = None,
    start: date | None = None,
    end: date | None = None,
    known_by: pd.Timestamp | None = None,
    check_units: bool = True,
) -> tuple[Panel, tuple[Finding, ...]]:
    """Read a CSV or Parquet file of prices or returns.

    Parameters
    ----------
    path : Path
    layout : {"wide", "long"}, optional
        Wide: a date column, and one column an asset. Long: columns date, asset, price (or return), and
        volume, open, high, low, close and vwap as far as there are. Told by the column names when not given.
    values : {"prices", "returns"}
        Prices are adjusted closes. Returns are simple, as fractions.
    date_column : str, optional
        Its name, when it is not called date.
    cash : str, optional
        Column (wide) or asset (long) of cash; without it cash earns 0.
    cash_values : {"returns", "prices", "percent", "annual", "annual_percent"}, optional
        What the column of cash holds (`market.cash.CashColumn`); the return of one step if it is not said.
    market : str, optional
        Column or asset with the market's prices or returns; without it the market is the mean of the assets.
    market_values : {"prices", "returns"}, optional
        What the column of the market holds, if not the same as the assets.
    start, end : date, optional
        Dates between which cash must have a return; nothing is cut.
    known_by : Timestamp, optional
        Read the rows up to this date alone, as if the file ended there; assets that are listed later are not in it.
    check_units : bool
        Whether values in a wrong unit are refused. It is judged by all rows of a file, so the beginning of a file that
        was judged as a whole is read without it.

    Returns
    -------
    panel : Panel
        In a table of prices the first row starts no return: the panel begins with the second.
    findings : tuple of Finding
        Warnings and notes.

    Raises
    ------
    DataError
        SourceError if the file cannot be read, IntegrityError if what it says cannot be.
    """
    source = str(path)
    grid = read_grid(path, layout=layout, kind=values, date_column=date_column).until(known_by)
    for role, name in (("cash", cash), ("market", market)):
        if name is not None and name not in grid.names:
            raise SourceError(f"{source}: no {role} column {name!r}{suggest(name, grid.names)}")
    if cash is not None and cash == market:
        raise SourceError(f"{source}: column {cash!r} is named as cash and as market")
    notes = []
    if cash is None:
        notes.append("No cash column was named: cash earns 0.")
    if market is None:
        notes.append(
            "No market column was named: the market is the equally weighted mean of the listed assets."
        )
    column = None
    if cash is not None:
        stated = cash_values is not None
        column = CashColumn(cash, grid.values[:, grid.names.index(cash)], cash_values or "returns", stated)
        grid = grid.without(cash)
    if market is not None and market_values not in (None, values):
        grid = _with_market_as(grid, market, values)
    panel, findings = assemble(
        "prices", source, grid, values, cash=column, market=market, span=(start, end), check_units=check_units
    )
    return replace(panel, notes=tuple(notes)), findings


def _with_market_as(grid: Grid, market: str, kind: Kind) -> Grid:
    """Return a grid whose market column, which holds the other kind of values, holds what the assets hold."""
    place = grid.names.index(market)
    column = grid.values[:, [place]]
    values = grid.values.copy()
    values[:, [place]] = price_levels(column) if kind == "prices" else simple_returns(column)
    return replace(grid, values=values)


def assemble(
    name: str,
    source: str,
    grid: Grid,
    kind: Kind,
    *,
    cash: CashColumn | None,
    market: str | None,
    span: tuple[date | None, date | None] = (None, None),
    check_units: bool = True,
) -> tuple[Panel, tuple[Finding, ...]]:
    """Check a grid and make it a panel.

    Parameters
    ----------
    name : str
        Name of the panel.
    source : str
        What messages call the grid.
    grid : Grid
    kind : {"prices", "returns"}
    cash : CashColumn or None
        None earns 0.
    market : str or None
        Column that is the market and no asset; None takes the mean of the listed assets that are not nearly
        riskless.
    span : tuple of date or None
        First and last date at which cash must have a return; None is the first or last there is.
    check_units : bool
        Whether values in a wrong unit are refused.

    Raises
    ------
    DataError
        If there is too little data, or a fatal finding.
    """
    assets = [column for column, label in enumerate(grid.names) if label != market]
    if not assets:
        raise SourceError(f"{source}: no asset is left beside the date, cash and market columns")
    filled = np.asarray(~np.isnan(grid.values[:, assets]).all(axis=1))
    findings = [*grid.findings, *_empty_rows(source, grid.dates[~filled])]
    dates, values = grid.dates[filled].rename(None), grid.values[filled]
    table = Table(source, dates, grid.names, values, kind, frequency_of(dates, source))
    findings += settle([*check_impossible(table), *_check_volume(table, grid, filled)])
    findings += settle(check_bars(table, {name: prices[filled] for name, prices in grid.bars.items()}))
    returns = simple_returns(values) if kind == "prices" else values
    findings += settle(check_magnitude(table, returns))
    findings += check_odd(table, returns)
    # The first close ends no step: there is no return, of assets, market or cash, before the second.
    traded = np.isfinite(returns[:, assets]).any(axis=1)
    if not traded.any():
        raise DataError(f"{source}: no asset has two prices, so there is no return")
    kept = slice(int(np.argmax(traded)), None)
    listed = returns[kept, assets]
    earned, year = np.zeros(len(dates)), table.frequency.periods_per_year
    if cash is not None:
        first, last = pd.Timestamp(span[0] or dates[0]), pd.Timestamp(span[1] or dates[-1])
        begin, stop = int(dates.searchsorted(first)), int(dates.searchsorted(last, side="right"))
        used, column = slice(max(kept.start, begin), stop), cash.at(filled)
        findings += settle(check_cash(source, dates, column, year, used=used, check_unit=check_units))
        earned = column.returns(dates, year)
    # Cash before the first date that is used may be unknown.
    known_cash = np.nan_to_num(earned[kept])
    names = tuple(grid.names[column] for column in assets)
    findings += check_riskless(source, dates[kept], names, listed, known_cash, year)
    panel = Panel(
        name=name,
        dates=dates[kept],
        assets=names,
        returns=listed,
        cash=earned[kept],
        market=_mean_risky(listed, known_cash, year)
        if market is None
        else returns[kept, grid.names.index(market)],
        periods_per_year=year,
        **{name: array[kept, assets] for name, array in _beside(grid, filled, values).items()},
    )
    return panel, tuple(findings)


def _beside(grid: Grid, filled: NDArray[np.bool_], values: Floats) -> dict[str, Any]:
    """Return bars and volume, as far as there are, in the unit of the prices `values`."""
    bars = {name: prices[filled] for name, prices in grid.bars.items()}
    volume = {} if grid.volume is None else {"volume": grid.volume[filled]}
    if not bars:
        return volume
    bars, factor = adjusted(bars, values)
    return {**bars, **{name: units / factor for name, units in volume.items()}}


def _mean_risky(returns: Floats, cash: Floats, year: int) -> Floats:
    """Return the mean over the assets that have a return and are not nearly riskless, NaN where there is none."""
    listed = np.isfinite(returns) & ~find_riskless(returns, cash, year)
    count = listed.sum(axis=1)
    total = np.where(listed, returns, 0.0).sum(axis=1)
    return np.where(count > 0, total / np.maximum(count, 1), np.nan)


def _empty_rows(source: str, dates: pd.DatetimeIndex) -> Iterator[Finding]:
    """Note rows without any value, which are left out: nobody could trade at them."""
    if len(dates):
        text = f"{source}: {len(dates)} row(s) hold no asset's value, the first {dates[0]:%Y-%m-%d}; left out"
        yield Finding("empty row", "note", None, dates[0], text)


def _check_volume(table: Table, grid: Grid, filled: NDArray[np.bool_]) -> Iterator[Finding]:
    """Find volumes that cannot be."""
    if grid.volume is not None:
        volume = grid.volume[filled]
        wrong = np.isinf(volume) | (volume < 0)
        yield from table.per_column(
            "impossible volume",
            "fatal",
            wrong,
            lambda t, n: f"volume is {volume[t, n]:g}, expected 0 or more",
        )

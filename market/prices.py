"""The user's own file: prices or returns, wide or long, to a panel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market.bars import adjusted, check_bars
from market.calendar import frequency_of
from market.checks import Finding, Kind, Table, check_cash, check_impossible, settle
from market.errors import DataError, SourceError
from market.hints import suggest
from market.layouts import Grid, Layout, read_grid
from market.oddities import check_odd
from market.panel import Floats, Panel
from market.trading_calendar import RunningPeriod, apply_calendar, compound_returns


def load_file(
    path: Path,
    *,
    layout: Layout | None = None,
    values: Kind = "prices",
    date_column: str | None = None,
    cash: str | None = None,
    market: str | None = None,
    calendar: str | None = None,
    running_period: RunningPeriod = "keep",
    known_by: pd.Timestamp | None = None,
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
        Column (wide) or asset (long) with the return of cash in each step; without it cash earns 0.
    market : str, optional
        Column or asset with the market's prices or returns; without it the market is the mean of the assets.
    calendar : str, optional
        "weekdays" leaves out Saturdays and Sundays, and the name of a column the rows at which it has no value; by
        default all rows are kept. Returns run from one kept row to the next.
    running_period : {"keep", "drop"}
        "drop" leaves out monthly and weekly rows that do not complete their period.
    known_by : Timestamp, optional
        Read the rows up to this date alone, as if the file ended there; assets that are listed later are not in it.

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
    held_as_returns = grid.names if values == "returns" else () if cash is None else (cash,)
    grid = apply_calendar(source, grid, calendar, running_period, held_as_returns)
    earned = None
    if cash is not None:
        earned = grid.values[:, grid.names.index(cash)]
        grid = grid.without(cash)
    panel, findings = assemble("prices", source, grid, values, cash=earned, market=market)
    return replace(panel, notes=tuple(notes)), findings


def assemble(
    name: str, source: str, grid: Grid, kind: Kind, *, cash: Floats | None, market: str | None
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
    cash : ndarray of shape (T,) or None
        Return of cash in each step, a fraction; None earns 0.
    market : str or None
        Column that is the market and no asset; None takes the mean of the listed assets.

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
    if kind == "returns" and not filled.all():
        values = compound_returns(grid.values, filled)
    table = Table(source, dates, grid.names, values, kind, frequency_of(dates, source))
    findings += settle([*check_impossible(table), *_check_volume(table, grid, filled)])
    findings += settle(check_bars(table, {name: prices[filled] for name, prices in grid.bars.items()}))
    returns = simple_returns(values) if kind == "prices" else values
    findings += check_odd(table, returns)
    # The first close ends no step: there is no return, of assets, market or cash, before the second.
    traded = np.isfinite(returns[:, assets]).any(axis=1)
    if not traded.any():
        raise DataError(f"{source}: no asset has two prices, so there is no return")
    kept = slice(int(np.argmax(traded)), None)
    listed = returns[kept, assets]
    earned = np.zeros(len(dates)) if cash is None else compound_returns(cash[:, None], filled)[:, 0]
    findings += settle(check_cash(source, dates[kept], earned[kept], table.frequency.periods_per_year))
    panel = Panel(
        name=name,
        dates=dates[kept],
        assets=tuple(grid.names[column] for column in assets),
        returns=listed,
        cash=earned[kept],
        market=_mean_listed(listed) if market is None else returns[kept, grid.names.index(market)],
        periods_per_year=table.frequency.periods_per_year,
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


def _mean_listed(returns: Floats) -> Floats:
    """Return the mean over the assets that have a return, NaN where none has."""
    listed = np.isfinite(returns)
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


def simple_returns(prices: Floats) -> Floats:
    """Return the simple return from the last valid price to each valid price.

    The return over a hole lands on the first valid row after it: that is when it became known.

    Parameters
    ----------
    prices : ndarray of shape (T, N)
        NaN where there is none.

    Returns
    -------
    ndarray of shape (T, N)
        NaN where the row has no price, and at the first price.
    """
    rows = np.arange(len(prices))[:, None]
    newest = np.maximum.accumulate(np.where(np.isfinite(prices), rows, -1), axis=0)
    before = np.full(prices.shape, -1)
    before[1:] = newest[:-1]
    past = np.where(before >= 0, np.take_along_axis(prices, np.maximum(before, 0), axis=0), np.nan)
    return np.asarray(prices / past - 1.0, dtype=np.float64)

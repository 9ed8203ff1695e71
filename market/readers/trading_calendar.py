"""Trading calendar: select the rows of a file, and merge the others into them.

The selection of a row depends on rows up to it alone, so that a file that ends sooner keeps the same rows.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from foundation.suggestions import suggest
from foundation.types import Bools, Floats
from market.calendar import infer_frequency
from market.checks.periods import find_running_rows
from market.errors import SourceError
from market.findings import Finding
from market.grid import Grid

RunningPeriod = Literal["keep", "drop"]

WEEKDAYS = "weekdays"
"""The calendar without Saturdays and Sundays."""


def apply_calendar(
    source: str,
    grid: Grid,
    calendar: str | None,
    running_period: RunningPeriod,
    returns: Collection[str],
) -> Grid:
    """Leave out the rows that are not in a calendar, and those of running periods.

    Parameters
    ----------
    source : str
        Name of the file in messages.
    grid : Grid
    calendar : str or None
        "weekdays", or the column at whose prices rows are kept; None keeps all rows.
    running_period : {"keep", "drop"}
        Whether to leave out rows that do not complete their month or week (`market.checks.periods.find_running_rows`).
    returns : collection of str
        Columns that hold returns, which compound over rows that are left out; others hold prices.

    Raises
    ------
    SourceError
        If the calendar is no column, or no row is left.
    """
    if calendar is not None:
        grid = _keep_rows(
            source, grid, _calendar_rows(source, grid, calendar), returns, f"calendar {calendar!r}"
        )
    if running_period == "drop" and len(grid.dates) > 1:
        frequency = infer_frequency(grid.dates, source)
        kept = ~find_running_rows(grid.dates, frequency.unit)
        grid = _keep_rows(source, grid, kept, returns, "running_period 'drop'")
    return grid


def compound_returns(returns: Floats, kept: Bools) -> Floats:
    """Return the returns of the rows that are kept, each compounded with those left out since the last one.

    Parameters
    ----------
    returns : ndarray of shape (T, N)
        NaN where there is none.
    kept : ndarray of bool, shape (T,)

    Returns
    -------
    ndarray of shape (K, N)
        NaN where the kept row has none: what was left out before it is then in the next return of the column.
    """
    out = returns[kept].copy()
    growth, pending = np.ones(returns.shape[1]), np.zeros(returns.shape[1], dtype=bool)
    k = 0
    for row, keep in zip(returns, kept, strict=True):
        there = ~np.isnan(row)
        if not keep:
            growth[there] *= 1.0 + row[there]
            pending |= there
            continue
        # A return with nothing to compound stays as it is, to the bit.
        late = there & pending
        out[k, late] = growth[late] * (1.0 + row[late]) - 1.0
        growth[there], pending = 1.0, pending & ~there
        k += 1
    return out


def _calendar_rows(source: str, grid: Grid, calendar: str) -> Bools:
    """Return the rows of a calendar, shape (T,)."""
    if calendar == WEEKDAYS:
        return np.asarray(grid.dates.day_of_week < 5)
    if calendar not in grid.names:
        raise SourceError(
            f"{source}: data.calendar is {calendar!r}, expected {WEEKDAYS!r} or the name of a column"
            f"{suggest(calendar, [WEEKDAYS, *grid.names])}"
        )
    return np.isfinite(grid.values[:, grid.names.index(calendar)])


def _keep_rows(source: str, grid: Grid, kept: Bools, returns: Collection[str], why: str) -> Grid:
    """Return the kept rows of a grid, with a note of the others."""
    if kept.all():
        return grid
    if not kept.any():
        raise SourceError(f"{source}: {why} leaves no row")
    compounded = np.array([name in returns for name in grid.names], dtype=bool)
    values = grid.values[kept].copy()
    values[:, compounded] = compound_returns(grid.values[:, compounded], kept)
    bars, volume = _merge_bars(grid, kept)
    first = grid.dates[~kept][0]
    text = f"{source}: {why} leaves out {int((~kept).sum())} of {len(kept)} rows, the first {first:%Y-%m-%d}"
    note = Finding("calendar", "note", None, first, text)
    return replace(
        grid,
        dates=pd.DatetimeIndex(grid.dates[kept]),
        values=values,
        volume=volume,
        bars=bars,
        findings=(*grid.findings, note),
    )


def _merge_bars(grid: Grid, kept: Bools) -> tuple[dict[str, Floats], Floats | None]:
    """Return bars and volume of the kept rows: each asset's bar runs from its last kept close to this one.

    The first open, the highest high, the lowest low, the sum of volumes and their weighted mean price of the rows in
    between are those of the bar, in the unit of its last row.
    """
    if not grid.bars and grid.volume is None:
        return {}, None
    n = len(kept)
    closed = kept[:, None] & np.isfinite(grid.values)
    # The number of an asset's bar at each row: the next kept row at which it has a value ends it.
    rows = np.where(closed, np.arange(n)[:, None], n)
    ends = np.minimum.accumulate(rows[::-1], axis=0)[::-1]
    unit = grid.values / grid.bars["close"] if "close" in grid.bars else np.ones_like(grid.values)
    unit = np.where(np.isfinite(unit), unit, 1.0)
    shares = None if grid.volume is None else grid.volume / unit
    out = {name: np.full(grid.values.shape, np.nan) for name in grid.bars}
    volume = None if shares is None else np.full(grid.values.shape, np.nan)
    for column in range(grid.values.shape[1]):
        end = ends[:, column]
        inside = end < n
        scaled = {name: (prices * unit)[inside, column] for name, prices in grid.bars.items()}
        table = pd.DataFrame(scaled | ({} if shares is None else {"volume": shares[inside, column]}))
        if "vwap" in table and "volume" in table:
            table["money"] = table["vwap"] * table["volume"]
        groups = table.groupby(end[inside])
        at = np.unique(end[inside])
        back = unit[at, column]
        how = {"open": "first", "high": "max", "low": "min", "close": "last", "vwap": "last"}
        for name in grid.bars:
            out[name][at, column] = groups[name].agg(how[name]).to_numpy() / back
        if volume is not None:
            volume[at, column] = groups["volume"].sum(min_count=1).to_numpy() * back
        if "money" in table:
            mean = groups["money"].sum(min_count=1) / groups["volume"].sum(min_count=1)
            alone = (groups.size() == 1).to_numpy()
            out["vwap"][at, column] = np.where(alone, out["vwap"][at, column], mean.to_numpy() / back)
    return {name: prices[kept] for name, prices in out.items()}, None if volume is None else volume[kept]

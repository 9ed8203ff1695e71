"""Trading calendar: select the rows of a file, and merge the others into them.

The selection of a row depends on rows up to it alone, so that a file that ends sooner keeps the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
import pandas as pd

from foundation.suggestions import suggest
from foundation.types import Bools, Ints
from market.calendar import Unit, infer_frequency
from market.errors import SourceError
from market.findings import Finding, Kind
from market.values.bars import merge_bars
from market.values.grid import Grid
from market.values.returns import select_rows

RunningPeriod = Literal["keep", "drop"]

WEEKDAYS = "weekdays"
"""The calendar without Saturdays and Sundays."""
_SLACK: dict[str, int] = {"months": 3, "weeks": 1}
"""Weekdays (of a week: days) by which holidays move the usual place of a row in its period: Christmas or Easter at the
end of a month close exchanges for up to three; a weekly close moves from Friday to Thursday."""
_FEWEST = 3
"""Earlier rows from which the usual place is known."""


def apply_calendar(
    source: str,
    grid: Grid,
    calendar: str | None,
    running_period: RunningPeriod,
    kinds: Sequence[Kind],
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
        Whether to leave out rows that do not complete their month or week (`find_running_rows`).
    kinds : sequence of {"prices", "returns"}, length N
        What each column holds: returns compound over rows that are left out.

    Raises
    ------
    SourceError
        If the calendar is no column, or no row is left.
    """
    if calendar is not None:
        kept = _calendar_rows(source, grid, calendar)
        grid = _keep_rows(source, grid, kept, kinds, f"calendar {calendar!r}")
    if running_period == "drop" and len(grid.dates) > 1:
        frequency = infer_frequency(grid.dates, source)
        kept = ~find_running_rows(grid.dates, frequency.unit)
        grid = _keep_rows(source, grid, kept, kinds, "running_period 'drop'")
    return grid


def find_running_rows(dates: pd.DatetimeIndex, unit: Unit) -> Bools:
    """Return which rows seem not to complete their period, shape (T,).

    Such a row lies elsewhere in its period than the rows before it: their median distance from its start and that from
    its end are both missed by more than `_SLACK`. Or it falls into the period of the last row that does not. A row is
    judged by itself and earlier rows alone. In daily tables there is none.
    """
    if unit not in _SLACK:
        return np.zeros(len(dates), dtype=bool)
    number, since, left = _locate_rows(dates, unit)
    odd = np.ones(len(dates), dtype=bool)
    for place in (since, left):
        usual = pd.Series(place).expanding().median().shift().to_numpy()
        odd &= np.abs(place - usual) > _SLACK[unit]
    odd[:_FEWEST] = False
    complete = np.maximum.accumulate(np.where(odd, -1, np.arange(len(dates))))
    before = np.concatenate([[-1], complete[:-1]])
    return np.asarray(odd | ((before >= 0) & (number == number[before])))


def find_repeated_periods(dates: pd.DatetimeIndex, unit: Unit) -> Bools:
    """Return which rows fall into the same month or week (from Monday) as the row before, shape (T,)."""
    out = np.zeros(len(dates), dtype=bool)
    if unit in _SLACK:
        number, _, _ = _locate_rows(dates, unit)
        out[1:] = number[1:] == number[:-1]
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


def _keep_rows(source: str, grid: Grid, kept: Bools, kinds: Sequence[Kind], why: str) -> Grid:
    """Return the kept rows of a grid, with a note of the others."""
    if kept.all():
        return grid
    if not kept.any():
        raise SourceError(f"{source}: {why} leaves no row")
    bars, volume = merge_bars(grid, kept)
    first = grid.dates[~kept][0]
    text = f"{source}: {why} leaves out {int((~kept).sum())} of {len(kept)} rows, the first {first:%Y-%m-%d}"
    note = Finding("calendar", "note", None, first, text)
    return replace(
        grid,
        dates=pd.DatetimeIndex(grid.dates[kept]),
        values=select_rows(grid.values, kept, kinds),
        volume=volume,
        bars=bars,
        findings=(*grid.findings, note),
    )


def _locate_rows(dates: pd.DatetimeIndex, unit: Unit) -> tuple[Ints, Ints, Ints]:
    """Return the number of each row's period, and its distance from the start and the end of that, shape (T,)."""
    days = dates.to_numpy().astype("datetime64[D]")
    if unit == "weeks":
        monday = days.astype(np.int64) + 3  # 1970-01-01 was a Thursday
        return monday // 7, monday % 7, 6 - monday % 7
    months = days.astype("datetime64[M]")
    since = np.busday_count(months.astype("datetime64[D]"), days)
    left = np.busday_count(days, (months + 1).astype("datetime64[D]"))
    return months.astype(np.int64), since, left

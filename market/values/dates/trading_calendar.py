"""Trading calendar: select the rows of a file, and merge the others into them.

The selection of a row depends on rows up to it alone, so that a file that ends sooner keeps the same rows.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from foundation.suggestions import suggest
from foundation.types import Bools, Floats, Ints
from market.errors import SourceError
from market.findings import Finding, Kind
from market.frequency import Unit, infer_frequency
from market.values.dates.sessions import Exchange, is_exchange, load_exchange
from market.values.grid import Grid
from market.values.returns import select_rows

RunningPeriod = Literal["keep", "drop"]

WEEKDAYS = "weekdays"
"""The calendar without Saturdays and Sundays."""
_SLACK: dict[str, int] = {"quarters": 3, "months": 3, "weeks": 1}
"""Weekdays (of a week: days) by which holidays move the usual place of a row in its period: Christmas or Easter at the
end of a month close exchanges for up to three; a weekly close moves from Friday to Thursday."""
_TOGETHER = 64
"""Assets whose bars are merged at a time."""
_FEWEST = 3
"""Earlier rows from which the usual place is known."""


@dataclass(frozen=True, eq=False)
class CalendarRows:
    """Rows of a calendar.

    Attributes
    ----------
    kept : ndarray of bool, shape (T,)
    findings : tuple of Finding
        Notes of the rows that are left out; of an exchange, also its sessions without a row.
    exchange : Exchange or None
    """

    kept: Bools
    findings: tuple[Finding, ...]
    exchange: Exchange | None = None


def find_calendar_rows(source: str, grid: Grid, calendar: str | None) -> CalendarRows:
    """Return the rows of a calendar.

    Parameters
    ----------
    source : str
        Name of the file in messages.
    grid : Grid
    calendar : str or None
        "weekdays", the column at whose prices rows are kept, or an exchange; None keeps all rows.

    Raises
    ------
    SourceError
        If the calendar is neither, or no row is left.
    """
    if calendar is None or not len(grid.dates):
        return CalendarRows(np.ones(len(grid.dates), dtype=bool), ())
    why = f"calendar {calendar!r}"
    if calendar != WEEKDAYS and calendar not in grid.names and _may_be_exchange(calendar):
        if len(grid.dates) > 1 and (found := infer_frequency(grid.dates, source)).unit not in (
            "weekdays",
            "days",
        ):
            raise SourceError(
                f"{source}: data.calendar {calendar!r} is for daily rows, and the rows are {found.name}; leave it out"
            )
        exchange = load_exchange(source, calendar, grid.dates)
        kept = exchange.is_open(grid.dates)
        if not kept.any():
            raise SourceError(f"{source}: {why} leaves no row")
        return CalendarRows(kept, exchange.describe_rows(source, grid.dates), exchange)
    if calendar == WEEKDAYS:
        kept = np.asarray(grid.dates.day_of_week < 5)
    elif calendar in grid.names:
        kept = np.isfinite(grid.values[:, grid.names.index(calendar)])
    else:
        raise SourceError(
            f"{source}: data.calendar is {calendar!r}, expected {WEEKDAYS!r}, the name of a column, or an exchange "
            f"such as XNYS{suggest(calendar, [WEEKDAYS, *grid.names])}"
        )
    return CalendarRows(kept, note_rows_left_out(source, grid.dates, kept, why))


def _may_be_exchange(name: str) -> bool:
    """Return whether a calendar is an exchange, or looks like the code of one."""
    return is_exchange(name) or re.fullmatch(r"X[A-Z]{3}", name) is not None


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
    """Return which rows fall into the same quarter, month or week (from Monday) as the row before, shape (T,)."""
    out = np.zeros(len(dates), dtype=bool)
    if unit in _SLACK:
        number, _, _ = _locate_rows(dates, unit)
        out[1:] = number[1:] == number[:-1]
    return out


def note_rows_left_out(source: str, dates: pd.DatetimeIndex, kept: Bools, why: str) -> tuple[Finding, ...]:
    """Return a note of the rows that are not kept; none if all are.

    Raises
    ------
    SourceError
        If no row is left.
    """
    if kept.all():
        return ()
    if not kept.any():
        raise SourceError(f"{source}: {why} leaves no row")
    first = dates[~kept][0]
    text = f"{source}: {why} leaves out {int((~kept).sum())} of {len(kept)} rows, the first {first:%Y-%m-%d}"
    return (Finding("calendar", "note", None, first, text),)


def keep_rows(grid: Grid, kept: Bools, kinds: Sequence[Kind]) -> Grid:
    """Return some rows of a grid, with the others merged into the next kept one.

    Parameters
    ----------
    grid : Grid
    kept : ndarray of bool, shape (T,)
    kinds : sequence of {"prices", "returns"}, length N
        What each column holds: returns compound over rows that are left out.
    """
    if kept.all():
        return grid
    bars, volume = _merge_bars(grid, kept)
    return replace(
        grid,
        dates=pd.DatetimeIndex(grid.dates[kept]),
        values=select_rows(grid.values, kept, kinds),
        volume=volume,
        bars=bars,
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
    with np.errstate(divide="ignore", invalid="ignore"):  # prices of 0 are found by the checks
        unit = grid.values / grid.bars["close"] if "close" in grid.bars else np.ones_like(grid.values)
    unit = np.where(np.isfinite(unit), unit, 1.0)
    shares = None if grid.volume is None else grid.volume / unit
    out = {name: np.full(grid.values.shape, np.nan) for name in grid.bars}
    volume = None if shares is None else np.full(grid.values.shape, np.nan)
    for first in range(0, grid.values.shape[1], _TOGETHER):
        block = slice(first, first + _TOGETHER)
        end = ends[:, block].T
        inside = end < n
        own = unit[:, block].T[inside]
        scaled = {name: prices[:, block].T[inside] * own for name, prices in grid.bars.items()}
        table = pd.DataFrame(scaled | ({} if shares is None else {"volume": shares[:, block].T[inside]}))
        if "vwap" in table and "volume" in table:
            table["money"] = table["vwap"] * table["volume"]
        key = np.nonzero(inside)[0] * n + end[inside]
        groups, bars_of_block = table.groupby(key), np.unique(key)
        at = (bars_of_block % n, first + bars_of_block // n)
        back = unit[at]
        how = {"open": "first", "high": "max", "low": "min", "close": "last", "vwap": "last"}
        for name in grid.bars:
            out[name][at] = groups[name].agg(how[name]).to_numpy() / back
        if volume is not None:
            volume[at] = groups["volume"].sum(min_count=1).to_numpy() * back
        if "money" in table:
            mean = groups["money"].sum(min_count=1) / groups["volume"].sum(min_count=1)
            alone = (groups.size() == 1).to_numpy()
            out["vwap"][at] = np.where(alone, out["vwap"][at], mean.to_numpy() / back)
    return {name: prices[kept] for name, prices in out.items()}, None if volume is None else volume[kept]


def _locate_rows(dates: pd.DatetimeIndex, unit: Unit) -> tuple[Ints, Ints, Ints]:
    """Return the number of each row's period, and its distance from the start and the end of that, shape (T,)."""
    days = dates.to_numpy().astype("datetime64[D]")
    if unit == "weeks":
        monday = days.astype(np.int64) + 3  # 1970-01-01 was a Thursday
        return monday // 7, monday % 7, 6 - monday % 7
    length = 3 if unit == "quarters" else 1
    number = days.astype("datetime64[M]").astype(np.int64) // length  # 1970-01 began a quarter
    first, after = ((months * length).astype("datetime64[M]") for months in (number, number + 1))
    since = np.busday_count(first.astype("datetime64[D]"), days)
    return number, since, np.busday_count(days, after.astype("datetime64[D]"))

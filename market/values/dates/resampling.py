"""Resampling: one row for each complete period of a finer file, dated at its last trading date.

Each asset's value is its last one of the period; returns compound over the period, and bars and volumes cover it. The
row of a period depends on rows up to it alone. A file that ends sooner has the same complete periods.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.suggestions import suggest
from foundation.types import Bools, Floats, Ints
from market.errors import SourceError
from market.findings import INTERPRETATION, Finding, Kind
from market.frequency import Frequency, infer_frequency
from market.values.dates.periods import (
    NextSession,
    PeriodName,
    find_period_ends,
    is_period_over,
    is_period_whole,
    number_periods,
    period_frequency,
    period_noun,
)
from market.values.grid import Grid

_ENOUGH = 10
"""Prices of an asset from which it is known whether it trades at weekends."""


@dataclass(frozen=True)
class Resampling:
    """How to reduce rows to periods.

    Attributes
    ----------
    source : str
        Name of the file in messages.
    period : str
        Length of a period.
    running_period : {"keep", "drop"}
        Whether the last period counts before it is over.
    kind : {"prices", "returns"}
        What the assets hold.
    next_session : callable, optional
        Sessions of an exchange, which tell when a period is over.
    """

    source: str
    period: PeriodName
    running_period: Literal["keep", "drop"]
    kind: Kind
    next_session: NextSession | None = None

    def apply(self, grid: Grid, kept: Bools) -> tuple[Grid, Bools]:
        """Return a grid whose rows at the ends of periods hold the last values of each, and those rows.

        Parameters
        ----------
        grid : Grid
        kept : ndarray of bool, shape (T,)
            Rows of the calendar; values of others are of no period, and their returns are earned in the next one.

        Returns
        -------
        grid : Grid
            All rows, with notes.
        ends : ndarray of bool, shape (T,)

        Raises
        ------
        SourceError
            If the rows are rarer than the periods, fewer than 2 periods are complete, or periods end at weekends for
            some of the assets.
        """
        dates = pd.DatetimeIndex(grid.dates[kept])
        found = infer_frequency(dates, self.source)
        self._check_finer(found)
        ends, number = find_period_ends(dates, self.period), number_periods(dates, self.period)
        notes = []
        if self.running_period == "drop" and not is_period_over(dates, self.period, found, self.next_session):
            ends[-1] = False
            notes.append(self._note_running(dates, number))
        if self.kind == "returns" and not is_period_whole(dates, self.period, found):
            ends &= number != number[0]
            notes.append(self._note_partial(dates))
        if ends.sum() < 2:
            count = format_count(int(ends.sum()), f"complete {period_noun(self.period)}")
            raise SourceError(
                f"{self.source}: data.frequency {self.period!r}: {count} from {dates[0]:%Y-%m-%d} to "
                f"{dates[-1]:%Y-%m-%d}, expected at least 2"
            )
        rows = np.flatnonzero(kept)
        stamps = rows[ends]
        begins = rows[np.searchsorted(number, number[ends])]
        self._check_weekends(grid, kept, stamps)
        moved, late = carry_values(grid, kept, stamps, begins)
        if not ends.all():
            notes.append(self._note(found, dates, ends))
            notes += self._note_late(late)
        mask = np.zeros(len(kept), dtype=bool)
        mask[stamps] = True
        return replace(moved, findings=(*grid.findings, *notes)), mask

    def _check_finer(self, found: Frequency) -> None:
        """Refuse unknown periods, and rows that are rarer than the periods."""
        known = get_args(PeriodName)
        if self.period not in known:
            raise SourceError(
                f"{self.source}: unknown data.frequency {self.period!r}{suggest(self.period, known)}"
            )
        if found.periods_per_year < period_frequency(self.period).periods_per_year:
            raise SourceError(
                f"{self.source}: data.frequency is {self.period!r}, but the rows are {found.name}; rows can only be "
                f"merged into longer periods: set data.frequency: {found.name}, or leave it out"
            )

    def _check_weekends(self, grid: Grid, kept: Bools, stamps: Ints) -> None:
        """Refuse periods that end at a weekend for some assets, and on Friday for others.

        A decision would know the weekend and trade at Friday's prices.
        """
        weekend = np.asarray(grid.dates.day_of_week >= 5)
        if self.period == "daily" or not weekend[stamps].any():
            return
        there = ~np.isnan(grid.values) & kept[:, None]
        closed = (np.cumsum(there, axis=0) >= _ENOUGH) & (np.cumsum(there & weekend[:, None], axis=0) == 0)
        at = stamps[weekend[stamps]]
        wrong = np.argwhere(closed[at] & np.asarray(there[at].any(axis=1))[:, None])
        if len(wrong):
            row, column = int(at[wrong[0, 0]]), int(wrong[0, 1])
            other = grid.names[int(np.argmax(there[row]))]
            raise SourceError(
                f"{self.source}: a {period_noun(self.period)} ends on {grid.dates[row]:%A, %Y-%m-%d} for {other!r}, "
                f"but {grid.names[column]!r} has no prices at weekends and could not be traded at that close; set "
                "data.calendar to the rows that count: weekdays, the name of a column, or an exchange such "
                "as XNYS"
            )

    def _note(self, found: Frequency, dates: pd.DatetimeIndex, ends: Bools) -> Finding:
        """Note what the rows became."""
        stamps, noun = dates[ends], period_noun(self.period)
        text = (
            f"{self.source}: data.frequency {self.period!r} makes {format_count(len(stamps), noun)} of "
            f"{format_count(len(dates), f'{found.name} row')}, each with the last values of the {noun} and dated at "
            f"its last row: {stamps[0]:%Y-%m-%d} to {stamps[-1]:%Y-%m-%d}"
        )
        return Finding(INTERPRETATION, "note", None, stamps[0], text)

    def _note_late(self, late: tuple[str, pd.Timestamp, pd.Timestamp, int] | None) -> list[Finding]:
        """Note values that are older than the row in which they count."""
        if late is None:
            return []
        name, stamp, day, count = late
        text = (
            f"{self.source}: column {name!r}: the last value of the {period_noun(self.period)} that ends on "
            f"{stamp:%Y-%m-%d} is of {day:%Y-%m-%d} ({format_count(count, 'such value')} in all columns)"
        )
        return [Finding(INTERPRETATION, "note", name, stamp, text)]

    def _note_running(self, dates: pd.DatetimeIndex, number: Ints) -> Finding:
        """Note the period that is left out because it is not over."""
        first, noun = dates[int(np.searchsorted(number, number[-1]))], period_noun(self.period)
        text = (
            f"{self.source}: the {noun} from {first:%Y-%m-%d} is left out: the last row, {dates[-1]:%Y-%m-%d}, does "
            "not show that it is over; data.running_period: keep counts it as a whole one"
        )
        if self.next_session is None:
            text += ", and data.calendar with an exchange such as XNYS knows holidays"
        return Finding("running period", "note", None, dates[-1], text)

    def _note_partial(self, dates: pd.DatetimeIndex) -> Finding:
        """Note the first period of returns, of which some are missing."""
        text = (
            f"{self.source}: the {period_noun(self.period)} of the first row, {dates[0]:%Y-%m-%d}, is left out: the "
            "returns do not reach back to its beginning"
        )
        return Finding("partial period", "note", None, dates[0], text)


def carry_values(
    grid: Grid, kept: Bools, stamps: Ints, begins: Ints
) -> tuple[Grid, tuple[str, pd.Timestamp, pd.Timestamp, int] | None]:
    """Move the last value of each period to its last row, with its bar and volume.

    Parameters
    ----------
    grid : Grid
    kept : ndarray of bool, shape (T,)
        Rows whose values count.
    stamps, begins : ndarray of int, shape (P,)
        Last and first row of each period.

    Returns
    -------
    grid : Grid
    late : tuple or None
        Column, row's date and value's date of the first value that was moved, and the number of them.
    """
    absent = np.isnan(grid.values[stamps])
    if not absent.any():
        return grid, None
    there = ~np.isnan(grid.values) & kept[:, None]
    newest = np.maximum.accumulate(np.where(there, np.arange(len(kept))[:, None], -1), axis=0)[stamps]
    period, column = np.nonzero(absent & (newest >= begins[:, None]))
    if not len(period):
        return grid, None
    to, away = (stamps[period], column), (newest[period, column], column)

    def move(array: Floats) -> Floats:
        out = array.copy()
        out[to] = np.where(np.isnan(array[to]), array[away], array[to])
        out[away] = np.nan
        return out

    moved = replace(grid, values=move(grid.values), bars={name: move(bar) for name, bar in grid.bars.items()})
    if grid.volume is not None:
        units = np.where(np.isnan(grid.volume[away]), grid.volume[to], grid.volume[away])
        both = ~np.isnan(grid.volume[to]) & ~np.isnan(grid.volume[away])
        volume = grid.volume.copy()
        volume[to] = np.where(both, grid.volume[to] + grid.volume[away], units)
        volume[away] = np.nan
        moved = replace(moved, volume=volume)
    late = (grid.names[int(column[0])], grid.dates[int(to[0][0])], grid.dates[int(away[0][0])], len(period))
    return moved, late

"""Row selection: the rows of a file that become rows of the panel, by calendar, period and frequency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from market.findings import Kind
from market.frequency import infer_frequency
from market.values.dates.periods import PeriodName
from market.values.dates.resampling import Resampling
from market.values.dates.trading_calendar import (
    RunningPeriod,
    find_calendar_rows,
    find_running_rows,
    keep_rows,
    note_rows_left_out,
)
from market.values.grid import Grid


@dataclass(frozen=True, eq=False)
class SelectedRows:
    """Rows of a file before and after the selection.

    Attributes
    ----------
    whole : Grid
        All rows, with the last values of each period at its last row.
    kept : Grid
        Rows of the panel.
    """

    whole: Grid
    kept: Grid


@dataclass(frozen=True)
class RowSettings:
    """Which rows to keep.

    Attributes
    ----------
    calendar : str or None
        "weekdays", the column at whose prices rows are kept, or an exchange; None keeps all rows.
    frequency : str or None
        Length of the periods of which one row each is made; None makes none.
    running_period : {"keep", "drop"} or None
        Whether to leave out rows that do not complete their period. None means drop with a frequency, otherwise keep.
    kind : {"prices", "returns"}
        What the assets hold.
    """

    calendar: str | None
    frequency: PeriodName | None
    running_period: RunningPeriod | None
    kind: Kind

    def select(self, source: str, grid: Grid, kinds: Sequence[Kind]) -> SelectedRows:
        """Leave out the rows that are not in a calendar, and those that do not complete their period.

        Parameters
        ----------
        source : str
            Name of the file in messages.
        grid : Grid
        kinds : sequence of {"prices", "returns"}, length N
            What each column holds: returns compound over rows that are left out.

        Raises
        ------
        SourceError
            If the calendar is no column, the rows are rarer than the periods, or no row is left.
        """
        calendar = find_calendar_rows(source, grid, self.calendar)
        kept, exchange = calendar.kept, calendar.exchange
        grid = replace(grid, findings=(*grid.findings, *calendar.findings))
        if self.frequency is not None:
            running = self.running_period or "drop"
            following = None if exchange is None else exchange.next_session
            resampling = Resampling(source, self.frequency, running, self.kind, following)
            grid, kept = resampling.apply(grid, kept)
        elif self.running_period == "drop" and kept.sum() > 1:
            dates = pd.DatetimeIndex(grid.dates[kept])
            whole = ~find_running_rows(dates, infer_frequency(dates, source).unit)
            notes = note_rows_left_out(source, dates, whole, "running_period 'drop'")
            grid = replace(grid, findings=(*grid.findings, *notes))
            kept[np.flatnonzero(kept)[~whole]] = False
        return SelectedRows(grid, keep_rows(grid, kept, kinds))

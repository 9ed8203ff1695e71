"""Periods: rows that share a quarter, a month or a week, do not complete theirs, or repeat Friday's price."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from market.findings import Finding
from market.frequency import Frequency
from market.values.dates.trading_calendar import find_repeated_periods, find_running_rows
from market.values.table import Table

_CARRIED = 0.9
"""Share of weekend rows without a move from which a column is taken not to trade then."""


def check_periods(source: str, dates: pd.DatetimeIndex, frequency: Frequency) -> Iterator[Finding]:
    """Find a running period at the end, two rows in one period before it, and months dated at their start."""
    unit, period = frequency.unit, frequency.unit.removesuffix("s")
    repeated, running = find_repeated_periods(dates, unit), find_running_rows(dates, unit)
    if len(dates) and running[-1]:
        text = (
            f"{source}: the last row, {dates[-1]:%Y-%m-%d}, seems to be a running {period}: the row before is dated "
            f"{dates[-2]:%Y-%m-%d}. It counts as a whole {period}; leave it out by data.running_period: drop"
        )
        yield Finding("running period", "warning", None, dates[-1], text)
    rows = np.flatnonzero(repeated[:-1])
    if len(rows):
        more = f" ({len(rows)} such rows)" if len(rows) > 1 else ""
        text = (
            f"{source}: {dates[rows[0] - 1]:%Y-%m-%d} and {dates[rows[0]]:%Y-%m-%d} fall into one {period}, and each "
            f"counts as a whole one{more}; expected one row a {period}"
        )
        yield Finding("repeated period", "warning", None, dates[rows[0]], text)
    if unit in ("months", "quarters"):
        yield from _check_month_starts(source, dates, period)


def _check_month_starts(source: str, dates: pd.DatetimeIndex, period: str) -> Iterator[Finding]:
    """Find rows that are dated at the start of their month or quarter."""
    starts = np.asarray(dates.day == 1)
    if starts.mean() > 0.5:
        count = "all" if starts.all() else f"{int(starts.sum())} of {len(starts)}"
        text = (
            f"{source}: {count} dates are the first of a month, and a row counts as known at the close of"
            f" its date; if rows describe the {period} that begins there, date them at its end"
        )
        yield Finding("month start", "warning", None, dates[int(np.argmax(starts))], text)


def check_carried(table: Table) -> Iterator[Finding]:
    """Find columns of a table of all days whose weekends only repeat Friday's price."""
    weekend = np.asarray(table.dates.day_of_week >= 5)
    if table.frequency.unit != "days":
        return
    there, still = np.isfinite(table.returns), table.returns == 0.0
    with np.errstate(invalid="ignore", divide="ignore"):
        at_weekends = (still & there)[weekend].sum(axis=0) / there[weekend].sum(axis=0)
        on_weekdays = (still & there)[~weekend].sum(axis=0) / there[~weekend].sum(axis=0)
    carried = [
        table.names[n] for n in np.flatnonzero((at_weekends > _CARRIED) & (on_weekdays < _CARRIED / 2))
    ]
    if carried:
        names = f"{', '.join(carried[:5])}{' and others' if len(carried) > 5 else ''}"
        text = (
            f"{table.source}: {names} stand still at weekends: prices of Friday are "
            "repeated, which makes them look calmer than they are; leave weekends out by "
            "data.calendar: weekdays"
        )
        yield Finding("carried weekend", "warning", carried[0], table.dates[int(np.argmax(weekend))], text)

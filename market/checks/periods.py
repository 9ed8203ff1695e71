"""Periods: the months and weeks that rows belong to, and rows that do not complete theirs."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from foundation.types import Bools, Floats, Ints
from market.calendar import Frequency, Unit
from market.findings import Finding, Table

_SLACK: dict[str, int] = {"months": 3, "weeks": 1}
"""Weekdays (of a week: days) by which holidays move the usual place of a row in its period: Christmas or Easter at the
end of a month close exchanges for up to three; a weekly close moves from Friday to Thursday."""
_CARRIED = 0.9
"""Share of weekend rows without a move from which a column is taken not to trade then."""
_FEWEST = 3
"""Earlier rows from which the usual place is known."""


def _find_repeated_periods(dates: pd.DatetimeIndex, unit: Unit) -> Bools:
    """Return which rows fall into the same month or week (from Monday) as the row before, shape (T,)."""
    out = np.zeros(len(dates), dtype=bool)
    if unit in _SLACK:
        number, _, _ = _locate_rows(dates, unit)
        out[1:] = number[1:] == number[:-1]
    return out


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


def check_periods(source: str, dates: pd.DatetimeIndex, frequency: Frequency) -> Iterator[Finding]:
    """Find a running period at the end, two rows in one period before it, and months dated at their start."""
    unit, period = frequency.unit, frequency.unit.removesuffix("s")
    repeated, running = _find_repeated_periods(dates, unit), find_running_rows(dates, unit)
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
    starts = np.asarray(dates.day == 1)
    if unit == "months" and starts.mean() > 0.5:
        count = "all" if starts.all() else f"{int(starts.sum())} of {len(starts)}"
        text = (
            f"{source}: {count} dates are the first of a month, and a row counts as known at the close of"
            " its date; if rows describe the month that begins there, date them at its end"
        )
        yield Finding("month start", "warning", None, dates[int(np.argmax(starts))], text)


def check_carried(table: Table, returns: Floats) -> Iterator[Finding]:
    """Find columns of a table of all days whose weekends only repeat Friday's price."""
    weekend = np.asarray(table.dates.day_of_week >= 5)
    if table.frequency.unit != "days":
        return
    there, still = np.isfinite(returns), returns == 0.0
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

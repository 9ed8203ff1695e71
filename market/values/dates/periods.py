"""Periods: days, weeks, months and quarters by number, and whether rows reach their beginning and their end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import numpy as np
import pandas as pd

from foundation.types import Bools, Ints
from market.frequency import DAILY, MONTHLY, QUARTERLY, WEEKLY, Frequency
from market.values.dates.trading_calendar import find_running_rows

PeriodName = Literal[
    "daily", "weekly", "W-MON", "W-TUE", "W-WED", "W-THU", "W-FRI", "W-SAT", "W-SUN", "monthly", "quarterly"
]
"""Lengths of periods. A weekly one ends on Sunday, W-FRI on Friday."""
NextSession = Callable[[pd.DatetimeIndex], pd.DatetimeIndex]
"""Returns the first date after each of others at which a market is open."""

_WEEK_ENDS = {"weekly": 6} | {
    f"W-{day}": number for number, day in enumerate(("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"))
}
_KNOWN_WEEKS = 20
"""Rows from which a weekday without any is one on which the market is never open."""
_HOLIDAYS = 3
"""Weekdays of a period before the first row that holidays explain."""


def period_frequency(name: PeriodName) -> Frequency:
    """Return the frequency of rows of one period each."""
    return {"daily": DAILY, "monthly": MONTHLY, "quarterly": QUARTERLY}.get(name, WEEKLY)


def period_noun(name: PeriodName) -> str:
    """Return what one period is called."""
    return {"daily": "day", "monthly": "month", "quarterly": "quarter"}.get(name, "week")


def number_periods(dates: pd.DatetimeIndex, name: PeriodName) -> Ints:
    """Return the number of the period that each date falls into, shape (T,): one more for each later period."""
    days = dates.to_numpy().astype("datetime64[D]")
    if name in _WEEK_ENDS:
        return np.asarray(
            (days.astype(np.int64) + 3 - (_WEEK_ENDS[name] + 1)) // 7
        )  # 1970-01-01 was a Thursday
    if name == "daily":
        return days.astype(np.int64)
    months = days.astype("datetime64[M]").astype(np.int64)
    return months // 3 if name == "quarterly" else months


def find_period_ends(dates: pd.DatetimeIndex, name: PeriodName) -> Bools:
    """Return the last row of each period, shape (T,); the last row of all is one, whether its period is over or not."""
    number = number_periods(dates, name)
    return np.concatenate([number[1:] != number[:-1], np.ones(min(1, len(dates)), dtype=bool)])


def trading_weekdays(dates: pd.DatetimeIndex) -> Bools:
    """Return the days of the week at which a market is open, Monday first, shape (7,).

    Monday to Friday, unless many rows show none; a day of the weekend if it has half as many rows as others.
    """
    counts = np.bincount(dates.day_of_week, minlength=7)
    regular = counts >= 0.5 * max(counts.max(), 1)
    working = np.arange(7) < 5
    return np.asarray(regular | (working & ((counts > 0) | (len(dates) < _KNOWN_WEEKS))))


def is_period_over(
    dates: pd.DatetimeIndex, name: PeriodName, found: Frequency, next_session: NextSession | None = None
) -> bool:
    """Return whether the last row completes its period, as far as that is known at its close.

    It does if the next row can only fall into a later one: the next trading weekday or session of daily rows, a week,
    a month or a quarter later of others.

    Parameters
    ----------
    dates : DatetimeIndex of length T
    name : str
        Length of the period.
    found : Frequency
        How often there are rows.
    next_session : callable, optional
        Sessions of an exchange, for daily rows. Without it a weekday that is a holiday counts as a day to come.
    """
    if found.unit == "weeks" and find_running_rows(dates, "weeks")[-1]:
        return False
    last = dates[-1:]
    following = _expect_next(last, found, trading_weekdays(dates), next_session)
    return bool(number_periods(following, name)[0] > number_periods(last, name)[0])


def is_period_whole(dates: pd.DatetimeIndex, name: PeriodName, found: Frequency) -> bool:
    """Return whether the rows reach back to the beginning of the first row's period, holidays aside."""
    first = dates[:1]
    if found.unit in ("weekdays", "days"):
        day = first.to_numpy().astype("datetime64[D]") - 1
        before = np.busday_offset(day, -_HOLIDAYS, roll="backward", weekmask=trading_weekdays(dates))
        reached = pd.DatetimeIndex(before)
    else:
        reached = pd.DatetimeIndex(first - _STEPS[found.unit])
    return bool(number_periods(reached, name)[0] < number_periods(first, name)[0])


def find_known_ends(
    dates: pd.DatetimeIndex, name: PeriodName, found: Frequency, next_session: NextSession | None = None
) -> Bools:
    """Return the rows at whose close it is first known that a period is over, shape (T,).

    That is the last trading weekday or session of the period. Without sessions, if that weekday is a holiday, it is the
    first row of the next period. Later rows do not change whether a row is one.

    Parameters
    ----------
    dates : DatetimeIndex of length T
    name : str
        Length of the period.
    found : Frequency
        How often there are rows.
    next_session : callable, optional
        Sessions of an exchange, for daily rows.
    """
    if not len(dates):
        return np.zeros(0, dtype=bool)
    following = _expect_next(dates, found, trading_weekdays(dates[:_KNOWN_WEEKS]), next_session)
    running = number_periods(following, name)
    before = np.concatenate([number_periods(dates[:1], name), np.maximum.accumulate(running)[:-1]])
    return np.asarray(running > before)


_STEPS: dict[str, pd.offsets.BaseOffset] = {
    "weeks": pd.offsets.Day(7),
    "months": pd.offsets.BMonthEnd(),
    "quarters": pd.offsets.BQuarterEnd(startingMonth=3),
}


def _expect_next(
    dates: pd.DatetimeIndex, found: Frequency, weekdays: Bools, next_session: NextSession | None
) -> pd.DatetimeIndex:
    """Return the date at which a row is expected after each of others, shape (T,)."""
    if found.unit not in ("weekdays", "days"):
        return pd.DatetimeIndex(dates + _STEPS[found.unit])
    if next_session is not None:
        return next_session(dates)
    days = dates.to_numpy().astype("datetime64[D]") + 1
    return pd.DatetimeIndex(np.busday_offset(days, 0, roll="forward", weekmask=weekdays))

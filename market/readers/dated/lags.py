"""Declared lags: the time from the end of a period until its value is known."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.types import Ints

Unit = Literal["day", "week", "month", "year", "observation", "business day"]
_FORM = re.compile(r"(\d{1,4})\s*(business day|day|week|month|quarter|year|observation)s?", re.IGNORECASE)
_DAYS = {"day": 1, "week": 7, "month": 31, "quarter": 93, "year": 366}
_WISH = (
    "expected 1 month, 10 days, 2 weeks, 1 observation, next business day, or 0 days (each value is known at the close"
    " of the last day of its period)"
)


@dataclass(frozen=True)
class Lag:
    """A number of units of time."""

    count: int
    unit: Unit

    def __str__(self) -> str:
        """Return the lag in words."""
        return format_count(self.count, self.unit)

    @property
    def most_days(self) -> int:
        """Days that the lag takes at most; 0 for observations, whose length it does not know."""
        return self.count * {"business day": 3, "observation": 0, **_DAYS}[self.unit]


def parse_lag(text: str) -> Lag:
    """Return the lag of a text such as `10 days`.

    Raises
    ------
    ValueError
        If it is none; says what is expected.
    """
    text = " ".join(text.split())
    if text.lower() == "next business day":
        return Lag(1, "business day")
    found = _FORM.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no lag; {_WISH}")
    count, unit = int(found[1]), found[2].lower()
    if unit == "quarter":
        return Lag(3 * count, "month")
    return Lag(count, unit)  # type: ignore[arg-type]


def explain_clocks(lag: str | None, known_at: str | None) -> str:
    """Return what is wrong with settings that do not say, or say twice, when a value was known; "" if nothing is."""
    if (lag is None) != (known_at is None):
        return ""
    return (
        "when was a value known? Give lag, the time from the end of its period until it was published, or known_at, the"
        f" column with the date of publication; {'neither' if lag is None else 'both'}"
        f" {'is' if lag is None else 'are'} given. For lag, {_WISH}"
    )


def parse_age(text: str) -> int:
    """Return the days of an age such as `18 months`: a month counts 31 days, a year 366.

    Raises
    ------
    ValueError
        If it is none.
    """
    found = _FORM.fullmatch(" ".join(text.split()))
    if found is None or found[2].lower() not in _DAYS or int(found[1]) == 0:
        raise ValueError(f"{text!r} is no age; expected 10 days, 3 months or 2 years")
    return int(found[1]) * _DAYS[found[2].lower()]


def add_lag(ends: pd.DatetimeIndex, lag: Lag, period: int) -> pd.DatetimeIndex:
    """Return when the values of periods that end at these dates became known; NaT where that is still to come.

    Parameters
    ----------
    ends : DatetimeIndex of length n
        Distinct, increasing.
    lag : Lag
        Months after the last day of a month end at the last day of theirs. An observation of a regular series counts
        one period, of any other the time until the next one of `ends`.
    period : int
        Months of a period, 0 for an irregular series.
    """
    if lag.unit == "observation" and not period:
        later = np.arange(len(ends)) + lag.count
        out = ends.take(np.minimum(later, max(len(ends) - 1, 0))) if len(ends) else ends
        return pd.DatetimeIndex(out.where(later < len(ends)))
    if lag.unit in ("month", "year", "observation"):
        months = lag.count * {"month": 1, "year": 12}.get(lag.unit, period)
        moved = ends + pd.DateOffset(months=months)
        return pd.DatetimeIndex(moved.where(~ends.is_month_end, moved + pd.offsets.MonthEnd(0)))
    if lag.unit == "business day":
        days = ends.to_numpy().astype("datetime64[D]")
        return pd.DatetimeIndex(np.busday_offset(days, lag.count, roll="backward")).as_unit(ends.unit)
    return ends + pd.Timedelta(days=lag.count * _DAYS[lag.unit])


def default_age(period: int, gap: int, known_within: int) -> int | None:
    """Return the days after which a value of a regular series expires, None for one without a usual distance.

    That is about three periods, or two if they are longer than a month, and the time until it was known.

    Parameters
    ----------
    period : int
        Months of a period, 0 if it is shorter than a month or irregular.
    gap : int
        Usual days between two observations of a series with period 0; 0 if they are irregular.
    known_within : int
        Days until a value is known, by its lag.
    """
    usual: Ints | int | None = {1: 93, 3: 186, 6: 372, 12: 750}.get(period)
    if usual is None and not period:
        usual = {1: 10, 7: 21}.get(gap)
    return None if usual is None else int(usual) + known_within

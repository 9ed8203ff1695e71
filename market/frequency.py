"""How often a table is observed, and the distances between dates that its frequency explains."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from foundation.counts import format_count
from market.errors import DataError, SourceError

Unit = Literal["weekdays", "days", "weeks", "months", "quarters"]


@dataclass(frozen=True)
class Frequency:
    """How often a table is observed, and the gaps and moves to expect at that frequency.

    Attributes
    ----------
    name : str
    periods_per_year : int
        Observations in a year.
    unit : str
        Distance of neighbours in a calendar without gaps.
    excused : int
        Units in a row that holidays explain: Easter closes exchanges for two weekdays.
    stale_after : int
        Unchanged observations in a row after which a price is suspected of not being one.
    implausible : float
        Size of a log return in one step above which a warning is given.
    longest_closure : int
        Rows in a row without a price after which an asset counts as delisted; until then its market is closed.
        The longest regular closures are China's golden weeks (6 to 8 trading days of other exchanges), hence 10
        daily rows. A week and its neighbour can both fall into such a closure. A month or a quarter without any
        price is already rare, so that only one is excused.
    """

    name: str
    periods_per_year: int
    unit: Unit
    excused: int
    stale_after: int
    implausible: float
    longest_closure: int


DAILY = Frequency("daily", 252, "weekdays", excused=2, stale_after=8, implausible=0.40, longest_closure=10)
_SIX_DAYS = replace(DAILY, name="daily, six days a week", periods_per_year=302)
EVERY_DAY = replace(DAILY, name="daily, weekends too", periods_per_year=365, unit="days", excused=0)
WEEKLY = Frequency("weekly", 52, "weeks", excused=0, stale_after=4, implausible=0.70, longest_closure=2)
MONTHLY = Frequency("monthly", 12, "months", excused=0, stale_after=3, implausible=1.10, longest_closure=1)
QUARTERLY = Frequency(
    "quarterly", 4, "quarters", excused=0, stale_after=3, implausible=1.60, longest_closure=1
)
_FREQUENCIES = (DAILY, _SIX_DAYS, EVERY_DAY, WEEKLY, MONTHLY, QUARTERLY)
_SPACINGS = {252: (0, 4), 302: (0, 4), 365: (0, 4), 52: (3, 9), 12: (15, 28), 4: (55, 75)}
"""Weekdays between two rows that the frequency and its holidays explain, by periods in a year."""


@dataclass(frozen=True)
class ThirdOfRow:
    """A month in data of quarters: a number of months that are whole quarters, times it, is a number of rows."""

    def __rmul__(self, months: float) -> int:
        """Return the rows of months.

        Raises
        ------
        ValueError
            If the months are no whole quarters.
        """
        if months % 3:
            raise ValueError(f"{months:g} months are no whole quarters, and the rows are quarters")
        return int(months // 3)

    __mul__ = __rmul__


Month = int | ThirdOfRow
"""Rows in a month."""


def count_month(periods_per_year: int) -> Month:
    """Return the rows in a month: 1 of monthly data, 21 of daily data, a third of a row of quarters."""
    return round(periods_per_year / 12) if periods_per_year >= MONTHLY.periods_per_year else ThirdOfRow()


def nearest_frequency(periods_per_year: int) -> Frequency:
    """Return the frequency whose number of periods in a year is nearest."""
    return min(_FREQUENCIES, key=lambda frequency: abs(frequency.periods_per_year - periods_per_year))


def longest_closure(periods_per_year: int) -> int:
    """Return `Frequency.longest_closure` of the nearest frequency."""
    return nearest_frequency(periods_per_year).longest_closure


def find_foreign_spacings(dates: pd.DatetimeIndex, periods_per_year: int) -> NDArray[np.int64]:
    """Return the rows whose distance from the row before is that of another frequency, increasing."""
    days = _as_days(dates)
    low, high = _SPACINGS[nearest_frequency(periods_per_year).periods_per_year]
    spacing = np.busday_count(days[:-1], days[1:])
    return np.flatnonzero((spacing < low) | (spacing > high)) + 1


def infer_frequency(dates: pd.DatetimeIndex, source: str) -> Frequency:
    """Infer the frequency from the median spacing.

    Parameters
    ----------
    dates : DatetimeIndex of length T
        Strictly increasing.
    source : str
        What to call the table in a message.

    Raises
    ------
    DataError
        If there are fewer than 2 dates.
    SourceError
        If the dates are neither daily, weekly, monthly nor quarterly.
    """
    if len(dates) < 2:
        raise DataError(f"{source}: {format_count(len(dates), 'date')}, expected at least 2")
    # In weekdays a Monday follows a Friday, so that a handful of rows around a weekend is still daily.
    days = _as_days(dates)
    distances = np.busday_count(days[:-1], days[1:])
    spacing = int(np.quantile(distances, 0.5, method="lower"))
    # A few daily rows with holidays and gaps between them: other frequencies have no neighbouring days.
    if spacing <= 1 or (spacing <= 3 and np.mean(distances <= 1) >= 0.25):
        return _classify_daily(dates)
    if 4 <= spacing <= 6:
        return WEEKLY
    if 19 <= spacing <= 24:
        return MONTHLY
    if 60 <= spacing <= 68:
        return QUARTERLY
    raise SourceError(
        f"{source}: the median distance between dates is {spacing} weekdays"
        f" ({dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}, {format_count(len(dates), 'date')});"
        " expected daily, weekly, monthly or quarterly observations"
    )


def _classify_daily(dates: pd.DatetimeIndex) -> Frequency:
    """Distinguish five, six and seven trading days a week: a weekend day counts if half as frequent as others.

    Exchanges that trade from Sunday to Thursday have five, currencies from Sunday evening to Friday six.
    """
    counts = np.bincount(dates.day_of_week, minlength=7)
    regular = counts >= 0.5 * counts.max()
    if regular[5:].all():
        return EVERY_DAY
    return _SIX_DAYS if regular.sum() == 6 else DAILY


def count_missing(dates: pd.DatetimeIndex, unit: Unit) -> NDArray[np.int64]:
    """Count the calendar units that are skipped between each date and the one before.

    Parameters
    ----------
    dates : DatetimeIndex of length T
    unit : {"weekdays", "days", "weeks", "months", "quarters"}

    Returns
    -------
    ndarray of int, shape (T,)
        0 in the first row; -1 where two dates fall into the same unit.
    """
    out = np.zeros(len(dates), dtype=np.int64)
    days = _as_days(dates)
    if unit == "weekdays":
        out[1:] = np.busday_count(days[:-1], days[1:])
    elif unit in ("months", "quarters"):
        months = days.astype("datetime64[M]").astype(np.int64)
        out[1:] = np.diff(months // (3 if unit == "quarters" else 1))
    else:
        out[1:] = np.rint(np.diff(days.astype(np.int64)) / (7 if unit == "weeks" else 1))
    out[1:] -= 1
    return out


def _as_days(dates: pd.DatetimeIndex) -> NDArray[np.datetime64]:
    """Return dates as whole days."""
    return dates.to_numpy().astype("datetime64[D]")

"""Sessions: the days on which an exchange is open, from the optional package exchange_calendars."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.suggestions import suggest
from foundation.types import Bools
from market.errors import SourceError
from market.findings import INTERPRETATION, Finding

_AHEAD = (400, 40)
"""Days after the last row for which sessions are needed; some exchanges publish fewer."""
_NAMED = 5
"""Dates that a message names."""


@dataclass(frozen=True, eq=False)
class Exchange:
    """Sessions of an exchange.

    Attributes
    ----------
    name : str
        Its market identifier code, such as XNYS.
    zone : str
        Its time zone.
    sessions : DatetimeIndex of length S
        From the first date that is needed to at least 40 days after the last one.
    half_days : DatetimeIndex
        Sessions that close early.
    opens, closes : DatetimeIndex of length S
        Begin and end of each session, in UTC, without a time zone.
    """

    name: str
    zone: str
    sessions: pd.DatetimeIndex
    half_days: pd.DatetimeIndex
    opens: pd.DatetimeIndex
    closes: pd.DatetimeIndex

    def is_open(self, dates: pd.DatetimeIndex) -> Bools:
        """Return which dates are sessions, shape (T,)."""
        return np.asarray(dates.isin(self.sessions))

    def next_session(self, dates: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """Return the session after each date."""
        return self.sessions[self.sessions.searchsorted(dates, side="right")]

    def describe_rows(self, source: str, dates: pd.DatetimeIndex) -> tuple[Finding, ...]:
        """Return findings: rows at which the exchange is closed, sessions without a row, and half days.

        Parameters
        ----------
        source : str
            Name of the file in messages.
        dates : DatetimeIndex of length T
            All rows of the file, increasing.
        """
        if not len(dates):
            return ()
        span = (self.sessions >= dates[0]) & (self.sessions <= dates[-1])
        closed, absent = dates[~self.is_open(dates)], self.sessions[span].difference(dates)
        early = self.half_days.intersection(dates)
        where = f"{source}: calendar {self.name!r}"
        found = []
        if len(closed):
            text = (
                f"{where}: {format_count(len(closed), 'row is', 'rows are')} left out because the exchange is closed: "
                f"{_name_dates(closed)}; their returns count in the next session"
            )
            found.append(Finding("calendar", "note", None, closed[0], text))
        if len(absent):
            count = format_count(len(absent), "session has no row", "sessions have no row")
            text = f"{where}: {count}: {_name_dates(absent)}; the return of the next row spans them"
            found.append(Finding("missing session", "warning", None, absent[0], text))
        if len(early):
            count = format_count(len(early), "row is a half day", "rows are half days")
            text = f"{where}: {count}, counted as whole ones"
            found.append(Finding(INTERPRETATION, "note", None, early[0], text))
        return tuple(found)


def is_exchange(name: str) -> bool:
    """Return whether an exchange has this name, as far as the package is installed."""
    try:
        import exchange_calendars
    except ModuleNotFoundError:
        return False
    return name in exchange_calendars.get_calendar_names()


def find_exchange(source: str, name: str, dates: pd.DatetimeIndex) -> Exchange | None:
    """Return the sessions of an exchange (see `load_exchange`); None if the name is that of none."""
    return load_exchange(source, name, dates) if is_exchange(name) else None


def load_exchange(source: str, name: str, dates: pd.DatetimeIndex) -> Exchange:
    """Return the sessions of an exchange from the first of some dates to some time after the last.

    Raises
    ------
    SourceError
        If the package is missing, no exchange has the name, or its sessions are not known for these dates.
    """
    try:
        import exchange_calendars
    except ModuleNotFoundError as error:
        raise SourceError(
            f"{source}: data.calendar is {name!r}, which is neither 'weekdays' nor a column; for the sessions of an "
            "exchange, pip install 'tangency[calendars]'"
        ) from error
    if not is_exchange(name):
        known = exchange_calendars.get_calendar_names(include_aliases=False)
        raise SourceError(f"{source}: data.calendar: no exchange is called {name!r}{suggest(name, known)}")
    why = ""
    for days in _AHEAD:
        try:
            with (
                warnings.catch_warnings()
            ):  # about what newer versions of pandas will change inside the package
                warnings.simplefilter("ignore")
                calendar = exchange_calendars.get_calendar(
                    name, start=dates[0] - pd.Timedelta(days=10), end=dates[-1] + pd.Timedelta(days=days)
                )
                early = calendar.early_closes
        except ValueError as error:
            why = str(error)
            continue
        times = (pd.DatetimeIndex(column).tz_convert(None) for column in (calendar.opens, calendar.closes))
        sessions, half_days = calendar.sessions.as_unit(dates.unit), early.as_unit(dates.unit)
        return Exchange(name, str(calendar.tz), sessions, half_days, *times)
    raise SourceError(
        f"{source}: data.calendar {name!r} does not cover {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}: {why} Leave out "
        "the other rows, or choose another calendar"
    )


def _name_dates(dates: pd.DatetimeIndex) -> str:
    """Return the first dates as text."""
    more = f" and {len(dates) - _NAMED} more" if len(dates) > _NAMED else ""
    return f"{', '.join(f'{date:%Y-%m-%d}' for date in dates[:_NAMED])}{more}"

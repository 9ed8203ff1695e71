"""Stamps: dates with a time of day and possibly a UTC offset, and checks that they name the day of the session."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from market.errors import SourceError
from market.findings import Finding

_TIME = re.compile(r"[T ]((?:[01]?\d|2[0-4]):[0-5]\d(?::\d{2}(?:[.,]\d+)?)?)\s*(.*)$")
_MIDNIGHT = re.compile(r"0?0:00(:00([.,]0+)?)?")
_OFFSET = re.compile(r"([+-])(\d{1,2}):?(\d{2})?\b.*")
_NO_ZONE = re.compile(r"(?i)([ap]\.?m\.?)?")
_MOVED = (
    ("Sundays", 6, (4, 5), "Fridays", "early"),
    ("Saturdays", 1, (6, 0), "Mondays", "late"),
)
"""Weeks of sessions that are dated a day too early or too late: their first day, and the days that they lack."""


@dataclass(frozen=True)
class Stamp:
    """Date, time of day and time zone of a text.

    Attributes
    ----------
    day : str
        The text without its time of day.
    is_midnight : bool
        Whether the time of day is none or 0:00.
    has_zone : bool
        Whether it has a UTC offset or names a time zone.
    offset : int or None
        Minutes ahead of UTC, None if unknown.
    seconds : float
        Time of day there, in seconds.
    """

    day: str
    is_midnight: bool = True
    has_zone: bool = False
    offset: int | None = None
    seconds: float = 0.0

    def may_be_shifted(self, shift: str) -> bool:
        """Whether the day may lie before ("early") or after ("late") that of a session farther east or west."""
        known = not self.is_midnight and self.offset is not None
        return known and ((self.offset or 0) <= 0 if shift == "early" else (self.offset or 0) >= 0)

    @classmethod
    def from_epoch(cls, count: int, unit: str) -> Stamp:
        """Return the stamp of a count of units of time since 1970 in UTC."""
        stamp = np.array(count, dtype=f"datetime64[{unit}]")
        day = stamp.astype("datetime64[D]")
        midnight = bool(stamp == day)
        seconds = float((stamp - day) / np.timedelta64(1, "us")) / 1e6
        return cls(str(day), midnight, has_zone=not midnight, offset=0, seconds=seconds)


def read_stamp(text: str) -> Stamp:
    """Return the date, time of day and time zone of a text."""
    text = text.strip()
    found = _TIME.search(text)
    if found is None:
        return Stamp(text)
    time, zone = found.groups()
    midnight = _MIDNIGHT.fullmatch(time) is not None
    day, seconds = text[: found.start()], _count_seconds(time, zone)
    if _NO_ZONE.fullmatch(zone):
        return Stamp(day, midnight, seconds=seconds)
    return Stamp(day, midnight, has_zone=True, offset=_parse_offset(zone), seconds=seconds)


def check_stamps(
    where: str, texts: Sequence[str], stamps: Sequence[Stamp], dates: pd.DatetimeIndex
) -> tuple[Finding, ...]:
    """Check that stamps of a time zone have the days of their sessions.

    Midnight of a session in Tokyo, written in UTC, is 15:00 of the day before, and the close in New York, written in
    Tokyo's time, 6:00 of the day after. Such stamps of sessions from Monday to Friday run from Sunday to Thursday, or
    from Tuesday to Saturday. Two such weeks at the beginning decide, so that a longer file is judged alike.

    Parameters
    ----------
    where : str
        What to call the column in messages.
    texts : sequence of str, length k
    stamps : sequence of Stamp, length k
    dates : DatetimeIndex of length k
        The days that the stamps name.

    Returns
    -------
    tuple of Finding
        A warning that states how stamps with a time zone are dated.

    Raises
    ------
    SourceError
        If the days are those before or after the sessions.
    """
    zoned = [position for position, stamp in enumerate(stamps) if stamp.has_zone]
    if not zoned:
        return ()
    for days, first, absent, none, shift in _MOVED:
        moved = _find_moved(
            dates, [place for place in zoned if stamps[place].may_be_shifted(shift)], first, absent
        )
        if moved is not None:
            raise SourceError(
                f"{where}: stamps such as {texts[moved]!r} fall on {days} and none on {none}: they seem to be sessions"
                f" of Monday to Friday in another time zone, each dated a day too {shift}; write the dates of the"
                " sessions without a time, or set data.sessions to the exchange (XNYS) or its time zone"
            )
    shown = next((place for place in zoned if not stamps[place].is_midnight), zoned[0])
    text = (
        f"{where}: a stamp with a UTC offset or a time zone has the day that it names there: {texts[shown]!r} is"
        f" {dates[shown]:%Y-%m-%d}; if its session has another date, write that date without a time"
    )
    return (Finding("dates with a time zone", "warning", None, dates[shown], text),)


def _find_moved(
    dates: pd.DatetimeIndex, doubtful: Sequence[int], first: int, absent: tuple[int, int]
) -> int | None:
    """Return the stamp after which two weeks had begun on the first day of moved sessions; None if they did not.

    Parameters
    ----------
    dates : DatetimeIndex
    doubtful : sequence of int
        Positions of the stamps whose day may be moved.
    first : int
        Weekday on which a week of moved sessions begins, 0 for Monday.
    absent : tuple of int
        The two weekdays that such weeks lack.
    """
    days, places = np.unique(dates.to_numpy().astype("datetime64[D]"), return_index=True)
    weekday = (days.astype(np.int64) + 3) % 7
    gaps = np.diff(days.astype(np.int64), prepend=days[0].astype(np.int64))
    begins = (weekday == first) & (gaps >= 3) & (gaps <= 5) & np.isin(places, doubtful)
    second = np.flatnonzero(begins)[1:2]
    # Without Saturdays a week that begins on Tuesday follows a holiday.
    before = weekday[: second[0]] if len(second) else weekday[:0]
    if not len(before) or np.isin(before, absent).any() or (first == 1 and 5 not in before):
        return None
    return int(places[second[0]])


def _count_seconds(time: str, half: str) -> float:
    """Return a time of day in seconds; `half` may say that it is of the afternoon."""
    hours, minutes, *seconds = time.replace(",", ".").split(":")
    hour = int(hours)
    if re.match(r"(?i)[ap]\.?m", half):
        hour = hour % 12 + (12 if half[0] in "pP" else 0)
    return 3600.0 * hour + 60.0 * int(minutes) + (float(seconds[0]) if seconds else 0.0)


def _parse_offset(zone: str) -> int | None:
    """Return the minutes of a zone ahead of UTC, None if its name does not say them."""
    zone = re.sub(r"(?i)^(utc|gmt)(?=[+-])", "", zone)
    if re.fullmatch(r"(?i)(z|utc|gmt)\b.*", zone):
        return 0
    found = _OFFSET.fullmatch(zone)
    if found is None:
        return None
    sign, hours, minutes = found.groups()
    return (1 if sign == "+" else -1) * (60 * int(hours) + int(minutes or 0))

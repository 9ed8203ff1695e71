"""Stamps: dates with a time of day and, it may be, a UTC offset, and whether their day is that of the session."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from market.checks import Finding
from market.errors import SourceError

_TIME = re.compile(r"[T ](\d{1,2}:\d{2}(?::\d{2}(?:[.,]\d+)?)?)\s*(.*)$")
_MIDNIGHT = re.compile(r"0?0:00(:00([.,]0+)?)?")
_OFFSET = re.compile(r"([+-])(\d{2}):?(\d{2})?\b.*")
_NO_ZONE = re.compile(r"(?i)([ap]\.?m\.?)?")
_SUNDAY, _FRIDAY = 6, 4


@dataclass(frozen=True)
class Stamp:
    """What a text says about its date.

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
    """

    day: str
    is_midnight: bool = True
    has_zone: bool = False
    offset: int | None = None

    @property
    def may_be_day_before(self) -> bool:
        """Whether the session may have begun on the next day, farther east."""
        return not self.is_midnight and self.offset is not None and self.offset <= 0

    @classmethod
    def since_1970(cls, count: int, unit: str) -> Stamp:
        """Return the stamp of a count of units of time since 1970 in UTC."""
        stamp = np.array(count, dtype=f"datetime64[{unit}]")
        day = stamp.astype("datetime64[D]")
        midnight = bool(stamp == day)
        return cls(str(day), midnight, has_zone=not midnight, offset=0)


def read_stamp(text: str) -> Stamp:
    """Return a text's date, and what it says about its time of day and time zone."""
    text = text.strip()
    found = _TIME.search(text)
    if found is None:
        return Stamp(text)
    time, zone = found.groups()
    midnight = _MIDNIGHT.fullmatch(time) is not None
    if _NO_ZONE.fullmatch(zone):
        return Stamp(text[: found.start()], midnight)
    return Stamp(text[: found.start()], midnight, has_zone=True, offset=_minutes(zone))


def check_stamps(
    where: str, texts: Sequence[str], stamps: Sequence[Stamp], dates: pd.DatetimeIndex
) -> tuple[Finding, ...]:
    """Check that stamps of a time zone have the days of their sessions.

    Midnight of a session in Tokyo, written in UTC, is 15:00 of the day before. Such stamps of sessions from Monday to
    Friday run from Sunday to Thursday. Two such weeks at the beginning decide, so that a longer file is judged alike.

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
        If the days are those before the sessions.
    """
    zoned = [position for position, stamp in enumerate(stamps) if stamp.has_zone]
    if not zoned:
        return ()
    doubtful = [place for place in zoned if stamps[place].may_be_day_before]
    moved = _find_moved(dates, doubtful)
    if moved is not None:
        raise SourceError(
            f"{where}: stamps such as {texts[moved]!r} fall on Sundays and none on Fridays: they seem to be sessions of"
            " Monday to Friday in another time zone, each dated a day too early; write the dates of the sessions"
            " without a time, or convert the stamps to the time zone of the exchange"
        )
    shown = next(iter(doubtful), zoned[0])
    text = (
        f"{where}: a stamp with a UTC offset or a time zone has the day that it names there: {texts[shown]!r} is"
        f" {dates[shown]:%Y-%m-%d}; if its session has another date, write that date without a time"
    )
    return (Finding("dates with a time zone", "warning", None, dates[shown], text),)


def _find_moved(dates: pd.DatetimeIndex, doubtful: Sequence[int]) -> int | None:
    """Return the second of some stamps that shows a week from Sunday to Thursday; None if weeks are others."""
    days, places = np.unique(dates.to_numpy().astype("datetime64[D]"), return_index=True)
    weekday = (days.astype(np.int64) + 3) % 7
    gaps = np.diff(days.astype(np.int64), prepend=days[0].astype(np.int64))
    begins = (weekday == _SUNDAY) & (gaps >= 3) & (gaps <= 5) & np.isin(places, doubtful)
    second = np.flatnonzero(begins)[1:2]
    if not len(second) or np.isin(weekday[: second[0]], (_FRIDAY, _FRIDAY + 1)).any():
        return None
    return int(places[second[0]])


def _minutes(zone: str) -> int | None:
    """Return the minutes of a zone ahead of UTC, None if its name does not say them."""
    if re.fullmatch(r"(?i)(z|utc|gmt)\b.*", zone):
        return 0
    found = _OFFSET.fullmatch(zone)
    if found is None:
        return None
    sign, hours, minutes = found.groups()
    return (1 if sign == "+" else -1) * (60 * int(hours) + int(minutes or 0))

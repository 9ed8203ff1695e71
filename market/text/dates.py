"""Dates in the forms in which files hold them, and their order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foundation.suggestions import shorten_text
from foundation.types import Ints
from market.errors import IntegrityError, SourceError
from market.findings import Finding
from market.text.coded_texts import CodedTexts
from market.text.stamps import Stamp, check_stamps, read_stamp

_EPOCHS = {10: "s", 13: "ms", 16: "us", 19: "ns"}
"""Units of time since 1970 (UTC), by the number of digits that a count of them has from 2001 to 2065."""
_FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{8}", ("%Y%m%d",)),
    (r"\d{4}-\d{2}", ("%Y-%m",)),
    (r"\d{6}", ("%Y%m",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%d/%m/%Y", "%m/%d/%Y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y",)),
    *((rf"[12]\d{{{digits - 1}}}", (unit,)) for digits, unit in _EPOCHS.items()),
)
"""Forms of dates, and the formats to try for each. Dates with dots are always day first."""
_EXPLANATIONS = (
    (r"\d{1,2}[/.-]\d{1,2}[/.-]\d{2}", "a year of two digits: write all four"),
    (
        r"[2-7]\d{4}(\.\d+)?",
        "it looks like a day number of Excel, where 45293 is 2024-01-02: format the column as dates and save again",
    ),
    (r"(1[89]|20)\d{2}", "a year alone: give each row its month or day"),
    (
        r"\d{1,4}",
        "it looks like the number of a row: delete the column, or name that of the dates as date_column",
    ),
    (r"(\d{4}[- ]?)?Q[1-4]([- ]?\d{4})?", "a quarter: write its last day"),
    (
        r"(?i)(?=.*\d).*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec).*",
        "a month in letters: write its number",
    ),
)
_WISH = "expected dates like 2020-01-31"
_FIRST_YEAR, _LAST_YEAR = 1678, 2261
"""Years of which nanoseconds since 1970 can be counted in 64 bits; no price is older or newer."""


@dataclass(frozen=True, eq=False)
class Dates:
    """A column of dates.

    Attributes
    ----------
    by_text : DatetimeIndex of length k
        The date of each distinct text.
    codes : ndarray of int, shape (n,)
        Position in `by_text` of each row's date.
    warnings : tuple of Finding
        About stamps with a UTC offset or a time zone.
    stamps : tuple of Stamp, length k
        The texts, with their times of day.
    """

    by_text: pd.DatetimeIndex
    codes: Ints
    warnings: tuple[Finding, ...]
    stamps: tuple[Stamp, ...] = ()

    @property
    def hint(self) -> str:
        """What to do about several rows of one date; "" if they have no times of day."""
        if not any(stamp.seconds for stamp in self.stamps):
            return ""
        return "; for one row of the times of a day, set data.sessions to the exchange (XNYS) or the time zone (UTC)"

    @property
    def rows(self) -> pd.DatetimeIndex:
        """The date of each row."""
        return self.by_text[self.codes]


def read_dates(source: str, column: str, texts: CodedTexts, *, in_zone: bool = False) -> Dates:
    """Read dates, each of one form, and refuse to guess which number is the day.

    A time of day is dropped: rows are closes. A stamp with a UTC offset or a time zone has the day that it names there.
    A date without a day ("2020-01", "202001") is the end of its month, the first moment at which that month is known.
    Numbers of 10, 13, 16 or 19 digits are seconds to nanoseconds since 1970; their day is that of UTC.

    Parameters
    ----------
    source, column : str
        Names of the file and the column in messages.
    texts : CodedTexts of length n
    in_zone : bool
        Whether the times of day count, so that stamps of another time zone need no warning.

    Raises
    ------
    IntegrityError
        If a date is missing, cannot be read, or cannot be that of a price; names its row.
    SourceError
        If all dates could be read day first as well as month first, or stamps of another time zone than that of the
        sessions have the day before.
    """
    stamps = [read_stamp(text) for text in texts.texts]
    bare = [stamp.day for stamp in stamps]
    where = f"{source}: column {column!r}"

    def refuse(position: int, what: str = "is not a date that can be read") -> IntegrityError:
        row = texts.find_first_row(position) + 1
        what = f"{shorten_text(texts.texts[position])!r} {what}" if bare[position] else "no date"
        hints = (text for form, text in _EXPLANATIONS if re.fullmatch(form, bare[position]))
        hint = next((f" ({text})" for text in hints), "")
        return IntegrityError(f"{where}, data row {row}: {what}{hint}; {_WISH}")

    if not bare:
        return Dates(pd.DatetimeIndex([]), texts.codes, ())
    form = next(((pattern, formats) for pattern, formats in _FORMS if re.fullmatch(pattern, bare[0])), None)
    if form is None:
        raise refuse(0)
    pattern, formats = form
    for position, text in enumerate(bare):
        if not re.fullmatch(pattern, text):
            raise refuse(position)
    if formats[0] in _EPOCHS.values():
        stamps = [Stamp.from_epoch(int(text), formats[0]) for text in bare]
        formats, bare = ("%Y-%m-%d",), [stamp.day for stamp in stamps]
    readings = [pd.DatetimeIndex(pd.to_datetime(bare, format=how, errors="coerce")) for how in formats]
    complete = [reading for reading in readings if not reading.hasnans]
    if not complete:
        best = min(readings, key=lambda reading: int(np.sum(reading.isna())))
        raise refuse(int(np.flatnonzero(best.isna())[0]))
    if len(complete) == 2 and not complete[0].equals(complete[1]):
        raise SourceError(
            f"{where}: {texts.texts[0]!r} may be day/month or month/day, and no row decides which; {_WISH}"
        )
    dates = complete[0]
    impossible = np.flatnonzero((dates.year < _FIRST_YEAR) | (dates.year > _LAST_YEAR))
    if len(impossible):
        raise refuse(int(impossible[0]), f"lies outside of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    dates = dates if "%m" not in formats[0] or "%d" in formats[0] else dates + pd.offsets.MonthEnd(0)
    warnings = () if in_zone else check_stamps(where, texts.texts, stamps, dates)
    return Dates(dates, texts.codes, warnings, tuple(stamps))


def check_order(source: str, dates: pd.DatetimeIndex, hint: str = "") -> Iterator[Finding]:
    """Find duplicate and unsorted dates; `hint` says what to do about duplicates.

    A table with its newest row first is only noted: turning it round loses nothing.
    """
    repeated = dates[dates.duplicated()]
    if len(repeated):
        more = f" ({len(repeated)} such rows)" if len(repeated) > 1 else ""
        text = f"{source}: date {repeated[0]:%Y-%m-%d} occurs more than once{more}; keep one row of each date{hint}"
        yield Finding("duplicate dates", "fatal", None, repeated[0], text)
    elif len(dates) > 1 and dates.is_monotonic_decreasing:
        yield Finding(
            "unsorted dates", "note", None, dates[0], f"{source}: rows run from new to old; turned round"
        )
    elif not dates.is_monotonic_increasing:
        row = int(np.flatnonzero(dates[1:] < dates[:-1])[0]) + 1
        text = (
            f"{source}: data row {row + 1} is dated {dates[row]:%Y-%m-%d}, before the row above it"
            f" ({dates[row - 1]:%Y-%m-%d}); expected dates in order"
        )
        yield Finding("unsorted dates", "fatal", None, dates[row], text)

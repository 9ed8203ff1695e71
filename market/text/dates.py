"""Dates in the forms in which files hold them, and their order."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from foundation.suggestions import shorten_text
from foundation.types import Ints
from market.errors import AmbiguityError, IntegrityError
from market.findings import INTERPRETATION, Finding
from market.text.coded_texts import CodedTexts
from market.text.date_forms import (
    EPOCHS,
    EXCEL,
    EXPLANATIONS,
    FORMS,
    FORMS_OF_DAY_NUMBERS,
    FORMS_OF_EPOCHS,
    NAMES,
    QUARTER,
    describe_reading,
    parse_dates,
)
from market.text.stamps import Stamp, check_stamps, read_stamp

_TIME_OF_FORMAT = r"[T ]%[HI]:.*"
"""Codes of a time of day, which is read apart from the date."""
_WISH = "expected dates like 2020-01-31"
_MONTHS = 13
"""Rows at the same day of consecutive months that show which number is the month: days run on to the 13th."""
_QUARTERS = 9
"""Rows of consecutive quarters that show that 19501 is no day number: days do not come in fours."""
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
        About stamps with a UTC offset or a time zone, and how the dates are read.
    date_format : str
        How they are written; "" without any.
    stamps : tuple of Stamp, length k
        The texts, with their times of day.
    """

    by_text: pd.DatetimeIndex
    codes: Ints
    warnings: tuple[Finding, ...]
    date_format: str = ""
    stamps: tuple[Stamp, ...] = ()

    @property
    def hint(self) -> str:
        """What to do about several rows of one date; "" if they have no times of day."""
        if not any(stamp.seconds for stamp in self.stamps):
            return ""
        return "for one row of the times of a day, set data.sessions to the exchange (XNYS) or the time zone (UTC)"

    @property
    def rows(self) -> pd.DatetimeIndex:
        """The date of each row."""
        return self.by_text[self.codes]


def read_dates(
    source: str, column: str, texts: CodedTexts, date_format: str | None = None, *, in_zone: bool = False
) -> Dates:
    """Read dates, each of one form, and refuse to guess which number is the day.

    A time of day is dropped: rows are closes. A stamp with a UTC offset or a time zone has the day that it names there.
    A date without a day ("2020-01", "202001", "2020Q1") is the end of its month or quarter, the first moment at which
    that is known. Numbers of 10, 13, 16 or 19 digits are seconds to nanoseconds since 1970; their day is that of UTC.

    Parameters
    ----------
    source, column : str
        Names of the file and the column in messages.
    texts : CodedTexts of length n
    date_format : str, optional
        Codes of strptime, "excel" or "yyyyq"; inferred by default.
    in_zone : bool
        Whether the times of day count, so that stamps of another time zone need no warning.

    Raises
    ------
    IntegrityError
        If a date is missing, cannot be read, or cannot be that of a price; names its row.
    AmbiguityError
        If all dates can be read in two ways.
    SourceError
        If stamps of another time zone than that of the sessions have the day before.
    """
    stamps = [read_stamp(text) for text in texts.texts]
    bare = [stamp.day for stamp in stamps]
    where = f"{source}: column {column!r}"

    def refuse(position: int, what: str = "is not a date that can be read") -> IntegrityError:
        row = texts.find_first_row(position) + 1
        repeated = bare[position] == column
        what = f"{shorten_text(texts.texts[position])!r} {what}" if bare[position] else "no date"
        hints = (text for form, text in EXPLANATIONS if re.fullmatch(form, bare[position]))
        hint = "the names of columns are there again: set data.table to read one of several tables"
        hint = hint if repeated else next(hints, "")
        return IntegrityError(f"{where}, data row {row}: {what}{f' ({hint})' if hint else ''}; {_WISH}")

    if not bare:
        return Dates(pd.DatetimeIndex([]), texts.codes, (), "")
    formats = _list_formats(column, bare, date_format, refuse)
    if formats[0] in EPOCHS.values():
        stamps = [Stamp.from_epoch(int(text), EPOCHS[len(text)]) for text in bare]
        readings = {formats[0]: pd.DatetimeIndex([stamp.day for stamp in stamps]).as_unit("us")}
    else:
        readings = {how: parse_dates(bare, how) for how in formats}
    complete = {how: reading for how, reading in readings.items() if not reading.hasnans}
    if not complete:
        best = min(readings.values(), key=lambda reading: int(np.sum(reading.isna())))
        raise refuse(int(np.flatnonzero(best.isna())[0]))
    how = _choose_reading(where, texts, complete)
    dates = complete[how]
    impossible = np.flatnonzero((dates.year < _FIRST_YEAR) | (dates.year > _LAST_YEAR))
    if len(impossible):
        raise refuse(int(impossible[0]), f"lies outside of the years {_FIRST_YEAR} to {_LAST_YEAR}")
    notes = describe_reading(where, how, bare, readings) if date_format is None else ""
    found = (Finding(INTERPRETATION, "note", None, None, notes),) if notes else ()
    warnings = () if in_zone else check_stamps(where, texts.texts, stamps, dates)
    return Dates(dates, texts.codes, (*found, *warnings), how, tuple(stamps))


def _list_formats(
    column: str, bare: Sequence[str], date_format: str | None, refuse: Callable[[int], IntegrityError]
) -> tuple[str, ...]:
    """Return the formats that may be those of the dates; all must be of one form."""
    if date_format is not None:
        for position, text in enumerate(bare if date_format in EPOCHS.values() else ()):
            if not re.fullmatch(FORMS_OF_EPOCHS, text):
                raise refuse(position)
        return (re.sub(_TIME_OF_FORMAT, "", date_format),)
    form = next(((pattern, formats) for pattern, formats in FORMS if re.fullmatch(pattern, bare[0])), None)
    if form is None:
        raise refuse(0)
    pattern, formats = form
    if EXCEL in formats:  # the first cell may be a quarter as well as a day
        pattern, formats = FORMS_OF_DAY_NUMBERS, (EXCEL, QUARTER)
        formats = (QUARTER,) if column.casefold() == QUARTER else formats
    if formats[0] in EPOCHS.values():
        pattern = FORMS_OF_EPOCHS
    for position, text in enumerate(bare):
        if not re.fullmatch(pattern, text):
            raise refuse(position)
    return formats


def _choose_reading(where: str, texts: CodedTexts, complete: Mapping[str, pd.DatetimeIndex]) -> str:
    """Return the one format under which the dates can be read, or the only one that makes sense."""
    formats = list(complete)
    if len(formats) == 1 or complete[formats[0]].equals(complete[formats[1]]):
        return formats[0]
    regular = [how for how in formats if _are_regular(complete[how], how)]
    if len(regular) == 1:
        return regular[0]
    differing = int(np.flatnonzero(complete[formats[0]] != complete[formats[1]])[0])
    first, second = (f"{complete[how][differing]:%Y-%m-%d}" for how in formats[:2])
    raise AmbiguityError(
        f"{where}: {texts.texts[differing]!r} may be {NAMES[formats[0]]} or {NAMES[formats[1]]} ({first} or {second}),"
        f" and no row decides which; set data.date_format to {formats[0]!r} or {formats[1]!r}"
    )


def _are_regular(dates: pd.DatetimeIndex, how: str) -> bool:
    """Whether dates are the same day of consecutive months, or consecutive quarters, for more than a year."""
    months = np.sort(np.asarray(dates.year * 12 + dates.month))
    step, fewest = (3, _QUARTERS) if how == QUARTER else (1, _MONTHS)
    same = how == QUARTER or len(set(dates.day)) == 1
    return len(dates) >= fewest and same and bool((np.diff(months) == step).all())


def check_order(source: str, dates: pd.DatetimeIndex, hint: str = "") -> Iterator[Finding]:
    """Find duplicate and unsorted dates; `hint` says what to do about duplicates.

    A table with its newest row first is only noted: turning it round loses nothing.
    """
    repeated = dates[dates.duplicated()]
    if len(repeated):
        more = f" ({len(repeated)} such rows)" if len(repeated) > 1 else ""
        text = (
            f"{source}: date {repeated[0]:%Y-%m-%d} occurs more than once{more}; keep one row of each date"
            f"{'' if hint else ', or set data.duplicate_rows to last or first'}"
        )
        yield Finding("duplicate dates", "fatal", None, repeated[0], text, hint)
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

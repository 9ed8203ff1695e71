"""Forms of dates: what their texts look like, the formats to try for each, and sentences on how they were read."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from pandas.api.typing import NaTType

from foundation.counts import format_count
from market.errors import SourceError

_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sept?|oct|nov|dec)[a-z]*\.?"
EPOCHS = {10: "s", 13: "ms", 16: "us", 19: "ns"}
"""Units of time since 1970 (UTC), by the number of digits that a count of them has from 2001 to 2065."""
EXCEL, QUARTER, MONTH_NAME = "excel", "yyyyq", "month name"
"""Formats that are not those of strptime: days since 1899-12-30, quarters, dates with the name of a month."""
FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{4}\.\d{1,2}\.\d{1,2}", ("%Y.%m.%d",)),
    (r"\d{8}", ("%Y%m%d",)),
    (r"\d{4}-\d{2}", ("%Y-%m",)),
    (r"\d{4}[mM]\d{2}", ("%Ym%m",)),
    (r"\d{6}", ("%Y%m",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%d/%m/%Y", "%m/%d/%Y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y",)),
    (r"\d{1,2}/\d{1,2}/\d{2}", ("%d/%m/%y", "%m/%d/%y")),
    (r"\d{1,2}-\d{1,2}-\d{2}", ("%d-%m-%y", "%m-%d-%y")),
    (r"\d{1,2}\.\d{1,2}\.\d{2}", ("%d.%m.%y",)),
    (rf"(?i)\d{{1,2}}[- ]?{_MONTH}[-, ]*(\d{{4}}|\d\d)", (MONTH_NAME,)),
    (rf"(?i){_MONTH} \d{{1,2}},? \d{{4}}", (MONTH_NAME,)),
    (rf"(?i){_MONTH}[- ]\d{{4}}", (MONTH_NAME,)),
    (r"\d{4}[- :]?[qQ][1-4]|[qQ][1-4][- /]?\d{4}", (QUARTER,)),
    (r"[1-7]\d{4}(\.\d+)?", (EXCEL, QUARTER)),
    *((rf"[12]\d{{{digits - 1}}}", (unit,)) for digits, unit in EPOCHS.items()),
)
"""Forms of dates, and the formats to try for each. Dates with dots are always day first."""
FORMS_OF_DAY_NUMBERS = r"[1-7]\d{4}(\.\d+)?"
FORMS_OF_EPOCHS = r"[12]\d{9}|[12]\d{12}|[12]\d{15}|[12]\d{18}"
EXPLANATIONS = (
    (r"(1[89]|20)\d{2}", "a year alone: give each row its month or day"),
    (
        r"\d{1,4}",
        "it looks like the number of a row: delete the column, or name that of the dates as date_column",
    ),
    (r"(?i)(?=.*\d).*(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec).*", "a date with a month in letters"),
    (r"[^\d]+", "if the line is a title or a footer, delete it"),
)
NAMES = {
    **dict.fromkeys(("%d/%m/%Y", "%d-%m-%Y", "%d/%m/%y", "%d-%m-%y"), "day/month"),
    **dict.fromkeys(("%m/%d/%Y", "%m-%d-%Y", "%m/%d/%y", "%m-%d-%y"), "month/day"),
    EXCEL: "a day number of Excel",
    QUARTER: "a year and a quarter",
}
_UNITS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_MONTHS = {
    "jan": 1,
    "feb": 2,
    "mar": 3,
    "apr": 4,
    "may": 5,
    "jun": 6,
    "jul": 7,
    "aug": 8,
    "sep": 9,
    "oct": 10,
    "nov": 11,
    "dec": 12,
}
_NAMED = (
    re.compile(r"(?P<day>\d{1,2})[- ]?(?P<month>[a-z]{3})[a-z]*\.?[-, ]*(?P<year>\d{4}|\d\d)"),
    re.compile(r"(?P<month>[a-z]{3})[a-z]*\.? (?P<day>\d{1,2}),? (?P<year>\d{4})"),
    re.compile(r"(?P<month>[a-z]{3})[a-z]*\.?[- ](?P<year>\d{4})"),
)
_COUNTS = re.compile(r"(18|19|20|21)\d\d(0[1-9]|1[0-2])([0-3]\d)?|1\d{9}|1\d{12}|1\d{15}|1\d{18}")
"""Numbers that are dates as well: yyyymm, yyyymmdd and times since 1970."""


_ANY = re.compile("|".join(f"(?:{form.removeprefix('(?i)')})" for form, _ in FORMS), re.IGNORECASE)


def looks_like_date(text: str, *, numbers: bool = True) -> bool:
    """Whether a cell may be a date; `numbers` includes numbers that may count days, months or times."""
    day = re.sub(r"(?<=\d)[T ]\d{1,2}:.*$", "", text.strip())
    if re.fullmatch(r"[\d.]+", day) and day.count(".") < 2:
        return numbers and _COUNTS.fullmatch(day) is not None
    return _ANY.fullmatch(day) is not None


def may_be_day_number(text: str) -> bool:
    """Whether a cell may be a day number of Excel from 1954 to 2064, or a quarter such as 18711."""
    return re.fullmatch(r"(1[6-9]|[2-5])\d{3,4}", text.strip()) is not None and len(text.strip()) == 5


def parse_dates(texts: Sequence[str], how: str) -> pd.DatetimeIndex:
    """Return texts as dates, NaT where one is not written like that; months and quarters as their last days.

    Parameters
    ----------
    texts : sequence of str
    how : str
        Codes of strptime, or one of the names in `market.text.date_forms`.

    Raises
    ------
    SourceError
        If the codes are no format.
    """
    if how == EXCEL:
        counts = pd.to_numeric(pd.Series(list(texts), dtype=object), errors="coerce").to_numpy(
            dtype=np.float64
        )
        counts = np.where((counts >= 0) & (counts < 1e6), np.floor(counts), np.nan)
        return pd.DatetimeIndex(pd.to_datetime(counts, unit="D", origin="1899-12-30")).as_unit("us")
    if how == QUARTER:
        return pd.DatetimeIndex([_parse_quarter(text) for text in texts]).as_unit("us")
    if how == MONTH_NAME:
        return pd.DatetimeIndex([_parse_named(text) for text in texts]).as_unit("us")
    try:
        dates = pd.DatetimeIndex(pd.to_datetime(list(texts), format=how, errors="coerce"))
    except ValueError as error:
        raise SourceError(f"date_format {how!r} is no format of dates: {error}") from error
    return dates if "%m" not in how or "%d" in how else dates + pd.offsets.MonthEnd(0)


def describe_reading(
    where: str, how: str, texts: Sequence[str], readings: Mapping[str, pd.DatetimeIndex]
) -> str:
    """Return a sentence on how dates were read; "" where they can be read in one way alone."""
    example = f"{texts[0]!r} is {readings[how][0]:%Y-%m-%d}"
    if len(readings) > 1 and how in NAMES:
        others = [int(np.sum(reading.isna())) for other, reading in readings.items() if other != how]
        read = f"{where}: dates are read as {NAMES[how]}: {example}"
        if not any(others):
            same = readings[how].equals(next(reading for other, reading in readings.items() if other != how))
            return read if same else f"{read}; so they are days of consecutive months"
        if how == EXCEL:
            return f"{where}: dates are read as day numbers of Excel: {example}"
        if how == QUARTER:
            return f"{where}: dates are read as years and quarters: {example}, the end of its quarter"
        return f"{read}; {format_count(max(others), 'different date')} with a day above 12 decide"
    if how in EPOCHS.values():
        return f"{where}: dates are read as {_UNITS[how]} since 1970 in UTC: {example}"
    if how == QUARTER:
        return f"{where}: a quarter is dated at its end: {example}"
    if how == MONTH_NAME and not re.search(r"\d.*\D.*\d", texts[0]):
        return f"{where}: a month is dated at its end: {example}"
    if "%m" in how and "%d" not in how:
        return f"{where}: a month is dated at its end: {example}"
    if "%y" in how:
        return f"{where}: dates are read as day/month with years 1969 to 2068: {example}"
    return ""


def _parse_quarter(text: str) -> pd.Timestamp | NaTType:
    """Return the last day of a quarter such as 20241, 2024Q1 or Q1 2024."""
    found = re.fullmatch(r"(?i)(\d{4})[- :]?q?([1-4])|q([1-4])[- /]?(\d{4})", text)
    if found is None:
        return pd.NaT
    year, quarter = (int(part) for part in (found[1] or found[4], found[2] or found[3]))
    if not 1678 <= year <= 2261:
        return pd.NaT
    return pd.Timestamp(np.datetime64(f"{year:04d}-{3 * quarter:02d}", "M") + 1) - pd.Timedelta(days=1)


def _parse_named(text: str) -> pd.Timestamp | NaTType:
    """Return a date with the English name of its month; a month alone is its last day."""
    found = next((match for form in _NAMED if (match := form.fullmatch(text.casefold()))), None)
    month = None if found is None else _MONTHS.get(found["month"])
    if found is None or month is None:
        return pd.NaT
    year = int(found["year"])
    if len(found["year"]) == 2:
        year += 1900 if year >= 69 else 2000
    try:
        if "day" not in found.groupdict():
            return pd.Timestamp(year, month, 1) + pd.offsets.MonthEnd(0)
        return pd.Timestamp(year, month, int(found["day"]))
    except ValueError:
        return pd.NaT

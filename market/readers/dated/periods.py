"""Stamps of periods: texts such as 195901, 2020Q1 and 1/1/1959, and the day on which their period ends.

The first day of a month that stands for the whole month is the classic look-ahead: its value would count as known a
month too early. Each date is therefore that of the end of its period, and a notice says how the stamps were read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from foundation.types import Bools, Ints
from market.as_of.evaluation import count_days
from market.errors import IntegrityError, SourceError
from market.findings import INTERPRETATION, Finding
from market.readers.dated.settings import DatedSettings, StampKind
from market.text.coded_texts import CodedTexts
from market.text.dates import read_dates

_BEGINNING = 24
"""Dates that decide how stamps are read: later rows never change it."""
NAMES = {1: "month", 3: "quarter", 6: "half-year", 12: "year"}
"""Periods by their number of months."""
_WEEKDAYS = ("Mondays", "Tuesdays", "Wednesdays", "Thursdays", "Fridays", "Saturdays", "Sundays")
_QUARTER_DIGITS = r"(?P<year>1[6-9]\d\d|20\d\d)(?P<quarter>[1-4])"
_QUARTERS = (
    r"(?P<year>\d{4})[-: ]?[Qq](?P<quarter>[1-4])",
    r"[Qq](?P<quarter>[1-4])[-/: ]?(?P<year>\d{4})",
)
_MONTHS = (r"(?P<year>\d{4})[-: ]?[Mm](?P<month>\d{1,2})", r"(?P<year>\d{4}):(?P<month>\d{2})")
_YEARS = (r"(?P<year>1[6-9]\d\d|20\d\d)",)
_FRED_MD = "sasdate"
"""Column of dates of FRED-MD and FRED-QD: always first days of months."""
_SLASHES = re.compile(r"(\d{1,2})([/-])(\d{1,2})\2(\d{4})")


@dataclass(frozen=True, eq=False)
class Periods:
    """The periods of the rows of a file.

    Attributes
    ----------
    ends : DatetimeIndex of length k
        Last day of each distinct stamp's period.
    codes : ndarray of int, shape (n,)
        Position in `ends` of each row's period.
    months : int
        Months of a period, 0 if it is shorter or irregular.
    gap : int
        1 for daily, 7 for weekly series, 0 for others.
    reading : str
        How the stamps were read, "" if each is a day.
    warnings : tuple of Finding
    """

    ends: pd.DatetimeIndex
    codes: np.ndarray
    months: int
    gap: int
    reading: str
    warnings: tuple[Finding, ...]


def read_periods(
    source: str,
    column: str,
    texts: CodedTexts,
    settings: DatedSettings,
    by: str,
    valued: Bools,
    known: pd.DatetimeIndex | None = None,
) -> Periods:
    """Read stamps as the ends of their periods.

    Parameters
    ----------
    source, column : str
        Names of the file and the column in messages.
    texts : CodedTexts of length n
    settings : DatedSettings
        `stamps`: which day of its period a stamp is, inferred from the first dates if it is not given; `date_format`:
        how dates are written.
    by : str
        Setting that messages name: `data.series.x`.
    valued : ndarray of bool, shape (n,)
        Rows with a value: only their dates show how often there is one.
    known : DatetimeIndex of length n, optional
        When each row became known: the periods that were known first decide how stamps are read, so that a history that
        is published later changes nothing.

    Raises
    ------
    SourceError
        If stamps can be read in two ways.
    IntegrityError
        If a date is missing or cannot be read.
    """
    stamps, written = settings.stamps, settings.date_format
    named = f"{source}: column {column!r}"
    rewritten, what = _rewrite(named, column, texts, stamps) if written is None else (texts, "")
    dates = read_dates(source, column, rewritten, written)
    found = Periods(dates.by_text, dates.codes, 0, 0, "", dates.warnings)
    begin = find_beginning(found, valued, known)
    months, gap = measure_distance(begin)
    if not months and not gap:  # a value with gaps in a table of months, quarters or years
        rows = find_beginning(found, np.ones_like(valued), known)
        months = measure_distance(rows)[0]
        begin = rows if months else begin
    found = replace(found, months=months, gap=gap)
    if written is None and any(re.fullmatch(r"\d{6}|\d{4}-\d{2}", t.strip()) for t in rewritten.texts[:1]):
        months = {"quarters": 3, "years": 12}.get(what, months)
        shown = f"{texts.texts[0].strip()} is {found.ends[0]:%Y-%m-%d}"
        reading = f"{what or 'months'} are dated at their last day ({shown})"
        warnings = tuple(each for each in found.warnings if each.check != INTERPRETATION)  # says the same
        return replace(found, months=months, gap=0, reading=reading, warnings=warnings)
    where = f"{by}: {source}: column {column!r}"
    kind = stamps or _infer(where, begin, months, gap)
    if kind != "period_start":
        return found
    if not months and gap != 7:
        if gap == 1:
            return found
        raise SourceError(
            f"{where}: stamps is period_start, but the first dates are neither weekly, monthly, quarterly nor yearly,"
            " so that the length of a period is unknown; use stamps: period_end with the last day of each period"
        )
    if stamps is None:
        _refuse_other_days(named, found, valued)
    ends = found.ends + pd.Timedelta(days=6) if gap == 7 else _end_of(found.ends, months)
    shown = f"{begin[0]:%Y-%m-%d} is {(ends[int(np.argmin(found.ends))]):%Y-%m-%d}"
    length = "week" if gap == 7 else NAMES[months]
    return replace(
        found, ends=ends, reading=f"stamps are first days of a {length}, dated at its end ({shown})"
    )


def _end_of(starts: pd.DatetimeIndex, months: int) -> pd.DatetimeIndex:
    """Return the last days of periods that begin in the months of these dates."""
    first = starts.to_numpy().astype("datetime64[M]") + months
    return pd.DatetimeIndex((first.astype("datetime64[D]") - 1).astype("datetime64[us]"))


def _refuse_other_days(where: str, found: Periods, valued: Bools) -> None:
    """Raise if a later date of a value is no first day of a month, as the dates before it are."""
    present = np.bincount(found.codes[valued], minlength=len(found.ends)) > 0
    wrong = np.flatnonzero(present & (found.ends.day != 1))
    if len(wrong):
        row = int(np.argmax(found.codes == wrong[0])) + 1
        raise IntegrityError(
            f"{where}, data row {row}: {found.ends[wrong[0]]:%Y-%m-%d} is no first day of a month, as the first dates"
            f" are, which stand for their {NAMES[found.months]}s; keep rows of one frequency"
        )


def _rewrite(where: str, column: str, texts: CodedTexts, stamps: StampKind | None) -> tuple[CodedTexts, str]:
    """Return texts of which each is an ISO date, and what they were: quarters, years, months; "" for days."""
    written = [text.strip() for text in texts.texts]
    if not written:
        return texts, ""
    if _match(written, (_QUARTER_DIGITS,)):
        if "q" not in column.lower():
            raise SourceError(
                f"{where}: {written[0]!r} may be a year and a quarter, or a day number of Excel; name the column yyyyq"
                " for quarters, or write dates like 2020-03-31"
            )
        return _end_periods(texts, written, (_QUARTER_DIGITS,)), "quarters"
    for patterns, what in ((_QUARTERS, "quarters"), (_YEARS, "years"), (_MONTHS, "months")):
        if _match(written, patterns):
            return _end_periods(texts, written, patterns), what
    return _settle_order(where, texts, written, decided=stamps is not None or column.lower() == _FRED_MD), ""


def _match(written: Sequence[str], patterns: Sequence[str]) -> bool:
    return all(any(re.fullmatch(pattern, text) for pattern in patterns) for text in written)


def _end_periods(texts: CodedTexts, written: Sequence[str], patterns: Sequence[str]) -> CodedTexts:
    ends = []
    for text in written:
        found = next(match for pattern in patterns if (match := re.fullmatch(pattern, text)))
        parts = found.groupdict()
        month = 3 * int(parts["quarter"]) if "quarter" in parts else int(parts.get("month") or 12)
        ends.append(f"{parts['year']}-{month:02d}" if 1 <= month <= 12 else text)
    return replace(texts, texts=tuple(ends))


def _settle_order(where: str, texts: CodedTexts, written: Sequence[str], *, decided: bool) -> CodedTexts:
    """Return dates such as 1/1/1959, 2/1/1959 as first days of months, which the other reading makes Januaries only.

    Of one year they may be days of January, unless it is decided that they are not; a day above 12 shows that they are.
    """
    found = [_SLASHES.fullmatch(text) for text in written]
    if len(written) < 3 or not all(found):
        return texts
    first, second = ({int(match[place]) for match in found if match} for place in (1, 3))
    if second == {1} and len(first) > 1:
        month, numbers = 1, first
    elif first == {1} and len(second) > 1:
        month, numbers = 3, second
    else:
        return texts
    if max(numbers) > 12:
        return texts
    if len({match[4] for match in found if match}) == 1 and not decided:
        raise SourceError(
            f"{where}: {written[0]!r}, {written[1]!r}, ... may be first days of months or days of January: say stamps:"
            " period_start if they are months, or write dates like 2020-01-31"
        )
    iso = tuple(f"{match[4]}-{int(match[month]):02d}-01" for match in found if match)
    return replace(texts, texts=iso)


def find_beginning(
    periods: Periods, valued: Bools, known: pd.DatetimeIndex | None = None
) -> pd.DatetimeIndex:
    """Return the first distinct dates of rows with a value, of those that were known first, in order."""
    since = np.full(len(periods.ends), np.iinfo(np.int64).max)
    given = np.zeros(len(periods.codes), dtype=np.int64) if known is None else known.as_unit("us").asi8
    np.minimum.at(since, periods.codes[valued], given[valued])
    present = since < np.iinfo(np.int64).max
    ends = periods.ends[present]
    ordered = ends[np.lexsort((ends.asi8, since[present]))]
    return pd.DatetimeIndex(ordered.drop_duplicates()[:_BEGINNING].sort_values())


def measure_distance(begin: pd.DatetimeIndex) -> tuple[int, int]:
    """Return the months of a period, and the days between daily or weekly dates; 0 where they have none."""
    if len(begin) < 3:
        return 0, 0
    days = np.diff(count_days(begin))
    if np.median(days) <= 4:
        return 0, 1
    if (days % 7 == 0).all() and np.median(days) == 7:
        return 0, 7
    months: Ints = np.asarray(begin.year * 12 + begin.month, dtype=np.int64)
    steps = np.diff(months)
    step = int(steps.min())
    if days.min() < 26 or step not in NAMES or (steps % step).any() or np.median(steps) != step:
        return 0, 0
    return step, 0


def _infer(where: str, begin: pd.DatetimeIndex, months: int, gap: int) -> StampKind:
    """Return which day of its period a stamp is, from the first dates."""
    starts = bool((begin.day == 1).all()) and len(begin) > 0
    both = "say which: stamps: period_start (first day of its period) or stamps: period_end (its last day)"
    if months and starts:
        return "period_start"
    if months and not end_months(begin):
        raise SourceError(
            f"{where}: the dates are {NAMES[months]}s apart, and neither first nor last days of a month"
            f" ({begin[0]:%Y-%m-%d}, {begin[1]:%Y-%m-%d}); {both}"
        )
    if not months and gap != 1 and starts:
        raise SourceError(
            f"{where}: {begin[0]:%Y-%m-%d} may stand for the day or for its whole period; {both}"
        )
    if gap == 7 and int(begin[0].day_of_week) in (0, 6):
        raise SourceError(
            f"{where}: weekly dates on {_WEEKDAYS[begin[0].day_of_week]} may begin or end their week; {both}"
        )
    return "period_end"


def end_months(dates: pd.DatetimeIndex) -> bool:
    """Whether each date is the last day, or the last weekday, of its month."""
    last = dates + pd.offsets.MonthEnd(0)
    return bool((dates >= last - pd.to_timedelta(np.maximum(last.day_of_week - 4, 0), unit="D")).all())

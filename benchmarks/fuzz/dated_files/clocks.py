"""Clocks: how the ends of periods are written, read back, and when their values become known by a lag."""

from __future__ import annotations

import calendar
import datetime as dt

STAMPS = {
    "monthly": (
        *("month start", "month start", "month end", "yyyymm", "yyyy-mm", "1959M1", "slashes", "1959:01"),
    ),
    "quarterly": ("month start", "month end", "yyyyq", "2020Q1", "Q1 2020"),
    "yearly": ("month start", "month end", "year"),
    "weekly": ("day",),
    "daily": ("day", "day", "yyyymmdd"),
}
MONTHS = {"monthly": 1, "quarterly": 3, "yearly": 12, "weekly": 0, "daily": 0}
DATE_COLUMNS = {"yyyyq": "yyyyq", "yyyymm": "yyyymm"}
AGES = {"monthly": 93, "quarterly": 186, "yearly": 750, "weekly": 21, "daily": 10}
"""Days after which a value expires, beside its lag: as docs/series.md says."""
LAGS = (
    *(
        "0 days",
        "5 days",
        "10 days",
        "2 weeks",
        "1 month",
        "2 months",
        "1 quarter",
        "1 year",
        "1 observation",
    ),
    *("3 observations", "next business day"),
)


def write_stamp(end: dt.date, form: str, months: int) -> str:
    """Return the end of a period as the file has it."""
    start = add_months(end, 1 - (months or 1)).replace(day=1)
    quarter = (end.month + 2) // 3
    return {
        "month start": f"{start:%Y-%m-%d}",
        "month end": f"{end:%Y-%m-%d}",
        "day": f"{end:%Y-%m-%d}",
        "yyyymmdd": f"{end:%Y%m%d}",
        "yyyymm": f"{end:%Y%m}",
        "yyyy-mm": f"{end:%Y-%m}",
        "1959M1": f"{end.year}M{end.month}",
        "1959:01": f"{end.year}:{end.month:02d}",
        "slashes": f"{end.month}/1/{end.year}",
        "yyyyq": f"{end.year}{quarter}",
        "2020Q1": f"{end.year}Q{quarter}",
        "Q1 2020": f"Q{quarter} {end.year}",
        "year": f"{end.year}",
    }[form]


def read_stamp(text: str, form: str, months: int) -> dt.date:
    """Return the end of the period of a stamp; ValueError if it is written otherwise."""
    if form in ("month end", "day"):
        return dt.date.fromisoformat(text)
    if form == "yyyymmdd":
        return dt.datetime.strptime(text, "%Y%m%d").date()
    if form == "month start":
        return end_month(add_months(dt.date.fromisoformat(text), months - 1))
    if form == "slashes":
        month, day, year = map(int, text.split("/"))
        return end_month(dt.date(year, month, day))
    digits = "".join(letter if letter.isdigit() else " " for letter in text).split()
    if form == "year":
        return dt.date(int(text), 12, 31)
    if len(digits) < 2 and form not in ("yyyymm", "yyyyq"):
        raise ValueError(f"{text!r} is no stamp")
    if form == "Q1 2020":
        return end_month(dt.date(int(digits[1]), 3 * int(digits[0]), 1))
    year, rest = (text[:4], text[4:]) if form in ("yyyymm", "yyyyq") else digits
    month = 3 * int(rest) if form in ("yyyyq", "2020Q1") else int(rest)
    return end_month(dt.date(int(year), month, 1))


def end_month(day: dt.date) -> dt.date:
    """Return the last day of the month of a day."""
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def add_months(day: dt.date, months: int) -> dt.date:
    """Return the day some months later; the last day of its month if that is shorter."""
    count = day.year * 12 + day.month - 1 + months
    first = dt.date(count // 12, count % 12 + 1, 1)
    return first.replace(day=min(day.day, end_month(first).day))


def add_lag(end: dt.date, lag: str, months: int, later: list[dt.date]) -> dt.date | None:
    """Return when the value of a period became known; None if that is still to come.

    Parameters
    ----------
    end : date
    lag : str
        One of `LAGS`.
    months : int
        Months of a period; 0 for days and weeks.
    later : list of date
        Ends of the periods with a value that follow, increasing.
    """
    if lag == "next business day":
        day = end + dt.timedelta(days=1)
        while day.weekday() > 4:
            day += dt.timedelta(days=1)
        return day
    count, unit = lag.split()
    number = int(count)
    if unit.startswith("observation") and not months:
        return later[number - 1] if len(later) >= number else None
    factor = {"month": 1, "quarter": 3, "year": 12, "observation": months}.get(unit.rstrip("s"))
    if factor is None:
        return end + dt.timedelta(days=number * {"day": 1, "week": 7}[unit.rstrip("s")])
    moved = add_months(end, number * factor)
    return end_month(moved) if end == end_month(end) else moved


def longest(lag: str, months: int) -> int:
    """Return the days that a lag takes at most, as the default age counts them."""
    if lag == "next business day":
        return 3
    number, unit = int(lag.split()[0]), lag.split()[1].rstrip("s")
    if unit == "observation":
        return 31 * (months or 1)
    return number * {"day": 1, "week": 7, "month": 31, "quarter": 93, "year": 366}[unit]

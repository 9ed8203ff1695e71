"""Dates as people write them into files."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market.errors import IntegrityError, SourceError

EPOCHS = {10: "s", 13: "ms", 16: "us", 19: "ns"}
"""Units of time since 1970 (UTC), by the number of digits that a count of them has from 2001 to 2065."""
FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{8}", ("%Y%m%d",)),
    (r"\d{4}-\d{2}", ("%Y-%m",)),
    (r"\d{6}", ("%Y%m",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%d/%m/%Y", "%m/%d/%Y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y",)),
    *((rf"[12]\d{{{digits - 1}}}", (unit,)) for digits, unit in EPOCHS.items()),
)
"""What a date may look like, and how it may then be read. Dots are only ever written day first."""
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
TIME_OF_DAY = re.compile(r"[T ]\d{1,2}:\d{2}.*$")
WISH = "expected dates like 2020-01-31"


def read_dates(source: str, column: str, texts: NDArray[np.object_]) -> pd.DatetimeIndex:
    """Read dates, each of one form, and refuse to guess which number is the day.

    A time of day is dropped: rows are closes. A date without a day ("2020-01", "202001") is the end of its
    month, the first moment at which that month is known. Numbers of 10, 13, 16 or 19 digits are seconds to nanoseconds
    since 1970; their day is that of UTC.

    Parameters
    ----------
    source, column : str
        What to call the file and the column in messages.
    texts : ndarray of str, shape (n,)

    Returns
    -------
    DatetimeIndex of length n

    Raises
    ------
    IntegrityError
        If a date is missing or cannot be read; names its row.
    SourceError
        If all dates could be read day first as well as month first.
    """
    codes, unique = pd.factorize(texts)
    bare = [TIME_OF_DAY.sub("", str(text).strip()) for text in unique]
    where = f"{source}: column {column!r}"

    def refuse(position: int) -> IntegrityError:
        row = int(np.flatnonzero(codes == position)[0]) + 1
        what = f"{unique[position]!r} is not a date that can be read" if bare[position] else "no date"
        hints = (text for form, text in _EXPLANATIONS if re.fullmatch(form, bare[position]))
        hint = next((f" ({text})" for text in hints), "")
        return IntegrityError(f"{where}, data row {row}: {what}{hint}; {WISH}")

    if not bare:
        return pd.DatetimeIndex([])
    form = next(((pattern, formats) for pattern, formats in FORMS if re.fullmatch(pattern, bare[0])), None)
    if form is None:
        raise refuse(0)
    pattern, formats = form
    for position, text in enumerate(bare):
        if not re.fullmatch(pattern, text):
            raise refuse(position)
    readings = [_read_all(bare, how) for how in formats]
    complete = [reading for reading in readings if not reading.hasnans]
    if not complete:
        best = min(readings, key=lambda reading: int(np.sum(reading.isna())))
        raise refuse(int(np.flatnonzero(best.isna())[0]))
    if len(complete) == 2 and not complete[0].equals(complete[1]):
        raise SourceError(
            f"{where}: {unique[0]!r} may be day/month or month/day, and no row tells which; {WISH}"
        )
    dates = complete[0][codes]
    return dates if "%m" not in formats[0] or "%d" in formats[0] else dates + pd.offsets.MonthEnd(0)


def _read_all(texts: list[str], form: str) -> pd.DatetimeIndex:
    """Return texts of one form as dates, NaT where one is none."""
    if form in EPOCHS.values():
        counts = np.array([int(text) for text in texts], dtype=np.int64)
        return pd.DatetimeIndex(counts.astype(f"datetime64[{form}]").astype("datetime64[ns]")).normalize()
    return pd.DatetimeIndex(pd.to_datetime(texts, format=form, errors="coerce"))

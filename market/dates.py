"""Dates as people write them into files."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market.errors import IntegrityError, SourceError

FORMS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (r"\d{4}-\d{1,2}-\d{1,2}", ("%Y-%m-%d",)),
    (r"\d{4}/\d{1,2}/\d{1,2}", ("%Y/%m/%d",)),
    (r"\d{8}", ("%Y%m%d",)),
    (r"\d{4}-\d{2}", ("%Y-%m",)),
    (r"\d{6}", ("%Y%m",)),
    (r"\d{1,2}/\d{1,2}/\d{4}", ("%d/%m/%Y", "%m/%d/%Y")),
    (r"\d{1,2}-\d{1,2}-\d{4}", ("%d-%m-%Y", "%m-%d-%Y")),
    (r"\d{1,2}\.\d{1,2}\.\d{4}", ("%d.%m.%Y",)),
)
"""What a date may look like, and how it may then be read. Dots are only ever written day first."""
TIME_OF_DAY = re.compile(r"[T ]\d{1,2}:\d{2}.*$")
WISH = "expected dates like 2020-01-31"


def read_dates(source: str, column: str, texts: NDArray[np.object_]) -> pd.DatetimeIndex:
    """Read dates, each of one form, and refuse to guess which number is the day.

    A time of day is dropped: rows are closes. A date without a day ("2020-01", "202001") is the end of its
    month, the first moment at which that month is known.

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
        return IntegrityError(f"{where}, data row {row}: {what}; {WISH}")

    if not bare:
        return pd.DatetimeIndex([])
    form = next(((pattern, formats) for pattern, formats in FORMS if re.fullmatch(pattern, bare[0])), None)
    if form is None:
        raise refuse(0)
    pattern, formats = form
    for position, text in enumerate(bare):
        if not re.fullmatch(pattern, text):
            raise refuse(position)
    readings = [pd.DatetimeIndex(pd.to_datetime(bare, format=how, errors="coerce")) for how in formats]
    complete = [reading for reading in readings if not reading.hasnans]
    if not complete:
        best = min(readings, key=lambda reading: int(np.sum(reading.isna())))
        raise refuse(int(np.flatnonzero(best.isna())[0]))
    if len(complete) == 2 and not complete[0].equals(complete[1]):
        raise SourceError(
            f"{where}: {unique[0]!r} may be day/month or month/day, and no row tells which; {WISH}"
        )
    dates = complete[0][codes]
    return dates if "%d" in formats[0] else dates + pd.offsets.MonthEnd(0)

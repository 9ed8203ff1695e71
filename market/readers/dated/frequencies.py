"""Frequencies of the columns of one file: stamps of months among those of days would be read as days."""

from __future__ import annotations

import numpy as np
import pandas as pd

from market.errors import SourceError
from market.readers.dated.periods import NAMES, Periods, end_months, find_beginning, measure_distance
from market.readers.dated.pieces import Piece

_FEWEST = 6
"""Dates of a column from which its frequency is judged."""


def check_frequencies(where: str, periods: Periods, piece: Piece) -> None:
    """Raise if a column has values less often than its file, and stamps that would mean something else alone.

    2020-01-01 is a day in a daily file, and may be all of January in a column of monthly values.

    Raises
    ------
    SourceError
        Names the column.
    """
    if len(piece.values) == 1:
        return  # its rows with a value have decided
    for name, column in piece.values.items():
        begin = find_beginning(periods, piece.usable & ~np.isnan(column))
        months, gap = measure_distance(begin)
        if len(begin) < _FEWEST or not _means_more(periods, begin, months, gap):
            continue
        raise SourceError(
            f"{where}: column {name!r} has values {_describe(months, gap)} ({begin[0]:%Y-%m-%d}, {begin[1]:%Y-%m-%d}),"
            f" and other columns {_describe(periods.months, periods.gap)}: a stamp such as {begin[0]:%Y-%m-%d} may mean"
            " the shorter or the longer period; give it an entry of its own with column, and leave it out of columns"
        )


def _means_more(periods: Periods, begin: pd.DatetimeIndex, months: int, gap: int) -> bool:
    """Whether the first dates of a column may stand for longer periods than those of the file."""
    if months and periods.months:
        first = begin.month % months == 1  # a survey of every February is none of a quarter
        return months > periods.months and bool(periods.reading) and bool(first.all())
    if months:
        return not end_months(begin)
    return gap == 7 and periods.gap == 1 and int(begin[0].day_of_week) in (0, 6)


def _describe(months: int, gap: int) -> str:
    if months:
        return f"every {NAMES[months]}"
    return {1: "every day", 7: "every week"}.get(gap, "at no regular distance")

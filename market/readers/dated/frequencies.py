"""Frequencies of the columns of one file: stamps of months among those of days would be read as days."""

from __future__ import annotations

import numpy as np

from market.errors import SourceError
from market.readers.dated.periods import NAMES, Periods, find_beginning, measure_distance
from market.readers.dated.pieces import Piece

_FEWEST = 6
"""Dates of a column from which its frequency is judged."""


def check_frequencies(where: str, periods: Periods, piece: Piece) -> None:
    """Raise if a column has values less often than its file has rows.

    Its stamps may then mean something else: 2020-01-01 is a day in a daily file, and may be all of January in a column
    of monthly values.

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
        if len(begin) < _FEWEST or (months, gap) == (periods.months, periods.gap) or not (months or gap == 7):
            continue
        raise SourceError(
            f"{where}: column {name!r} has values {_describe(months, gap)} ({begin[0]:%Y-%m-%d}, {begin[1]:%Y-%m-%d}),"
            f" the file {_describe(periods.months, periods.gap)}: a stamp such as {begin[0]:%Y-%m-%d} may mean the day"
            " or the whole period; give it an entry of its own with column, and leave it out of columns"
        )


def _describe(months: int, gap: int) -> str:
    if months:
        return {1: "every month", 12: "every year"}.get(months, f"every {NAMES[months]}")
    return {1: "every day", 7: "every week"}.get(gap, "at no regular distance")

"""Cells of the first lines of a delimited file: the delimiter, and which rows hold data."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from market.text.date_forms import looks_like_date, may_be_day_number
from market.text.paths import open_csv

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
LINES = 100
"""Lines in which a table must have begun."""
_COLUMNS = 40
"""Columns among which is that of the dates."""
_BYTES = 1 << 20
_OF_MOST = 0.8
"""Share of the rows with a date in the best column from which an earlier column is that of the dates."""


@dataclass(frozen=True)
class Sample:
    """The first lines of a file as cells.

    Attributes
    ----------
    delimiter : str
    lines : list of str
    rows : list of list of str
        Cells of each line, as they are written; none of a blank line.
    date : int or None
        Column of the dates; None where no column has any.
    width : int
        Cells in a row of data; 0 where there is none.
    data : tuple of int
        Positions of the rows of data.
    """

    delimiter: str
    lines: list[str]
    rows: list[list[str]]
    date: int | None
    width: int
    data: tuple[int, ...]


def read_sample(path: Path) -> Sample:
    """Read the first lines of a file.

    The delimiter is the one of comma, semicolon, tab and bar that makes most rows of data: with a date in one column.
    Without any such row it is the first of them in the first line.

    Raises
    ------
    OSError, UnicodeDecodeError, pyarrow.ArrowException
        If the file cannot be read as UTF-8.
    """
    lines = _first_lines(path)
    samples = [_split_lines(lines, mark) for mark in DELIMITERS]
    best = max(samples, key=lambda sample: len(sample.data))
    if best.data:
        return best
    first = next((line for line in lines if line.strip()), "")
    mark = next((mark for mark in DELIMITERS if mark in first), ",")
    return next(sample for sample in samples if sample.delimiter == mark)


def split_line(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line; none of a blank line."""
    try:
        return [cell for row in csv.reader([line], delimiter=delimiter) for cell in row]
    except csv.Error:  # a cell beyond the size that Python's reader takes
        return [line]


def is_decimal(text: str) -> bool:
    """Whether a cell is a number with decimals, or in percent: nothing that a column is called."""
    return re.fullmatch(r"[-+]?\d[\d,.]*[.,]\d+\s*%?", text) is not None


def _first_lines(path: Path) -> list[str]:
    """Return the first lines of a file."""
    start = b""
    with open_csv(path) as stream:
        while len(start) < _BYTES and (block := stream.read(_BYTES)):
            start += block
    if len(start) >= _BYTES:  # its last line may be cut
        start = start[: max(start.rfind(b"\n"), start.rfind(b"\r")) + 1] or start
    text = start.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    return text.split("\n")[:LINES]


def _split_lines(lines: Sequence[str], delimiter: str) -> Sample:
    """Return the cells of lines, and which of them are rows of data."""
    rows = [split_line(line, delimiter) for line in lines]
    date = _find_date_column(rows)
    if date is None:
        return Sample(delimiter, list(lines), rows, None, 0, ())
    dated = [n for n, row in enumerate(rows) if len(row) > 1 and _is_dated(row, date)]
    filled = sum(map(bool, rows[dated[0] : dated[-1] + 1]))
    if 2 * len(dated) < filled:  # decimals behind a comma, for example, may look like months
        return Sample(delimiter, list(lines), rows, None, 0, ())
    width = Counter(len(rows[n]) for n in dated).most_common(1)[0][0]
    return Sample(delimiter, list(lines), rows, date, width, tuple(n for n in dated if len(rows[n]) == width))


def _find_date_column(rows: Sequence[Sequence[str]]) -> int | None:
    """Return the first column with nearly as many dates as any other; numbers of days count if few are dates."""
    found = [
        Counter(
            column
            for row in rows
            for column, cell in enumerate(row[:_COLUMNS])
            if len(row) > 1 and cell.strip()[:1].isalnum() and test(cell)
        )
        for test in (_is_date, may_be_day_number)
    ]
    dates, numbers = (max(counts.values(), default=0) for counts in found)
    # Lines above a table of numbers may hold a date, such as that of its start.
    counts = found[1] if 2 * dates < numbers else found[0]
    return min((column for column, n in counts.items() if n >= _OF_MOST * max(counts.values())), default=None)


def _is_date(cell: str) -> bool:
    """Whether a cell is a date; what follows a time of day is no time zone where it holds other delimiters."""
    return looks_like_date(cell) and not any(mark in cell for mark in DELIMITERS if mark != ",")


def _is_dated(row: Sequence[str], date: int) -> bool:
    """Whether a row has a date where rows of data have one."""
    return len(row) > date and (_is_date(row[date]) or may_be_day_number(row[date]))

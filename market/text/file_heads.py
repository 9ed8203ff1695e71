"""First lines of CSV files without a line of column names: what they look like, and what to change."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from market.text.paths import open_csv

_LINES = 40
"""Lines in which a table must have begun."""
_DATE = re.compile(
    r"\d{4}-\d{1,2}(-\d{1,2})?([T ].*)?|\d{1,2}[/.-]\d{1,2}[/.-]\d{2,4}|\d{4}/\d{1,2}/\d{1,2}|(19|20)\d{4}(\d\d)?"
)
_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars"}


def explain_encoding(path: Path) -> str:
    """Return the encoding of a file that is not UTF-8, and what to do; "" if it may be UTF-8."""
    try:
        with open_csv(path) as stream:
            start = stream.read(4096)
    except (OSError, pa.ArrowException):
        return ""
    if start.startswith((b"\xff\xfe", b"\xfe\xff")) or start.count(b"\0") > len(start) // 4:
        return (
            'it is encoded in UTF-16 (Excel\'s "Unicode text"), expected UTF-8; save it as'
            ' "CSV UTF-8", with commas between columns and points in numbers'
        )
    return ""


def explain_head(path: Path) -> str:
    """Return what the first lines of a CSV file look like, and what to do; "" if they are one line of names."""
    rows = _first_rows(path)
    if not rows:
        return ""
    separated = _explain_separator(rows[0])
    if separated:
        return separated
    begin = next((n for n, row in enumerate(rows) if row and _DATE.fullmatch(row[0].strip())), 0)
    if begin < 2:
        return ""
    if _has_levels(rows[:begin]):
        return (
            f"the first {begin} lines are the header of a pandas table with two levels of columns, as yfinance"
            " downloads several tickers; save one field, such as data['Close'].to_csv(path), or all as a long"
            " table: data.stack(level='Ticker').reset_index().to_csv(path, index=False)"
        )
    text = ",".join(rows[0])
    return (
        f"the first row of data, {rows[begin][0].strip()!r}, is in line {begin + 1}, and the lines above it are not"
        f" one line of column names (line 1 is {text[:40] + ('...' if len(text) > 40 else '')!r}); keep one such"
        " line with the date column first, delete the other lines above it, and keep one table"
    )


def _explain_separator(row: Sequence[str]) -> str:
    """Return what separates the names of a line without commas, and what to do; "" if nothing does."""
    separator = next((mark for mark in _SEPARATORS if len(row) == 1 and mark in row[0]), None)
    if separator is None:
        return ""
    return (
        f"columns are separated by {_SEPARATORS[separator]}, expected commas (and points in numbers);"
        f" pandas.read_csv(path, sep={separator!r}, decimal=',').to_csv(new_path, index=False) rewrites"
        " a table with decimal commas"
    )


def find_dated_column(path: Path) -> str:
    """Return the name of the first column with a date in the first row of data of a CSV file, "" if there is none."""
    names, cells = (*_first_rows(path)[:2], [], [])[:2]
    dated = (name for name, cell in zip(names, cells, strict=False) if _DATE.fullmatch(cell.strip()))
    return next(dated, "").strip()


def _first_rows(path: Path) -> list[list[str]]:
    """Return the cells of the first lines of a CSV file, none if it cannot be read."""
    try:
        with io.TextIOWrapper(open_csv(path), encoding="utf-8-sig", newline="") as stream:
            return [row for _, row in zip(range(_LINES), csv.reader(stream), strict=False)]
    except (OSError, UnicodeDecodeError, csv.Error, pa.ArrowException):
        return []


def _has_levels(head: Sequence[Sequence[str]]) -> bool:
    """Whether lines above the data are the levels of pandas' columns: as yfinance writes them."""
    fields = [cell.strip() for cell in head[0][1:]]
    last_is_index = not any(cell.strip() for cell in head[-1][1:])
    tickers = [cell.strip() for cell in head[1][1:]]
    pairs = set(zip(fields, tickers, strict=False))
    repeats = len(set(fields)) < len(fields) or len(set(tickers)) < len(tickers)
    words = all(re.search("[A-Za-z]", cell) for cell in (*fields, *tickers))
    # The third line names the index. Without it the second might hold units, so names must repeat.
    complete = last_is_index if len(head) == 3 else len(head) == 2 and repeats
    return complete and words and len(pairs) == len(fields) == len(tickers)

"""Files that were cut off: without a line end after the last line, its last cell may be a part of a number."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from pathlib import Path

from foundation.suggestions import shorten_text
from market.errors import SourceError
from market.findings import Finding
from market.text.delimited.lines import LineCounter, last_lines

_NEAR = 500
"""Lines before the last whose cells show how long cells of a column usually are."""
_FEWEST = 10
"""Lines from which a usual length is known."""
_USUAL = 0.8
"""Share of cells that are longer than the last one, from which that one counts as cut off."""
_NUMBER = re.compile(r"[-+]?\d*\.?\d*([eE][-+]?\d*)?")
_CUT_EXPONENT = re.compile(r"[-+]?[\d.]+[eE][-+]?\d?")


def check_end(
    path: Path, header: Sequence[str], counter: LineCounter, delimiter: str = ","
) -> tuple[Finding, ...]:
    """Check that a CSV file ends with a line end.

    Only the file's very end is judged. A copy of its earlier rows ends with a line end and is never refused.

    Parameters
    ----------
    path : Path
    header : sequence of str
    counter : LineCounter
        At the end of the file.
    delimiter : str

    Returns
    -------
    tuple of Finding
        A warning where the last line has no line end.

    Raises
    ------
    SourceError
        If the last cell also is shorter than cells of its column usually are.
    """
    if counter.is_finished:
        return ()
    rows = _last_rows(counter.tail, delimiter)
    where = f"{path}: line {counter.last_number}"
    if rows and len(rows[-1]) == len(header):
        cell, name = rows[-1][-1], header[-1]
        before = [row[-1] for row in rows[:-1] if len(row) == len(header)]
        if _looks_cut(cell, before):
            usual = f" (such as {shorten_text(before[-1])!r})" if before else ""
            raise SourceError(
                f"{where}, the last, has no line end, and its last cell, {shorten_text(cell)!r} in column {name!r}, is"
                f" shorter than cells of that column usually are{usual}: the file looks cut off;"
                " write or copy it again, or, if it is complete, add a line end"
            )
    text = (
        f"{where}, the last, has no line end: the file may be cut off, and its last cell a part of a number"
    )
    return (Finding("no line end", "warning", None, None, f"{text}; if it is complete, add a line end"),)


def explain_end(header: Sequence[str], counter: LineCounter, delimiter: str = ",") -> str:
    """Return what is wrong with an unfinished last line of too few cells, "" if it has enough."""
    rows = [] if counter.is_finished else _last_rows(counter.tail, delimiter)
    if not rows or len(rows[-1]) >= len(header):
        return ""
    return (
        f"line {counter.last_number}, the last, has {len(rows[-1])} of {len(header)} cells and no line end: the file"
        " was cut off; write or copy it again"
    )


def _looks_cut(cell: str, before: Sequence[str]) -> bool:
    """Whether a cell looks like the beginning of one, beside the cells above it in its column.

    A number does if it has fewer decimals than most of them (fewer digits, where they have no decimals). A text does if
    it is not among them and begins one of them, or is shorter than most.

    Parameters
    ----------
    cell : str
    before : sequence of str
        Cells above it, the nearest last.
    """
    if _CUT_EXPONENT.fullmatch(cell):
        return True
    if len(before) < _FEWEST:
        return False
    if not all(_NUMBER.fullmatch(text) for text in (cell, *before)):
        if cell in before:
            return False
        if any(text.startswith(cell) for text in before):
            return True
    elif any("." in text for text in before):
        return _share_longer(_decimals(cell), [_decimals(text) for text in before])
    return _share_longer(len(cell), [len(text) for text in before])


def _last_rows(tail: bytes, delimiter: str) -> list[list[str]]:
    """Return the cells of the last lines of a file."""
    try:
        return [
            row for line in last_lines(tail, _NEAR + 1) for row in csv.reader([line], delimiter=delimiter)
        ]
    except csv.Error:  # a cell beyond the size that Python's reader takes
        return []


def _share_longer(length: int, lengths: Sequence[int]) -> bool:
    """Whether most lengths are above one."""
    return sum(other > length for other in lengths) >= _USUAL * len(lengths)


def _decimals(text: str) -> int:
    """Return how many characters follow the decimal point; -1 without one, -2 without any digit."""
    whole, point, decimals = text.partition(".")
    return len(decimals) if point else -1 if whole else -2

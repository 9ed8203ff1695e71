"""Form of a delimited file: its delimiter, the lines above the table, and the names of its columns.

Only the first lines decide. A longer file has the same form.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from foundation.counts import format_count
from foundation.suggestions import shorten_text
from market.errors import SourceError
from market.text.date_forms import looks_like_date
from market.text.delimited.cells import DELIMITERS, Sample, is_decimal, read_sample
from market.text.delimited.lines import has_open_quote
from market.text.delimited.table_ends import find_tables
from market.text.options import PLAIN, TextOptions

_KLINES = (
    *("open_time", "open", "high", "low", "close", "volume", "close_time", "quote_volume", "count"),
    *("taker_buy_volume", "taker_buy_quote_volume", "ignore"),
)
"""Columns of klines, which exchanges write without a line of names."""
_CODES = ("transform", "factors")
"""First words of a line of codes between the names and the data, as FRED-MD has it."""


@dataclass(frozen=True)
class TextForm:
    """Where the table lies in a delimited file.

    Attributes
    ----------
    delimiter : str
    names : tuple of str
        Of the columns, as they are written. Names of several lines are one tuple as text: "('Close', 'KO')".
    skipped : int
        Lines above the first line of data.
    filled : int
        Those of them that hold anything.
    notes : tuple of str
        Sentences on what was not as in a plain file.
    levels : int
        Lines of names.
    is_dated : bool
        Whether the first lines have rows of data with dates. Only then can other lines end the table.
    stop : int, optional
        Bytes of the text, in UTF-8, after which the table ends; None at the end of the file.
    """

    delimiter: str
    names: tuple[str, ...]
    skipped: int = 1
    filled: int = 1
    notes: tuple[str, ...] = ()
    levels: int = 1
    is_dated: bool = False
    stop: int | None = None


def find_form(path: Path, options: TextOptions = PLAIN) -> TextForm:
    """Return the form of a file.

    Raises
    ------
    SourceError
        If the lines above the data are no names of its columns.
    """
    sample = read_sample(path)
    notes = () if sample.delimiter == "," else (f"columns are separated by {DELIMITERS[sample.delimiter]}",)
    first = next((n for n, row in enumerate(sample.rows) if row), None)
    if options.table is not None:
        form = _take_table(path, sample.delimiter, options.table)
    elif options.skip_rows is not None:
        form = _take_names(path, sample, options.skip_rows)
    elif first is None:
        form = TextForm(sample.delimiter, ())
    elif sample.data and sample.data[0] == first:
        form = _name_klines(path, sample)
    else:
        form = _find_names(path, sample, first, keep_codes=options.keep_codes)
    return replace(form, notes=(*notes, *form.notes), is_dated=bool(sample.data))


def _find_names(path: Path, sample: Sample, first: int, *, keep_codes: bool) -> TextForm:
    """Return the form of a file that begins with lines of text or names."""
    rows, notes = sample.rows, []
    begin = sample.data[0] if sample.data else first + 1
    levels, stop = _find_levels(sample, begin, first)
    top = stop - len(levels)
    if not levels:
        titled = sample.width > len(rows[first]) == 1
        if titled or any(len(row) not in (0, sample.width) for row in rows[first + 1 : begin]):
            raise SourceError(f"{path}: {_explain_head(rows, begin)}")
        levels, top, stop, begin = rows[first : first + 1], first, first + 1, first + 1
    _refuse_open_quotes(path, sample.lines[top:stop], top, sample.delimiter)
    date = sample.date or 0
    if len(levels) == 2 and levels[0][date].strip() and not levels[1][date].strip() and any(levels[1]):
        # pandas writes the name of the index in the last of several lines.
        text = shorten_text(sample.delimiter.join(levels[1]))
        raise SourceError(
            f"{path}: line {stop}, {text!r}, below the names of columns holds no data; delete it"
        )
    above = [row for row in rows[:top] if row]
    if above:
        text = shorten_text(sample.delimiter.join(above[0]).rstrip(sample.delimiter))
        notes.append(
            f"{format_count(len(above), 'line')} above the column names left out, the first {text!r}"
        )
    names = _merge_levels(levels, date)
    if len(levels) > 1:
        notes.append(f"names of columns are in {len(levels)} lines, such as {names[-1]}")
    if keep_codes:
        begin = stop
    elif begin > stop:
        notes.append(f"line {begin}, {rows[begin - 1][0]!r}, holds codes of columns: left out")
    return TextForm(sample.delimiter, names, begin, sum(map(bool, rows[:begin])), tuple(notes), len(levels))


def end_table(path: Path, form: TextForm) -> TextForm | None:
    """Return the form of a file that ends with its first table; None if nothing but rows follows its names.

    Raises
    ------
    SourceError
        If a further table has no title, so that nothing says which of them is meant.
    """
    found = find_tables(path, form.delimiter)
    rest = found.describe_rest(1) if form.is_dated and found.tables else ""
    if (
        not rest
        or found.tables[0].widths != {len(form.names)}
        or not all(table.names for table in found.tables[1:])
    ):
        return None
    untitled = next((table for table in found.tables[1:] if not table.title), None)
    if untitled is not None:
        raise SourceError(
            f"{path}: a second table begins in line {untitled.skipped + 1} and has no title; keep one table in the"
            " file, or set data.table to 1 or 2"
        )
    return replace(form, stop=found.tables[0].stop, notes=(*form.notes, rest))


def _take_table(path: Path, delimiter: str, wanted: int) -> TextForm:
    """Return the form of one of the tables of a file."""
    found = find_tables(path, delimiter)
    if not 1 <= wanted <= len(found.tables):
        count = format_count(len(found.tables), "table")
        raise SourceError(f"{path}: table is {wanted}, but the file has {count}")
    table = found.tables[wanted - 1]
    if not table.names:
        raise SourceError(f"{path}: table {wanted}: line {table.skipped} holds no names of its columns")
    rest = found.describe_rest(wanted)
    return TextForm(
        delimiter, table.names, table.skipped, table.filled, (rest,) if rest else (), stop=table.stop
    )


def _take_names(path: Path, sample: Sample, skip: int) -> TextForm:
    """Return the form of a file whose line of names is known."""
    rows = sample.rows
    place = next((n for n, row in enumerate(rows) if n >= skip and row), None)
    if place is None:
        raise SourceError(
            f"{path}: skip_rows is {skip}, but the file has no line of names after {skip} lines"
        )
    notes = (
        (f"{format_count(skip, 'line')} above the column names left out, as skip_rows says",) if skip else ()
    )
    return TextForm(sample.delimiter, tuple(rows[place]), place + 1, sum(map(bool, rows[: place + 1])), notes)


def _find_levels(sample: Sample, begin: int, first: int) -> tuple[list[list[str]], int]:
    """Return the lines of names above the data, from the top, and the line that follows them."""
    rows = sample.rows
    while begin - 1 > first and rows[begin - 1] and rows[begin - 1][0].strip().casefold().startswith(_CODES):
        begin -= 1
    levels: list[list[str]] = []
    for place in range(begin - 1, max(begin - 4, first) - 1, -1):
        if not _is_level(rows[place], sample, levels, is_first=place == first):
            break
        levels.insert(0, rows[place])
    return levels, begin


def _is_level(row: Sequence[str], sample: Sample, below: Sequence[Sequence[str]], *, is_first: bool) -> bool:
    """Whether a line above the data, or above lines of names, holds names of columns.

    Names may be numbers in the first line of a file only, directly above the data or a line without a name of the
    dates; elsewhere that is a row of data without a date.
    """
    cells = [cell.strip() for cell in row]
    known = sample.width or len(row)
    if len(row) != known or any(looks_like_date(cell, numbers=False) or is_decimal(cell) for cell in cells):
        return False
    ends = not below or not below[0][sample.date or 0].strip()
    if any(cell.lstrip("-").isdigit() for cell in cells) and not (is_first and ends):
        return False
    others = [cell for n, cell in enumerate(cells) if n != sample.date]
    if all(others):
        return True
    if not any(others):
        return not below and any(cells)  # the name of the index alone
    # An upper line may name groups of columns, where names repeat below it.
    return not below or len({*below[0]}) < len(below[0])


def _merge_levels(levels: Sequence[Sequence[str]], date: int) -> tuple[str, ...]:
    """Return one name per column. A blank cell of an upper line continues the one to its left."""
    if len(levels) == 1:
        return tuple(levels[0])
    named = [row for row in levels if any(cell for n, cell in enumerate(row) if n != date)]
    if len(named) == 1:
        return tuple(levels[-1][n] if n == date else cell for n, cell in enumerate(named[0]))
    filled = []
    for row in named:
        cells = list(row)
        for n in range(1, len(cells)):
            if not cells[n] and n - 1 != date:
                cells[n] = cells[n - 1]
        filled.append(cells)
    columns = list(zip(*([cell.strip() for cell in row] for row in filled), strict=True))
    return tuple(
        next((row[n] for row in reversed(levels) if row[n]), "") if n == date else repr(column)
        for n, column in enumerate(columns)
    )


def _refuse_open_quotes(path: Path, lines: Sequence[str], top: int, delimiter: str) -> None:
    """Refuse lines of names with a quote that is not closed."""
    for number, line in enumerate(lines, start=top + 1):
        if has_open_quote(line, delimiter):
            raise SourceError(
                f"{path}: line {number}: a quoted column name is not closed at the end of the line"
            )


def _name_klines(path: Path, sample: Sample) -> TextForm:
    """Return the form of klines without a line of names; other files without names are refused."""
    rows = [sample.rows[n] for n in sample.data]
    times = [(row[0], row[6]) for row in rows if len(row) in (11, 12)]
    if len(times) == len(rows) and all(
        a.isdigit() and b.isdigit() and len(a) in (13, 16) and a < b for a, b in times
    ):
        names = _KLINES[: len(rows[0])]
        note = f"no line of names: read as klines of an exchange, with the columns {', '.join(names)}"
        return TextForm(sample.delimiter, names, 0, 0, (note,))
    text = shorten_text(sample.delimiter.join(rows[0]))
    raise SourceError(
        f"{path}: the first line, {text!r}, holds data and no names of columns; write a line of names above it, with"
        " 'date' for the column of dates"
    )


def _explain_head(rows: Sequence[Sequence[str]], begin: int) -> str:
    """Return what is wrong with the lines above the data."""
    above, below = rows[begin - 1], rows[begin]
    if above and len(above) != len(below) and looks_like_date(above[0].strip(), numbers=False):
        return (
            f"line {begin} has {format_count(len(above), 'cell')}, {shorten_text(','.join(above))!r}, and the line"
            f" after it has {len(below)}; complete line {begin}, or delete it"
        )
    text = ",".join(next(row for row in rows if row))
    return (
        f"the first row of data, {rows[begin][0]!r}, is in line {begin + 1}, and the line above it holds no names of"
        f" its columns (line 1 is {shorten_text(text)!r}); write such a line, or set data.skip_rows to the number of"
        " lines above that of the names"
    )

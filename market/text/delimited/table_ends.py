"""Tables of a file: several tables one below the other, and the footers below them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from foundation.counts import format_count
from foundation.suggestions import list_names, shorten_text
from market.text.date_forms import looks_like_date
from market.text.delimited.cells import is_decimal, split_line
from market.text.delimited.lines import BLOCK
from market.text.paths import open_csv


@dataclass
class TextTable:
    """One of the tables of a file.

    Attributes
    ----------
    title : str
        The last line of text above its names; "" without one.
    names : tuple of str
        Cells of the line above its rows; empty if that is no line of names.
    skipped, filled : int
        Lines above its rows, and those of them that hold anything.
    widths : set of int
        Numbers of cells in its rows.
    stop : int
        Bytes of the text, in UTF-8, up to the end of its last row.
    """

    title: str
    names: tuple[str, ...]
    skipped: int
    filled: int
    widths: set[int] = field(default_factory=set)
    stop: int = 0


@dataclass(frozen=True)
class TextTables:
    """All tables of a file in their order, and the lines of text below the last."""

    tables: tuple[TextTable, ...]
    footer: tuple[str, ...]

    def describe_rest(self, read: int) -> str:
        """Return what is left out if one table is read; "" if nothing is."""
        parts = []
        if len(self.tables) > 1:
            others = [table.title or f"table {n}" for n, table in enumerate(self.tables, 1) if n != read]
            title = self.tables[read - 1].title
            which = f", {title!r}," if title else ""
            parts.append(
                f"table {read} of {len(self.tables)}{which} is read; left out: {list_names(others)} (data.table"
                " chooses)"
            )
        if self.footer:
            count = format_count(len(self.footer), "line")
            parts.append(f"{count} below the table left out, the first {shorten_text(self.footer[0])!r}")
        return "; ".join(parts)


def find_tables(path: Path, delimiter: str) -> TextTables:
    """Return the tables of a file: runs of rows of data, each below a line of names.

    A row of data begins with a date or holds a number beside its first cell. Blank lines end no table.
    """
    tables: list[TextTable] = []
    texts: list[str] = []
    is_open, filled = False, 0
    for number, stop, line in _iterate_lines(path):
        if not line.strip():
            filled += bool(line)
            continue
        cells = split_line(line, delimiter)
        if _is_data(cells):
            if not is_open:
                tables.append(_begin_table(texts, delimiter, len(cells), number - 1, filled))
                texts, is_open = [], True
            tables[-1].widths.add(len(cells))
            tables[-1].stop = stop
        else:
            texts.append(line)
            is_open = False
        filled += 1
    return TextTables(tuple(tables), tuple(text.strip() for text in texts))


def _begin_table(texts: Sequence[str], delimiter: str, width: int, skipped: int, filled: int) -> TextTable:
    """Return a table without rows, below lines of text."""
    names = tuple(split_line(texts[-1], delimiter)) if texts else ()
    titles = [text.strip() for text in texts[:-1] if len(split_line(text, delimiter)) < max(width, 2)]
    return TextTable(titles[-1] if titles else "", names if len(names) == width else (), skipped, filled)


def _is_data(cells: Sequence[str]) -> bool:
    """Whether a line is a row of data, or a part of one: it has a date, a number, or no letter at all."""
    first, *others = (cell.strip() for cell in cells)
    numbers = any(is_decimal(cell) or cell.lstrip("-").isdigit() for cell in others)
    letters = any(letter.isalpha() for letter in first)
    return numbers or looks_like_date(first) or not (letters or any(others)) or first[:1].isdigit()


def _iterate_lines(path: Path) -> Iterator[tuple[int, int, str]]:
    """Return the number of each line, the bytes up to its end, and its text."""
    number, done, rest = 0, 0, b""
    with open_csv(path) as stream:
        while block := stream.read(BLOCK):
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                number, done = number + 1, done + len(line) + 1
                yield number, done, line.rstrip(b"\r").decode("utf-8-sig", errors="replace")
    if rest:
        yield number + 1, done + len(rest), rest.decode("utf-8-sig", errors="replace")

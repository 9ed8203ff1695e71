"""Excel workbooks: one sheet as a table, with the types of its cells."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from foundation.counts import format_count
from foundation.suggestions import list_names, shorten_text, suggest
from market.errors import SourceError
from market.findings import INTERPRETATION, Finding
from market.sources.arrow_tables import make_column

EXCEL = (".xlsx", ".xlsm")
Rows = list[tuple[Any, ...]]
_LONGEST_REASON = 200
"""Characters of a reason of another library, which may quote a damaged file."""
_DAMAGED = (
    *(KeyError, ValueError, TypeError, AttributeError, IndexError, SyntaxError, OSError, EOFError),
    *(ArithmeticError, RuntimeError, zipfile.BadZipFile, zlib.error),
)
"""What openpyxl and zipfile raise for damaged or encrypted workbooks; NotImplementedError is a RuntimeError."""


def is_excel(path: Path) -> bool:
    """Whether the name of a file says that it is an Excel workbook."""
    return path.name.lower().endswith(EXCEL)


def read_excel(path: Path, label: str, sheet: str | None, max_bytes: int) -> tuple[Any, tuple[Finding, ...]]:
    """Return a sheet of a workbook as an Arrow table, with a note of title rows that were left out.

    The first row that is not empty holds the names, or the first below rows of one text alone. Numbers, dates and texts
    keep their types; a column of several types is one of texts. Results of formulas are those that Excel stored.

    Parameters
    ----------
    path : Path
    label : str
        What messages call the file.
    sheet : str or None
        None takes the only sheet that holds something.
    max_bytes : int
        Largest size of the unpacked file.

    Raises
    ------
    SourceError
        If openpyxl is not installed, the file is no workbook or too large, the sheet is missing or not the only one, or
        a formula has no stored result.
    """
    openpyxl = _import_openpyxl(label)
    _check_archive(path, label, max_bytes)
    try:
        book = openpyxl.load_workbook(path, read_only=True, data_only=True)
        name = _choose_sheet(label, book, sheet)
        rows = list(_cut_rows(book[name]))
        book.close()
        _check_formulas(openpyxl, path, f"{label}: sheet {name!r}", name, rows)
    except _DAMAGED as error:
        # What openpyxl raises for damaged parts depends on the part.
        reason = shorten_text(" ".join(str(error).split()), _LONGEST_REASON)
        raise SourceError(f"{label}: cannot be read as an Excel workbook: {reason}") from error
    titles = _count_titles(rows)
    if not titles:
        return _make_table(rows), ()
    note = (
        f"{label}: sheet {name!r}: {format_count(titles, 'row')} above the column names left out, the first"
        f" {shorten_text(str(rows[0][0]))!r}"
    )
    return _make_table(rows[titles:]), (Finding(INTERPRETATION, "note", None, None, note),)


def _import_openpyxl(label: str) -> Any:
    try:
        import openpyxl
    except ImportError as error:
        raise SourceError(f"{label}: Excel files need openpyxl: pip install 'tangency[excel]'") from error
    return openpyxl


def _check_archive(path: Path, label: str, max_bytes: int) -> None:
    if not path.is_file():
        reason = "is no ordinary file" if path.exists() else "does not exist"
        raise SourceError(f"{label}: {reason}; expected an Excel workbook")
    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(part.file_size for part in archive.infolist())
    except (zipfile.BadZipFile, OSError) as error:
        raise SourceError(
            f"{label}: no Excel workbook ({shorten_text(str(error), _LONGEST_REASON)}); the file may be cut off,"
            " encrypted or of the old format .xls: open it in Excel and save it as .xlsx"
        ) from error
    if size > max_bytes:
        raise SourceError(
            f"{label}: unpacks to {size / 1e6:,.0f} MB, more than fetch.max_megabytes allows"
            f" ({max_bytes / 1e6:,.0f}); save it as CSV or Parquet, or raise the limit"
        )


def _choose_sheet(label: str, book: Any, wanted: str | None) -> str:
    names = [str(sheet.title) for sheet in book.worksheets]
    if wanted is not None:
        if wanted not in names:
            raise SourceError(f"{label}: no sheet {wanted!r}{suggest(wanted, names)}")
        return wanted
    filled = [name for name in names if next(_cut_rows(book[name]), None) is not None]
    if len(filled) != 1:
        found = f"holds the sheets {list_names(filled)}; set sheet to one of them" if filled else "is empty"
        raise SourceError(f"{label}: the workbook {found}")
    return filled[0]


def _cut_rows(sheet: Any) -> Iterator[tuple[Any, ...]]:
    """Yield the values of the rows of a sheet from the first to the last that is not empty."""
    sheet.reset_dimensions()  # some programs write wrong ones
    empty = 0
    begun = False
    for row in sheet.iter_rows(values_only=True):
        if all(cell is None or cell == "" for cell in row):
            empty += begun
            continue
        yield from (() for _ in range(empty))
        empty, begun = 0, True
        yield row


def _check_formulas(openpyxl: Any, path: Path, where: str, name: str, rows: Rows) -> None:
    """Refuse formulas without a stored result: programs other than Excel may write none."""
    width = max(map(len, rows), default=0)
    if all(len(row) == width and None not in row for row in rows):
        return
    book = openpyxl.load_workbook(path, read_only=True, data_only=False)
    for number, (row, values) in enumerate(zip(_cut_rows(book[name]), rows, strict=False), start=1):
        for column, cell in enumerate(row):
            value = values[column] if column < len(values) else None
            if value is None and isinstance(cell, str) and cell.startswith("="):
                raise SourceError(
                    f"{where}, row {number} of the table, column {column + 1}: the formula {cell[:40]!r} has no stored"
                    " result; open the file in Excel and save it again, or save it as CSV"
                )
    book.close()


def _count_titles(rows: Rows) -> int:
    """Return the number of rows above that of the names: a title in their first cell, or nothing.

    Below them stands a row of several texts, the names. A row with one name, of an index, is followed by data.
    """
    for place, row in enumerate(rows):
        filled = [cell for cell in row if cell is not None and cell != ""]
        if len(filled) > 1:
            return place if all(isinstance(cell, str) for cell in filled) else 0
        if filled and not (isinstance(row[0], str) and row[0]):
            return 0
    return 0


def _make_table(rows: Rows) -> Any:
    header = list(rows[0]) if rows else []
    while (
        header
        and header[-1] is None
        and all(len(r) < len(header) or r[len(header) - 1] is None for r in rows)
    ):
        header.pop()
    width = max(len(header), max((len(row) for row in rows), default=0))
    filled = [(*row, *(None,) * (width - len(row))) for row in rows[1:]]
    columns = [make_column([row[place] for row in filled]) for place in range(width)]
    names = ["" if name is None else str(name) for name in (*header, *(None,) * (width - len(header)))]
    kept = [
        place for place in range(width) if names[place] or columns[place].null_count < len(columns[place])
    ]
    return pa.Table.from_arrays([columns[place] for place in kept], names=[names[place] for place in kept])

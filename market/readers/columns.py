"""Columns of a CSV or Parquet file, with every cell that is not what its column should hold."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from market.checks import Finding
from market.errors import SourceError
from market.file_heads import explain_encoding, explain_head
from market.number_texts import NO_VALUE, explain_number
from market.panel import Floats

CSV = (".csv", ".csv.gz", ".csv.bz2")
PARQUET = (".parquet", ".pq")


@dataclass(frozen=True, eq=False)
class Contents:
    """The columns that were asked for.

    Attributes
    ----------
    texts : dict of str to ndarray of str
    numbers : dict of str to ndarray of float
        NaN where there is no value.
    findings : tuple of Finding
        Fatal: text in number columns.
    only_texts : dict of str to str
        By number column without any number: its first text.
    """

    texts: dict[str, NDArray[np.object_]]
    numbers: dict[str, Floats]
    findings: tuple[Finding, ...]
    only_texts: dict[str, str]


def read_header(path: Path) -> tuple[str, ...]:
    """Return the column names of a file.

    Raises
    ------
    SourceError
        If the file is missing, empty, of another type, not readable, or names a column twice or not at all
        (the first may be nameless: an index is written like that).
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise SourceError(f"{path}: {what}; expected a CSV or Parquet file")
    if path.stat().st_size == 0:
        raise SourceError(f"{path}: the file is empty")
    try:
        if path.name.lower().endswith(PARQUET):
            names = [str(name) for name in pa_parquet.read_schema(path).names]
        elif path.name.lower().endswith(CSV):
            with io.TextIOWrapper(pa.input_stream(str(path)), encoding="utf-8-sig", newline="") as stream:
                names = [name.strip() for name in next(csv.reader(stream), [])]
        else:
            raise SourceError(f"{path}: expected a name that ends in {', '.join(CSV + PARQUET)}")
    except (pa.ArrowException, OSError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(path, error) from error
    wrong = _wrong_names(names)
    if path.name.lower().endswith(CSV):
        wrong = explain_encoding(path) or (wrong and (explain_head(path) or wrong))
    if wrong:
        raise SourceError(f"{path}: {wrong}")
    return tuple(names)


def _wrong_names(names: Sequence[str]) -> str:
    """Return what is wrong with column names, "" if nothing is."""
    if not any(names):
        return "no column names in the first line"
    for position, name in enumerate(names):
        if not name and position > 0:
            return f"column {position + 1} has no name in the first line; name it, or delete the column"
        if name in names[:position]:
            return f"two columns are named {name!r}; rename one of them, or delete it"
    return ""


def read_columns(
    path: Path, header: Sequence[str], *, texts: Sequence[str], numbers: Sequence[str]
) -> Contents:
    """Read some columns of a file, each as text or as numbers.

    Parameters
    ----------
    path : Path
    header : sequence of str
        What `read_header` returned.
    texts, numbers : sequence of str
        Columns to read.

    Raises
    ------
    SourceError
        If the file cannot be read as a table.
    """
    try:
        if path.name.lower().endswith(PARQUET):
            table = pa_parquet.read_table(path, columns=[*texts, *numbers])
        else:
            table = _read_csv(path, header, list(texts), list(numbers))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    read_texts = {name: _texts(table.column(name)) for name in texts}
    read_numbers: dict[str, Floats] = {}
    findings: list[Finding] = []
    only_texts: dict[str, str] = {}
    rows = next(iter(read_texts.values()), None)
    for name in numbers:
        read_numbers[name], wrong = _numbers(table.column(name))
        if len(wrong):
            findings.append(_text_found(path, name, wrong, table.column(name), rows))
            if np.isnan(read_numbers[name]).all():
                only_texts[name] = str(table.column(name)[int(wrong[0])])
    return Contents(read_texts, read_numbers, tuple(findings), only_texts)


def copy_rows(path: Path, header: Sequence[str], kept: NDArray[np.bool_], target: Path) -> None:
    """Write some rows of a file, with all its columns as they are, to another of its kind.

    Parameters
    ----------
    path : Path
    header : sequence of str
        What `read_header` returned.
    kept : ndarray of bool
        One a data row.
    target : Path
    """
    try:
        if path.name.lower().endswith(PARQUET):
            pa_parquet.write_table(pa_parquet.read_table(path).filter(pa.array(kept)), target)
        else:
            pa_csv.write_csv(_read_csv(path, header, list(header), []).filter(pa.array(kept)), str(target))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _read_csv(path: Path, header: Sequence[str], texts: list[str], numbers: list[str]) -> Any:
    """Read a CSV file with numbers as numbers; all as text if one of them is not."""

    def read(number: Any) -> Any:
        kinds = dict.fromkeys(texts, pa.string()) | dict.fromkeys(numbers, number)
        return pa_csv.read_csv(
            str(path),
            read_options=pa_csv.ReadOptions(column_names=list(header), skip_rows=1),
            parse_options=pa_csv.ParseOptions(newlines_in_values=False),
            convert_options=pa_csv.ConvertOptions(
                column_types=kinds, include_columns=texts + numbers, null_values=list(NO_VALUE)
            ),
        )

    try:
        return read(pa.float64())
    except pa.ArrowInvalid as error:
        if "conversion error" not in str(error):
            raise
        return read(pa.string())


def _texts(column: Any) -> NDArray[np.object_]:
    """Return a column as text, "" where it has no value; dates as YYYY-MM-DD in their own time zone."""
    if pa.types.is_timestamp(column.type):
        stamps = column.to_pandas().dt
        return np.asarray(stamps.strftime("%Y-%m-%d").fillna(""), dtype=object)
    return np.array(["" if cell is None else str(cell) for cell in column.to_pylist()], dtype=object)


def _numbers(column: Any) -> tuple[Floats, NDArray[np.int64]]:
    """Return a column as float64, and the rows that hold something else."""
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        return np.asarray(column.cast(pa.float64(), safe=False).to_numpy(), dtype=np.float64), np.array(
            [], int
        )
    cells = [
        None if cell is None or str(cell).strip() in NO_VALUE else str(cell) for cell in column.to_pylist()
    ]
    values = np.asarray(pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce"), dtype=np.float64)
    wrong = np.flatnonzero(np.isnan(values) & np.array([cell is not None for cell in cells], dtype=np.bool_))
    return values, wrong


def _text_found(
    path: Path, name: str, wrong: NDArray[np.int64], column: Any, rows: NDArray[np.object_] | None
) -> Finding:
    """Word the finding for cells of a number column that hold no number."""
    row = int(wrong[0])
    dated = f" ({rows[row]})" if rows is not None else ""
    more = f" ({len(wrong)} such cells)" if len(wrong) > 1 else ""
    where = f"{path}: column {name!r}, data row {row + 1}{dated}"
    cell = str(column[row])
    message = f"{where}: expected a number, found {cell!r}{explain_number(cell)}{more}"
    return Finding("text in a number column", "fatal", name, None, message)


def _unreadable(path: Path, error: Exception) -> SourceError:
    """Word a reader's complaint in one line."""
    encoding = explain_encoding(path) if path.name.lower().endswith(CSV) else ""
    reason = " ".join(str(error).split())
    if not encoding and "utf" in reason.lower():
        encoding = f'it is not encoded in UTF-8; save it as "CSV UTF-8" ({reason})'
    return SourceError(f"{path}: cannot be read as a table: {encoding or reason}")

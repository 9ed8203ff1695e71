"""Columns of a CSV or Parquet file, with findings for text in columns of numbers."""

from __future__ import annotations

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

from foundation.suggestions import shorten_text
from foundation.types import Floats
from market.errors import SourceError
from market.findings import Finding, raise_if_fatal
from market.text.coded_texts import CodedTexts, encode_column
from market.text.csv_tables import read_csv
from market.text.headers import make_unreadable_error, read_names
from market.text.names import check_clean, clean_name
from market.text.number_texts import NO_VALUE, explain_number
from market.text.paths import create_csv, is_parquet
from market.text.truncation import check_end


@dataclass(frozen=True, eq=False)
class Contents:
    """Columns that were read.

    Attributes
    ----------
    coded : dict of str to CodedTexts
        Columns of text.
    numbers : dict of str to ndarray of float
        NaN where there is no value.
    findings : tuple of Finding
        Fatal: text in number columns.
    warnings : tuple of Finding
        About the file: names that are read otherwise than they are written, a last line without a line end.
    only_texts : dict of str to str
        By number column without any number: its first text.
    """

    coded: dict[str, CodedTexts]
    numbers: dict[str, Floats]
    findings: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    only_texts: dict[str, str]


def read_columns(
    path: Path, header: Sequence[str], *, texts: Sequence[str], numbers: Sequence[str], whole: bool = True
) -> Contents:
    """Read some columns of a file, each as text or as numbers.

    Parameters
    ----------
    path : Path
    header : sequence of str
        What `read_header` returned.
    texts, numbers : sequence of str
        Columns to read.
    whole : bool
        Whether the last rows are wanted too; otherwise it does not matter whether the file was cut off there.

    Raises
    ------
    SourceError
        If the file cannot be read as a table, a quoted cell holds a line break, or the file looks cut off.
    """
    written = read_names(path)
    if [clean_name(name) for name in written] != list(header):
        raise SourceError(f"{path}: the file changed while it was read; read it again when it is complete")
    wanted = {*texts, *numbers}
    used = {raw: name for raw, name in zip(written, header, strict=True) if name in wanted}
    warnings = list(raise_if_fatal(check_clean(str(path), "columns", used)))
    try:
        if is_parquet(path):
            table = _read_parquet(path, used)
        else:
            table, counter = read_csv(path, header, texts, numbers)
            warnings += check_end(path, header, counter) if whole else ()
        _check_dictionaries(table)
        coded = {name: encode_column(table.column(name)) for name in texts}
        columns = {name: _parse_numbers(table.column(name)) for name in numbers}
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise make_unreadable_error(path, error) from error
    findings: list[Finding] = []
    only_texts: dict[str, str] = {}
    rows = next(iter(coded.values()), None)
    for name, (values, wrong) in columns.items():
        if wrong is not None:
            cell = wrong.texts[wrong.codes[wrong.codes >= 0][0]]
            findings.append(_describe_text(path, name, wrong, cell, rows))
            if np.isnan(values).all():
                only_texts[name] = cell
    read_numbers = {name: values for name, (values, _) in columns.items()}
    return Contents(coded, read_numbers, tuple(findings), tuple(warnings), only_texts)


def copy_rows(path: Path, header: Sequence[str], kept: NDArray[np.bool_], target: Path) -> None:
    """Write some rows of a file, with all its columns as they are, to another of its kind.

    If all rows are kept, and the last line of a CSV file has no line end, that of the copy has none either.

    Parameters
    ----------
    path : Path
    header : sequence of str
        What `read_header` returned.
    kept : ndarray of bool
        One per data row.
    target : Path
    """
    try:
        if is_parquet(path):
            with pa_parquet.ParquetFile(path) as file:
                pa_parquet.write_table(file.read().filter(pa.array(kept)), target)
        else:
            table, counter = read_csv(path, header, header, ())
            table = table.filter(pa.array(kept)).cast(pa.schema([(name, pa.string()) for name in header]))
            # Names stay as they are written, so that the copy gives the same notices.
            table = table.rename_columns(read_names(path))
            with create_csv(target) as stream:
                if counter.is_finished or not kept.all():
                    pa_csv.write_csv(table, stream)
                else:
                    buffer = pa.BufferOutputStream()
                    pa_csv.write_csv(table, buffer)
                    text = buffer.getvalue()
                    stream.write(text.slice(0, text.size - 1))
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise make_unreadable_error(path, error) from error


def _read_parquet(path: Path, names: dict[str, str]) -> Any:
    """Read columns of a Parquet file by their names in the file, and rename them; texts come as codes."""
    with pa_parquet.ParquetFile(path) as file:
        kinds = {field.name: field.type for field in file.schema_arrow}
    coded = [raw for raw in names if pa.types.is_string(kinds[raw]) or pa.types.is_large_string(kinds[raw])]
    with pa_parquet.ParquetFile(path, read_dictionary=coded) as file:
        table = file.read(columns=list(names))
    return table.select(list(names)).rename_columns(list(names.values()))


def _check_dictionaries(table: Any) -> None:
    """Refuse values outside of their column's dictionary, which damaged Parquet files may have.

    Raises
    ------
    pyarrow.ArrowInvalid
    """
    for column in table.columns:
        if pa.types.is_dictionary(column.type):
            column.validate(full=True)


def _parse_numbers(column: Any) -> tuple[Floats, CodedTexts | None]:
    """Return a column as float64, and its texts if some are no number, with code -1 in the other rows."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        plain = column.cast(kind).cast(pa.float64(), safe=False)
        return np.asarray(plain.to_numpy(), dtype=np.float64), None
    coded = encode_column(column)
    cells = [None if text.strip() in NO_VALUE else text for text in coded.texts]
    values = np.asarray(pd.to_numeric(pd.Series(cells, dtype=object), errors="coerce"), dtype=np.float64)
    is_wrong = np.isnan(values) & np.array([cell is not None for cell in cells], dtype=np.bool_)
    if not is_wrong.any():
        return values[coded.codes], None
    return values[coded.codes], CodedTexts(np.where(is_wrong[coded.codes], coded.codes, -1), coded.texts)


def _describe_text(path: Path, name: str, wrong: CodedTexts, cell: str, rows: CodedTexts | None) -> Finding:
    """Return the finding for cells of a number column that hold no number."""
    places = np.flatnonzero(wrong.codes >= 0)
    row = int(places[0])
    dated = f" ({shorten_text(rows.texts[rows.codes[row]])})" if rows is not None else ""
    more = f" ({len(places)} such cells)" if len(places) > 1 else ""
    where = f"{path}: column {name!r}, data row {row + 1}{dated}"
    message = f"{where}: expected a number, found {shorten_text(cell)!r}{explain_number(cell)}{more}"
    return Finding("text in a number column", "fatal", name, None, message)

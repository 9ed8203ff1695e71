"""Columns of a CSV or Parquet file, with findings for text in columns of numbers."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
from numpy.typing import NDArray

from foundation.suggestions import shorten_text
from foundation.types import Floats
from market.errors import SourceError
from market.findings import INTERPRETATION, Finding, raise_if_fatal
from market.text.coded_texts import CodedTexts, encode_column
from market.text.delimited.csv_tables import read_csv
from market.text.delimited.lines import numbered_lines
from market.text.delimited.truncation import check_end
from market.text.headers import make_unreadable_error, read_form
from market.text.names import check_clean, clean_name
from market.text.number_columns import parse_number_columns
from market.text.number_texts import explain_number
from market.text.options import PLAIN, DecimalMark, TextOptions
from market.text.paths import create_csv, is_parquet


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
    decimal : {".", ","}
        The decimal mark of texts in the columns of numbers.
    """

    coded: dict[str, CodedTexts]
    numbers: dict[str, Floats]
    findings: tuple[Finding, ...]
    warnings: tuple[Finding, ...]
    only_texts: dict[str, str]
    decimal: DecimalMark = "."


def read_columns(
    path: Path,
    header: Sequence[str],
    *,
    texts: Sequence[str],
    numbers: Sequence[str],
    whole: bool = True,
    options: TextOptions = PLAIN,
    missing: Mapping[str, Collection[str]] | None = None,
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
    options : TextOptions
        As they were given to `read_header`.
    missing : mapping of str to collection of str, optional
        By column, texts that stand for no value there.

    Raises
    ------
    SourceError
        If the file cannot be read as a table, a quoted cell holds a line break, or the file looks cut off.
    AmbiguityError
        If the decimal mark of its numbers may be a point as well as a comma.
    """
    form = read_form(path, options)
    written = form.names
    if [clean_name(name) for name in written] != list(header):
        raise SourceError(f"{path}: the file changed while it was read; read it again when it is complete")
    wanted = {*texts, *numbers}
    used = {raw: name for raw, name in zip(written, header, strict=True) if name in wanted}
    warnings = list(raise_if_fatal(check_clean(str(path), "columns", used)))
    try:
        if is_parquet(path):
            table = _read_parquet(path, used)
        else:
            table, counter, form = read_csv(path, form, header, texts, numbers, options.na_values)
            if whole and form.stop is None:
                warnings += check_end(path, header, counter, form.delimiter)
        _check_dictionaries(table)
        coded = {name: encode_column(table.column(name)) for name in texts}
        columns = {name: table.column(name) for name in numbers}
        parsed = parse_number_columns(str(path), columns, form.delimiter, options, missing or {})
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise make_unreadable_error(path, error) from error
    findings: list[Finding] = []
    only_texts: dict[str, str] = {}
    rows = next(iter(coded.values()), None)
    for name, wrong in parsed.wrong.items():
        cell = wrong.texts[wrong.codes[wrong.codes >= 0][0]]
        findings.append(_describe_text(path, name, wrong, cell, rows))
        if np.isnan(parsed.values[name]).all():
            only_texts[name] = cell
    warnings += [
        Finding(INTERPRETATION, "note", None, None, f"{path}: {text}")
        for text in (*form.notes, *parsed.notes)
    ]
    return Contents(coded, parsed.values, tuple(findings), tuple(warnings), only_texts, parsed.decimal)


def copy_rows(
    path: Path, header: Sequence[str], kept: NDArray[np.bool_], target: Path, options: TextOptions = PLAIN
) -> None:
    """Write some rows of a file, with all its columns and the lines above them as they are, to another of its kind.

    If all rows are kept, the copy is the same, bit for bit. Otherwise what follows the table is left out.

    Parameters
    ----------
    path : Path
    header : sequence of str
        What `read_header` returned.
    kept : ndarray of bool
        One per data row.
    target : Path
    options : TextOptions
        As they were given to `read_header`.
    """
    if kept.all():
        shutil.copyfile(path, target)
        return
    try:
        if is_parquet(path):
            with pa_parquet.ParquetFile(path) as file:
                pa_parquet.write_table(file.read().filter(pa.array(kept)), target)
            return
        table, _, form = read_csv(path, read_form(path, options), header, header, ())
        table = table.filter(pa.array(kept)).cast(pa.schema([(name, pa.string()) for name in header]))
        buffer = pa.BufferOutputStream()
        pa_csv.write_csv(table, buffer, pa_csv.WriteOptions(include_header=False, delimiter=form.delimiter))
        with create_csv(target) as stream:
            for number, line in numbered_lines(path):
                if number > form.skipped:
                    break
                stream.write(f"{line}\n".encode())
            stream.write(buffer.getvalue())
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


def _describe_text(path: Path, name: str, wrong: CodedTexts, cell: str, rows: CodedTexts | None) -> Finding:
    """Return the finding for cells of a number column that hold no number."""
    places = np.flatnonzero(wrong.codes >= 0)
    row = int(places[0])
    dated = f" ({shorten_text(rows.texts[rows.codes[row]])})" if rows is not None else ""
    more = f" ({len(places)} such cells)" if len(places) > 1 else ""
    where = f"{path}: column {name!r}, data row {row + 1}{dated}"
    message = f"{where}: expected a number, found {shorten_text(cell)!r}{explain_number(cell)}{more}"
    return Finding("text in a number column", "fatal", name, None, message)

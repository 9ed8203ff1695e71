"""Repair: a cleaned copy of a file, with repairs that are sure, and the list of what was done."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.suggestions import list_names
from market.errors import SourceError
from market.findings import MISSING_CODES
from market.readers.file_columns import FileColumns
from market.readers.layouts import pick_columns
from market.sources.excel import is_excel
from market.sources.opening import open_source
from market.text.coded_texts import CodedTexts
from market.text.columns import read_columns
from market.text.dates import read_dates
from market.text.headers import read_header
from market.text.number_texts import NO_VALUE
from market.text.paths import is_parquet
from pipeline.errors import RunError
from pipeline.file_check.examination import Examination
from pipeline.file_check.request import FileRequest
from pipeline.files import write_new

_COUNTED = 20
"""Rows that must count 0, 1, 2 or 1, 2, 3 for a column to be a counter, as the reader refuses it."""


@dataclass(frozen=True, eq=False)
class _Draft:
    """A table on its way to the cleaned copy.

    Attributes
    ----------
    frame : DataFrame
        Cells as text for CSV, typed for Parquet.
    columns : FileColumns
        Roles of its columns.
    done : tuple of str
        What was done.
    """

    frame: pd.DataFrame
    columns: FileColumns
    done: tuple[str, ...] = ()

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return [str(name) for name in self.frame.columns]

    def change(self, frame: pd.DataFrame, text: str) -> _Draft:
        """Return the draft after a repair."""
        return replace(self, frame=frame, done=(*self.done, text))


def repair_file(request: FileRequest, examined: Examination, out: Path) -> tuple[str, ...]:
    """Write a cleaned copy and, beside it, the list of what was done; return that list.

    Only repairs that cannot change a meaning are made: blanks around names and cells, columns and rows without any
    value, rows that repeat another one in every cell, columns that number the rows, the order of dates, and percent to
    fractions where the user declares percent. All else stays as it is.

    Parameters
    ----------
    request : FileRequest
    examined : Examination
        Of the original, which is never changed.
    out : Path
        A new file of the same type; of a workbook, CSV or Parquet.

    Raises
    ------
    DataError
        If the file cannot be read as a table.
    RunError
        If `out` or its list exists already, or has another type, or the source is not one file.
    """
    listing = out.with_name(f"{out.name}.changes.txt")
    with open_source(request.source, request.fetch) as opened:
        if len(opened.files) > 1:
            count = format_count(len(opened.files), "file")
            raise RunError(f"--fix takes one file, and {opened.label} are {count}: repair each of them")
        (file,) = opened.files
        _refuse_target(file.label, out, listing)
        draft = _read(file.path, examined)
    repairs: tuple[Callable[[_Draft], _Draft], ...] = (
        _trim_cells,
        _drop_empty,
        _drop_counters,
        _drop_repeated,
        _sort_dates,
    )
    for repair in repairs:
        draft = repair(draft)
    if request.values_given and request.settings.is_percent:
        draft = _divide_percent(draft, request)
    lines = draft.done or ("nothing to repair that is sure: the copy has the same rows",)
    write_new(out, _encode(draft.frame, out))
    write_new(listing, ("\n".join((f"{examined.label} -> {out}", *lines)) + "\n").encode())
    return lines


def _refuse_target(label: str, out: Path, listing: Path) -> None:
    for target in (out, listing):
        if target.exists():
            raise RunError(f"{target} exists already, and is not overwritten: give another name by --fix")
    kinds = [".csv"] if is_excel(Path(label)) or not is_parquet(Path(label)) else []
    kinds += [".parquet"] if is_excel(Path(label)) or is_parquet(Path(label)) else []
    if out.suffix not in kinds:
        raise RunError(
            f"--fix {out}: expected a name that ends in {' or '.join(kinds)}, for the type of {label}"
        )


def _read(path: Path, examined: Examination) -> _Draft:
    """Return the cells of the file, with names trimmed."""
    settings = examined.settings
    options = settings.text_options
    header = read_header(path, options)
    columns = pick_columns(path, header, settings.column_choice)
    if is_parquet(path):
        frame = pd.read_parquet(path).reset_index(drop=True)
        if len(frame.columns) != len(header):
            raise SourceError(f"{path}: its index is a column; write it with an index that is none")
        frame.columns = pd.Index(header)
    else:
        coded = read_columns(path, header, texts=header, numbers=[], options=options).coded
        frame = pd.DataFrame({name: coded[name].expand() for name in header}, dtype=object)
    draft = _Draft(frame, columns)
    changed = any(finding.check == "names read otherwise" for finding in examined.findings)
    return draft.change(frame, "trimmed names of columns") if changed else draft


def _trim_cells(draft: _Draft) -> _Draft:
    trimmed, count = draft.frame.copy(), 0
    for name in trimmed:
        count += sum(isinstance(cell, str) and cell != cell.strip() for cell in trimmed[name])
        trimmed[name] = trimmed[name].map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    return draft.change(trimmed, f"trimmed blanks around {format_count(count, 'cell')}") if count else draft


def _drop_empty(draft: _Draft) -> _Draft:
    """Drop columns and rows without any value beside the date."""
    empty = draft.frame.isna() | draft.frame.isin([*NO_VALUE])
    columns = [name for name in draft.names if empty[name].all() and name != draft.columns.date]
    kept = draft.frame.drop(columns=columns)
    if columns:
        count = format_count(len(columns), "column")
        draft = draft.change(kept, f"dropped {count} without any value: {list_names(columns, 5)}")
    values = [name for name in draft.names if name not in (draft.columns.date, draft.columns.asset)]
    rows = empty[values].all(axis=1).to_numpy()
    if values and rows.any():
        text = f"dropped {format_count(int(rows.sum()), 'row')} without any value"
        draft = draft.change(kept[~rows].reset_index(drop=True), text)
    return draft


def _drop_counters(draft: _Draft) -> _Draft:
    """Drop columns of a wide table that number the rows."""
    if draft.columns.layout != "wide":
        return draft
    counters = [name for name in draft.names if name != draft.columns.date and _counts(draft.frame[name])]
    if not counters:
        return draft
    text = f"dropped columns that number the rows: {list_names(counters, 5)}"
    return draft.change(draft.frame.drop(columns=counters), text)


def _counts(column: pd.Series[Any]) -> bool:
    first = pd.to_numeric(column.head(_COUNTED), errors="coerce").to_numpy(dtype=np.float64)
    steps = first - np.arange(len(first))
    return len(first) == _COUNTED and steps[0] in (0.0, 1.0) and bool((steps == steps[0]).all())


def _drop_repeated(draft: _Draft) -> _Draft:
    """Drop rows that equal another one in every cell."""
    repeated = draft.frame.astype(str).duplicated().to_numpy()
    if not repeated.any():
        return draft
    dates = [str(date) for date in draft.frame.loc[repeated, draft.columns.date]]
    count = format_count(int(repeated.sum()), "row")
    text = f"dropped {count} equal to another row in every cell: {list_names(dates, 3)}"
    return draft.change(draft.frame[~repeated].reset_index(drop=True), text)


def _sort_dates(draft: _Draft) -> _Draft:
    """Sort the rows by date; rows of one date keep their order."""
    name = draft.columns.date
    codes, texts = pd.factorize(draft.frame[name].astype(str))
    dates = read_dates(name, name, CodedTexts(codes.astype(np.int64), tuple(texts))).rows
    if dates.is_monotonic_increasing:
        return draft
    order = np.argsort(dates.to_numpy(), kind="stable")
    return draft.change(
        draft.frame.iloc[order].reset_index(drop=True), "sorted the rows by date, oldest first"
    )


def _divide_percent(draft: _Draft, request: FileRequest) -> _Draft:
    """Divide returns by 100, exactly in decimals; codes of missing values become empty cells."""
    roles = (request.settings.cash, request.settings.market)
    kept = {role if isinstance(role, str) else dict(role or {}).get("column") for role in roles}
    if draft.columns.asset and kept - {None}:
        raise RunError(
            "--fix: a long table of percent with cash or market cannot be divided column by column"
        )
    frame = draft.frame.copy()
    columns = [name for name in draft.columns.values if name in frame and name not in kept]
    for name in columns:
        frame[name] = frame[name].map(_divide)
    count = format_count(len(columns), "column")
    text = f"divided {count} of percent by 100, and emptied codes of missing values (-99.99, -999)"
    return draft.change(frame, f"{text}: read the copy with data.values: returns")


def _divide(cell: Any) -> Any:
    if isinstance(cell, str):
        if cell in NO_VALUE:
            return cell
        try:
            number = Decimal(cell)
        except InvalidOperation as error:
            raise RunError(f"--fix: {cell!r} is no plain number, and cannot be divided by 100") from error
        return "" if float(number) in MISSING_CODES else format(number / 100, "f")
    return np.nan if cell in MISSING_CODES else cell / 100.0


def _encode(frame: pd.DataFrame, out: Path) -> bytes:
    if is_parquet(out):
        stream = io.BytesIO()
        frame.to_parquet(stream, index=False)
        return stream.getvalue()
    return frame.to_csv(index=False, lineterminator="\n").encode()

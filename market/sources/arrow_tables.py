"""Arrow tables of rows and data frames, with the types of their cells, and their Parquet files."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pa_parquet

from foundation.suggestions import list_names
from market.errors import SourceError

ARROW_ERRORS = (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError, OverflowError)


def make_column(cells: Sequence[Any]) -> Any:
    """Return cells as an Arrow array of their common type, or of texts if they have none."""
    stamps = [each for each in cells if isinstance(each, dt.date)]
    if stamps and any(isinstance(each, dt.datetime) for each in stamps):
        # Arrow does not mix days and instants; a day is its midnight.
        cells = [_to_instant(each) if isinstance(each, dt.date) else each for each in cells]
    try:
        return pa.array(cells, from_pandas=True)
    except ARROW_ERRORS:
        return pa.array([None if each is None else _to_text(each) for each in cells], pa.string())


def concatenate(label: str, tables: Sequence[Any]) -> Any:
    """Return parts of one table as one; columns whose type differs between parts become texts if they must.

    Raises
    ------
    SourceError
        If a column has types that do not fit.
    """
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except ARROW_ERRORS as error:
        raise SourceError(f"{label}: the rows have columns of several types: {error}") from error


def convert_frame(label: str, given: object) -> Any:
    """Return a DataFrame, or another table that exports Arrow, as an Arrow table.

    An index of dates or with a name becomes a column.

    Raises
    ------
    SourceError
        If it is no table, or has column names of several levels.
    """
    if isinstance(given, pa.Table):
        return given
    if not isinstance(given, pd.DataFrame):
        if hasattr(given, "__arrow_c_stream__"):
            return pa.table(given)
        raise SourceError(
            f"{label}: expected a pandas DataFrame or another table that exports Arrow, got {type(given).__name__}"
        )
    frame = given
    if frame.columns.nlevels > 1:
        raise SourceError(
            f"{label}: its columns have {frame.columns.nlevels} levels, such as {frame.columns[0]!r}; expected one:"
            " return a long table of date, asset and values, or select one level"
        )
    if not isinstance(frame.index, pd.RangeIndex) or frame.index.name is not None:
        names = [str(name) if name is not None else "" for name in frame.index.names]
        if names == [""]:
            names = ["date"] if isinstance(frame.index, pd.DatetimeIndex) else [""]
        if doubled := [name for name in names if name in frame.columns]:
            raise SourceError(
                f"{label}: {list_names(doubled)} is a column and a level of the index; drop one"
            )
        # An index without a name that holds no dates only numbers rows.
        drop = names == [""]
        frame = frame.reset_index(drop=True) if drop else frame.rename_axis(names).reset_index()
    frame = frame.set_axis([str(name) for name in frame.columns], axis=1)
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except ARROW_ERRORS:
        columns = [make_column(frame.iloc[:, place].tolist()) for place in range(frame.shape[1])]
        return pa.Table.from_arrays(columns, names=list(frame.columns))


def check_size(label: str, table: Any, max_bytes: int) -> None:
    """Refuse a table without rows, or larger than the limit.

    Raises
    ------
    SourceError
    """
    if table.nbytes > max_bytes:
        raise SourceError(
            f"{label}: the answer has {table.nbytes / 1e6:,.0f} MB, more than fetch.max_megabytes allows"
            f" ({max_bytes / 1e6:,.0f}); select fewer rows or columns, or raise the limit"
        )
    if not table.num_columns or not table.num_rows:
        raise SourceError(f"{label}: the answer has no {'columns' if not table.num_columns else 'rows'}")


def write_parquet(table: Any, path: Path) -> None:
    """Write a table as a Parquet file without metadata of pandas, so that equal tables give equal bytes."""
    pa_parquet.write_table(table.replace_schema_metadata(None), path)


def _to_instant(day: dt.date) -> dt.datetime:
    return day if isinstance(day, dt.datetime) else dt.datetime.combine(day, dt.time())


def _to_text(cell: object) -> str:
    if isinstance(cell, dt.datetime):
        return str(cell.date()) if cell.time() == dt.time() and cell.tzinfo is None else cell.isoformat()
    return repr(cell) if isinstance(cell, float) else str(cell)

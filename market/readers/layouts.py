"""Files read to one grid of dates and columns: wide tables, long tables and bars of one asset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from foundation.suggestions import list_names, suggest
from market.errors import SourceError
from market.findings import Kind
from market.grid import Grid
from market.readers.column_roles import find_bar_columns, find_date, is_calendar, is_long_table, is_nameless
from market.readers.long_tables import read_long
from market.readers.single_asset import read_single_asset
from market.readers.wide_tables import read_wide
from market.text.columns import copy_rows, read_columns, read_header
from market.text.dates import read_dates
from market.text.file_heads import explain_head, find_dated_column
from market.text.names import clean_name
from market.text.paths import is_csv

Layout = Literal["wide", "long"]


def read_grid(path: Path, *, layout: Layout | None, kind: Kind, date_column: str | None) -> Grid:
    """Read a file in any layout.

    Parameters
    ----------
    path : Path
    layout : {"wide", "long"} or None
        None infers it from the column names.
    kind : {"prices", "returns"}
    date_column : str or None
        None looks for a column called date, or something like it.

    Raises
    ------
    SourceError
        If the file or a column is missing, cannot be read, or has columns that are no assets beside others.
    IntegrityError
        If numbers are text, dates repeat, cannot be read or (wide) are out of order.
    """
    header = read_header(path)
    date_name = _find_date_column(path, header, date_column)
    if layout == "long" or (layout is None and is_long_table(header, kind)):
        return read_long(path, header, date_name, kind, guessed=layout is None)
    beside = [name for name in header if name != date_name]
    columns = [name for name in beside if not (is_nameless(name) or is_calendar(name, header))]
    bars = find_bar_columns(columns, kind)
    if columns and len(bars) == len(columns) and kind == "prices":
        return read_single_asset(path, header, date_name, columns)
    return read_wide(path, header, date_name, columns, bars)


def copy_until(path: Path, date: pd.Timestamp, folder: Path, date_column: str | None) -> Path:
    """Write the rows of a file up to a date to another of the same name, and return its path."""
    header = read_header(path)
    name = _find_date_column(path, header, date_column)
    contents = read_columns(path, header, texts=[name], numbers=[], whole=False)
    dates = read_dates(str(path), name, contents.coded[name])
    known = np.asarray(dates.by_text <= date)[dates.codes]
    if len(known) and not known.any():
        first = dates.by_text[dates.codes].min()
        raise SourceError(
            f"{path}: nothing was known at the close of {date:%Y-%m-%d}: its first date is {first:%Y-%m-%d}"
        )
    target = folder / path.name
    copy_rows(path, header, known, target)
    return target


def _find_date_column(path: Path, header: Sequence[str], wanted: str | None) -> str:
    """Return the name of the date column."""
    if wanted is not None:
        wanted = clean_name(wanted)
        if wanted not in header:
            raise SourceError(f"{path}: no date column {wanted!r}{suggest(wanted, header)}")
        return wanted
    name = find_date(header)
    if name is not None:
        return name
    raise SourceError(f"{path}: no date column: {_explain_dates(path, header)}")


def _explain_dates(path: Path, header: Sequence[str]) -> str:
    """Return what to do if no column is called date."""
    is_text = is_csv(path)
    head = explain_head(path) if is_text else ""
    if head:
        return head
    dated = find_dated_column(path) if is_text else ""
    hint = f"; {dated!r} seems to hold dates: set data.date_column to it" if dated else ""
    hint += "; columns are separated by commas" if len(header) == 1 else ""
    return f"expected one called 'date', or its name as date_column; found {list_names(header)}{hint}"

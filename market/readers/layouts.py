"""Layouts of files: wide tables, long tables and bars of one asset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from foundation.suggestions import list_names, suggest
from market.errors import SourceError
from market.findings import Kind
from market.readers.column_roles import find_bar_columns, find_date, is_calendar, is_long_table, is_nameless
from market.readers.file_columns import FileColumns, pick_long_columns, pick_single_columns
from market.readers.intraday import read_sessions
from market.readers.row_tables import arrange_long, arrange_single
from market.readers.wide_tables import arrange_wide, pick_wide_columns, refuse_long
from market.text.columns import Contents, copy_rows, read_columns
from market.text.dates import Dates, read_dates
from market.text.file_heads import explain_head, find_dated_column
from market.text.headers import read_header
from market.text.names import clean_name
from market.text.paths import is_csv
from market.values.grid import Grid

Layout = Literal["wide", "long"]


def pick_columns(
    path: Path, header: Sequence[str], layout: Layout | None, kind: Kind, date_column: str | None
) -> FileColumns:
    """Recognise the layout of a file by its column names, and return the columns to read.

    Parameters
    ----------
    path : Path
    header : sequence of str
        What `read_header` returned.
    layout : {"wide", "long"} or None
        None infers it.
    kind : {"prices", "returns"}
    date_column : str or None
        None looks for a column called date, or something like it.

    Raises
    ------
    SourceError
        If a column is missing, or columns that are no assets are beside others.
    """
    date = _find_date_column(path, header, date_column)
    if layout == "long" or (layout is None and is_long_table(header, kind)):
        return pick_long_columns(path, header, date, kind, guessed=layout is None)
    named = [name for name in header if name != date and not (is_nameless(name) or is_calendar(name, header))]
    if named and kind == "prices" and len(find_bar_columns(named, kind)) == len(named):
        return pick_single_columns(path, header, date, named)
    return pick_wide_columns(path, header, date, named, kind)


def parse_columns(path: Path, columns: FileColumns) -> Contents:
    """Read the columns as text or numbers.

    Raises
    ------
    SourceError
        If the file cannot be read as a table, looks cut off, or is wide by its names and long by its cells.
    """
    contents = read_columns(path, columns.header, texts=columns.texts, numbers=columns.numbers)
    if columns.layout == "wide":
        refuse_long(path, columns.date, contents)
    return contents


def arrange_values(path: Path, columns: FileColumns, contents: Contents, dates: Dates) -> Grid:
    """Return the values by date and asset, with the findings of all that was read.

    Raises
    ------
    SourceError
        If the file is long by its names and wide by its cells.
    IntegrityError
        If numbers are text, rows have no asset, or dates repeat or (but for a long table) are out of order.
    """
    arrange = {"wide": arrange_wide, "long": arrange_long, "single": arrange_single}[columns.layout]
    return arrange(path, columns, contents, dates)


def read_row_dates(path: Path, date_column: str | None) -> pd.DatetimeIndex:
    """Return the different dates of a file, increasing."""
    header = read_header(path)
    name = _find_date_column(path, header, date_column)
    contents = read_columns(path, header, texts=[name], numbers=[], whole=False)
    return read_dates(str(path), name, contents.coded[name]).by_text.unique().sort_values()


def copy_until(
    path: Path, date: pd.Timestamp, folder: Path, date_column: str | None, sessions: str | None = None
) -> Path:
    """Write the rows of a file up to a date to another of the same name, and return its path.

    Parameters
    ----------
    path : Path
    date : Timestamp
    folder : Path
    date_column : str or None
    sessions : str or None
        Exchange or time zone whose sessions count, in place of the days that stamps show.
    """
    header = read_header(path)
    name = _find_date_column(path, header, date_column)
    contents = read_columns(path, header, texts=[name], numbers=[], whole=False)
    dates = read_dates(str(path), name, contents.coded[name], in_zone=sessions is not None)
    by_text = np.asarray(dates.by_text <= date)
    if sessions is not None:
        by_text = read_sessions(str(path), name, dates, sessions).known_at(date)
    known = by_text[dates.codes]
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

"""Layouts of files: wide tables, long tables and bars of one asset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.suggestions import list_names, suggest
from market.errors import NothingKnownError, SourceError
from market.findings import INTERPRETATION, Finding
from market.readers.arrangement.field_tables import arrange_fields, pick_field_columns
from market.readers.arrangement.row_tables import arrange_long, arrange_single
from market.readers.arrangement.wide_tables import arrange_wide, pick_wide_columns, refuse_long
from market.readers.column_roles import (
    find_asset_names,
    find_bar_columns,
    find_date,
    is_calendar,
    is_long_table,
    is_nameless,
)
from market.readers.file_columns import ColumnChoice, FileColumns, pick_long_columns, pick_single_columns
from market.readers.intraday import read_sessions
from market.readers.recognition.field_names import find_fields, read_levels
from market.readers.recognition.price_rules import find_price_rule
from market.text.columns import Contents, copy_rows, read_columns
from market.text.date_forms import NAMES
from market.text.dates import Dates, read_dates
from market.text.delimited.cells import read_sample
from market.text.headers import read_form, read_header
from market.text.names import clean_name
from market.text.options import PLAIN, DecimalMark, TextOptions
from market.text.paths import is_csv
from market.values.grid import Grid


def pick_columns(path: Path, header: Sequence[str], choice: ColumnChoice) -> FileColumns:
    """Recognise the layout of a file by its column names, and return the columns to read.

    Parameters
    ----------
    path : Path
    header : sequence of str
        What `read_header` returned.
    choice : ColumnChoice

    Raises
    ------
    SourceError
        If a column is missing, or columns that are no assets are beside others.
    """
    date, kind = _find_date_column(path, header, choice.date), choice.kind
    others = [name for name in header if name != date]
    naming = find_asset_names(others)
    named_by_choice = choice.asset is not None or (naming is not None and choice.value is not None)
    is_long = is_long_table(header, kind) or named_by_choice or find_price_rule(others, kind).column
    if choice.layout == "long" or (choice.layout is None and is_long):
        return pick_long_columns(path, header, date, choice, guessed=choice.layout is None)
    named = [name for name in others if not (is_nameless(name) or is_calendar(name, header))]
    if named and kind == "prices" and len(find_bar_columns(named, kind)) == len(named):
        return pick_single_columns(path, header, date, named, choice)
    if choice.value is not None:
        raise SourceError(
            f"{path}: price_column is set, but the file has one column per asset; set layout to long or remove it"
        )
    fields = find_fields(named) if choice.layout is None else {}
    if fields:
        return pick_field_columns(path, header, date, kind, fields)
    if naming is not None and choice.layout is None:
        raise SourceError(
            f"{path}: {naming!r} is a name for a column of asset names, but no column beside it is called like one of"
            f" {kind}; found {list_names(header)}. For a long table set data.price_column to the column of {kind}; if"
            f" {naming!r} is an asset, set data.layout to wide"
        )
    return pick_wide_columns(path, header, date, named, kind)


def parse_columns(path: Path, columns: FileColumns, options: TextOptions = PLAIN) -> Contents:
    """Read the columns as text or numbers.

    Raises
    ------
    SourceError
        If the file cannot be read as a table, looks cut off, or is wide by its names and long by its cells.
    """
    if columns.layout == "wide" and any(read_levels(name) for name in columns.values):
        _refuse_levels(path, columns, options)
    contents = read_columns(
        path,
        columns.header,
        texts=columns.texts,
        numbers=columns.numbers,
        options=options,
        missing=columns.missing,
    )
    if columns.layout == "wide":
        refuse_long(path, columns.date, contents)
    if columns.rule.column is None:
        return contents
    note = Finding(INTERPRETATION, "note", None, None, f"{path}: {columns.rule.note}")
    return replace(
        contents, numbers=columns.rule.apply(contents.numbers), warnings=(*contents.warnings, note)
    )


def _refuse_levels(path: Path, columns: FileColumns, options: TextOptions) -> None:
    """Refuse several lines of names of which none names fields; pandas' names of one line are those of assets."""
    form = read_form(path, options)
    if form.levels > 1:
        raise SourceError(
            f"{path}: the {form.levels} lines above line {form.skipped + 1} seem to hold names, such as"
            f" {columns.values[0]}, but none of them fields such as close and volume; write one line of names, or set"
            " data.skip_rows to the number of lines above it"
        )


def arrange_values(path: Path, columns: FileColumns, contents: Contents, dates: Dates) -> Grid:
    """Return the values by date and asset, with the findings of all that was read.

    Raises
    ------
    SourceError
        If the file is long by its names and wide by its cells.
    IntegrityError
        If numbers are text, rows have no asset, or dates repeat or (but for a long table) are out of order.
    """
    arrange = {
        "wide": arrange_wide,
        "long": arrange_long,
        "single": arrange_single,
        "fields": arrange_fields,
    }[columns.layout]
    return arrange(path, columns, contents, dates)


def read_row_dates(path: Path, options: TextOptions, date_column: str | None) -> pd.DatetimeIndex:
    """Return the different dates of a file, increasing."""
    return read_stamps(path, options, date_column).by_text.unique().sort_values()


def read_stamps(path: Path, options: TextOptions, date_column: str | None) -> Dates:
    """Return the dates of a file with their times of day."""
    header = read_header(path, options)
    name = _find_date_column(path, header, date_column)
    contents = read_columns(path, header, texts=[name], numbers=[], whole=False, options=options)
    return read_dates(str(path), name, contents.coded[name], options.date_format)


def find_decimal_mark(path: Path, options: TextOptions, choice: ColumnChoice) -> DecimalMark:
    """Return the decimal mark of all columns of a file that are read."""
    columns = pick_columns(path, read_header(path, options), choice)
    return parse_columns(path, columns, options).decimal


def copy_until(
    path: Path,
    date: pd.Timestamp,
    folder: Path,
    options: TextOptions,
    date_column: str | None,
    sessions: str | None = None,
) -> tuple[Path, str | None]:
    """Write the rows of a file up to a date to another of the same name.

    Parameters
    ----------
    path : Path
    date : Timestamp
    folder : Path
    options : TextOptions
    date_column : str or None
    sessions : str or None
        Exchange or time zone whose sessions count, in place of the days that stamps show.

    Returns
    -------
    path : Path
        Of the copy.
    date_format : str or None
        How the dates of the whole file are written, where a part of them could be read in two ways.
    """
    header = read_header(path, options)
    name = _find_date_column(path, header, date_column)
    contents = read_columns(path, header, texts=[name], numbers=[], whole=False, options=options)
    dates = read_dates(str(path), name, contents.coded[name], options.date_format, in_zone=bool(sessions))
    by_text = np.asarray(dates.by_text <= date)
    if sessions is not None:
        by_text = read_sessions(str(path), name, dates, sessions).known_at(date)
    known = by_text[dates.codes]
    if len(known) and not known.any():
        first = dates.by_text[dates.codes].min()
        raise NothingKnownError(
            f"{path}: nothing was known at the close of {date:%Y-%m-%d}: its first date is {first:%Y-%m-%d}"
        )
    target = folder / path.name
    copy_rows(path, header, known, target, options)
    return target, dates.date_format if dates.date_format in NAMES else None


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
    place = read_sample(path).date if is_csv(path) else None
    hint = ""
    if place is not None and place < len(header):
        hint = f"; {header[place]!r} seems to hold dates: set data.date_column to it"
    return f"expected one called 'date', or its name as date_column; found {list_names(header)}{hint}"

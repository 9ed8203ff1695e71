"""Wide tables: one column of dates, and one column per asset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from foundation.suggestions import list_names, shorten_text
from foundation.types import Floats
from market.errors import SourceError
from market.findings import IGNORED_COLUMN, Finding, Kind, raise_if_fatal
from market.readers.column_roles import find_asset_fields, find_bar_columns
from market.readers.file_columns import FileColumns
from market.text.columns import Contents
from market.text.dates import Dates, check_order
from market.text.number_texts import explain_number
from market.values.grid import Grid

_COUNTED = 20
"""Rows that must count 0, 1, 2 or 1, 2, 3 for a column to be a counter; later rows do not matter."""


def pick_wide_columns(
    path: Path, header: Sequence[str], date_name: str, columns: Sequence[str], kind: Kind
) -> FileColumns:
    """Return the columns of a table with one column per asset.

    `columns` may be assets: without indexes and further dates, which are left out with a notice.
    """
    if not columns:
        raise SourceError(
            f"{path}: no asset: {date_name!r} is the only column with a name of its own;"
            " expected one column per asset"
        )
    _refuse_bars(path, columns, find_bar_columns(columns, kind))
    return FileColumns("wide", tuple(header), kind, date_name, tuple(columns))


def arrange_wide(path: Path, columns: FileColumns, contents: Contents, dates: Dates) -> Grid:
    """Return the values of a wide table by date and asset."""
    rows = dates.rows
    findings = raise_if_fatal(
        [
            *contents.findings,
            *contents.warnings,
            *dates.warnings,
            *check_order(str(path), rows, dates.hint),
            *_check_counters(path, contents.numbers),
            *_note_left_out(path, columns),
        ]
    )
    values = np.column_stack([contents.numbers[name] for name in columns.values])
    if len(rows) > 1 and rows[0] > rows[-1]:
        rows, values = rows[::-1], values[::-1]
    return Grid(rows, columns.values, values, None, findings)


def _refuse_bars(path: Path, columns: Sequence[str], bars: Sequence[str]) -> None:
    """Refuse columns that hold no assets beside others that may."""
    if bars:
        others = [name for name in columns if name not in bars]
        if not others:
            raise SourceError(
                f"{path}: {list_names(bars)} look like bars of one asset, which are prices: set data.values to prices"
            )
        raise SourceError(
            f"{path}: {list_names(bars)} beside {list_names(others)}: columns with such names hold bars, dividends or"
            " counts, not assets; delete them and keep one column of prices or returns per asset, named after it."
            " Bars of several assets need a long table with the columns date, asset, open, high, low, close, volume"
        )
    fields = find_asset_fields(columns)
    if fields:
        raise SourceError(
            f"{path}: {list_names(fields)}: columns with such names hold fields of assets, not assets; keep one column"
            " of prices or returns per asset, or write a long table with the columns date, asset, close, volume"
        )


def refuse_long(path: Path, date_name: str, contents: Contents) -> None:
    """Refuse a table with text in all cells of a column: a long one if its dates repeat."""
    texts = {name: text for name, text in contents.only_texts.items() if not explain_number(text)}
    repeated = len(contents.coded[date_name].texts) < len(contents.coded[date_name])
    if not texts or (len(contents.findings) > len(texts) and not repeated):
        return  # no such column, or a number is wrong in another one too
    name, text = next(iter(texts.items()))
    what = f"column {name!r} holds text, such as {shorten_text(text)!r}"
    rename = (
        "if it names the asset of each row, rename it 'asset' and the column of values 'price' or 'return'"
    )
    if repeated:
        raise SourceError(f"{path}: this looks like a long table: dates repeat, and {what}; {rename}")
    raise SourceError(f"{path}: {what}, and cannot be an asset; delete it, or, {rename}")


def _check_counters(path: Path, numbers: dict[str, Floats]) -> Iterator[Finding]:
    """Find columns that number the rows."""
    for name, values in numbers.items():
        first = values[:_COUNTED]
        steps = first - np.arange(len(first))
        if len(first) == _COUNTED and steps[0] in (0.0, 1.0) and (steps == steps[0]).all():
            text = (
                f"{path}: column {name!r} numbers the rows ({first[0]:g}, {first[1]:g}, {first[2]:g}, ...) and is no"
                " asset; delete it (pandas writes no such column with to_csv(path, index=False))"
            )
            yield Finding("row numbers", "fatal", name, None, text)


def _note_left_out(path: Path, columns: FileColumns) -> Iterator[Finding]:
    """Report the columns that were left out: indexes without a name, and further dates."""
    used = {columns.date, *columns.values}
    for name in columns.header:
        if name not in used:
            what = f"column {name!r}" if name else "the first column, which has no name,"
            text = (
                f"{path}: {what} is an index or a date and no asset: left out; the dates are those of"
                f" {columns.date!r}"
            )
            yield Finding(IGNORED_COLUMN, "warning", name, None, text)

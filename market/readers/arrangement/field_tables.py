"""Tables of fields: several columns for each asset, such as its open, close and volume."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from foundation.counts import format_count
from foundation.suggestions import list_names
from foundation.types import Floats
from market.errors import SourceError
from market.findings import IGNORED_COLUMN, INTERPRETATION, Finding, Kind, raise_if_fatal
from market.panel import BARS
from market.readers.file_columns import FileColumns
from market.text.columns import Contents
from market.text.dates import Dates, check_order
from market.text.names import clean_name
from market.values.grid import Grid

_VALUES = ("adjusted", "close", "price")


def pick_field_columns(
    path: Path, header: Sequence[str], date: str, kind: Kind, fields: Mapping[str, Mapping[str, str]]
) -> FileColumns:
    """Return the columns of a table with several fields of each asset.

    Parameters
    ----------
    path : Path
    header : sequence of str
    date : str
    kind : {"prices", "returns"}
    fields : mapping of str to mapping of str to str
        What `market.readers.recognition.field_names.find_fields` returned.

    Raises
    ------
    SourceError
        If an asset has no close, only some have an adjusted one, or returns are wanted.
    """
    if kind == "returns":
        raise SourceError(
            f"{path}: the columns are fields of assets, which are prices: set data.values to prices"
        )
    value = next(role for role in _VALUES if any(role in columns for columns in fields.values()))
    lacking = [asset for asset, columns in fields.items() if value not in columns]
    if lacking:
        raise SourceError(
            f"{path}: {list_names(lacking)} have no {value} column, but other assets do; keep the same fields for all"
        )
    read: dict[str, dict[str, str]] = {}
    for asset, columns in fields.items():
        parts = {role: name for role, name in columns.items() if role in (*BARS, "volume")}
        parts.setdefault("close", columns[value])
        read[clean_name(asset)] = {"value": columns[value], **parts}
    if len(read) < len(fields):
        raise SourceError(
            f"{path}: two assets have the same name after blanks are removed; rename one of them"
        )
    return FileColumns("fields", tuple(header), kind, date, (), fields=read)


def arrange_fields(path: Path, columns: FileColumns, contents: Contents, dates: Dates) -> Grid:
    """Return the values of a table of fields by date and asset."""
    rows, numbers = dates.rows, contents.numbers
    findings = raise_if_fatal(
        [
            *contents.findings,
            *contents.warnings,
            *dates.warnings,
            *check_order(str(path), rows),
            *_describe(path, columns),
        ]
    )
    order = slice(None, None, -1) if len(rows) > 1 and rows[0] > rows[-1] else slice(None)

    def stack(role: str) -> Floats:
        none = np.full(len(rows), np.nan)
        return np.column_stack([numbers.get(parts.get(role, ""), none) for parts in columns.fields.values()])[
            order
        ]

    roles = {role for parts in columns.fields.values() for role in parts}
    bars = {bar: stack(bar) for bar in BARS if bar in roles}
    volume = stack("volume") if "volume" in roles else None
    return Grid(rows[order], tuple(columns.fields), stack("value"), volume, findings, bars)


def _describe(path: Path, columns: FileColumns) -> Iterator[Finding]:
    """Note what the columns hold, and which are not read."""
    asset, parts = next(iter(columns.fields.items()))
    beside = [name for role, name in parts.items() if role != "value" and name != parts["value"]]
    bars = f", and {list_names(beside)} its bars" if beside else ""
    count = format_count(len(columns.fields), "asset")
    text = f"{path}: columns are fields of {count}: the price of {asset!r} is {parts['value']!r}{bars}"
    yield Finding(INTERPRETATION, "note", None, None, text)
    used = {columns.date, *columns.numbers}
    for name in columns.header:
        if name not in used:
            yield Finding(IGNORED_COLUMN, "note", name, None, f"{path}: column {name!r} is not used")

"""Bars of one asset: a file with columns such as Open, High, Low, Close and Volume, and no name of an asset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from foundation.suggestions import list_names
from market.checks.integrity import check_order
from market.errors import SourceError
from market.findings import Finding, raise_if_fatal
from market.grid import Grid
from market.panel import BARS
from market.readers.column_roles import find_role, find_value, find_volume, is_adjusted
from market.readers.unused_columns import check_unused
from market.text.columns import read_columns
from market.text.dates import read_dates
from market.text.paths import CSV, PARQUET


def read_single_asset(path: Path, header: Sequence[str], date_name: str, columns: Sequence[str]) -> Grid:
    """Read bars of one asset, which is named after the file.

    Parameters
    ----------
    path : Path
    header : sequence of str
        What `read_header` returned.
    date_name : str
        Column of the dates.
    columns : sequence of str
        The columns with a role in bars.

    Raises
    ------
    SourceError
        If none of the columns is a price.
    IntegrityError
        If numbers are text, or dates repeat or are out of order.
    """
    price = find_value(columns, "prices")
    if price is None:
        raise SourceError(
            f"{path}: the columns {list_names(columns)} look like bars of one asset, without its close;"
            " add a column 'close', or rename the columns if they are assets"
        )
    volume = find_volume(columns)
    bars = {bar: name for bar in BARS if (name := find_role(columns, bar)) is not None}
    # Without an unadjusted close beside the price, the price is the close, and bars are in its unit.
    bars.setdefault("close", price)
    numbers = list(dict.fromkeys([price, *bars.values(), *([] if volume is None else [volume])]))
    contents = read_columns(path, header, texts=[date_name], numbers=numbers)
    read = read_dates(str(path), date_name, contents.coded[date_name])
    dates = read.rows
    findings = raise_if_fatal(
        [
            *contents.findings,
            *check_unused(str(path), header, [date_name, *numbers], price, "prices", notice=False),
            *contents.warnings,
            *read.warnings,
            *check_order(str(path), dates),
        ]
    )
    order = np.argsort(dates, kind="stable")  # turned round if the newest row is first, else as it is
    table = {name: contents.numbers[name][order, None] for name in numbers}
    name = _asset_name(path)
    notice = _notice(path, name, price, numbers, [column for column in header if column != date_name])
    return Grid(
        dates[order],
        (name,),
        table[price],
        None if volume is None else table[volume],
        (notice, *findings),
        {bar: table[column] for bar, column in bars.items()},
    )


def _asset_name(path: Path) -> str:
    """Return the name of a file without its ending."""
    ending = max((end for end in CSV + PARQUET if path.name.lower().endswith(end)), key=len, default="")
    return path.name[: len(path.name) - len(ending)].strip()


def _notice(path: Path, asset: str, price: str, used: Sequence[str], columns: Sequence[str]) -> Finding:
    """Report how the columns were read: price, bars, and unused ones."""
    doubt = "" if is_adjusted(price) else ", which must be adjusted for dividends and splits"
    others = [name for name in columns if name not in used]
    unused = f"; not used: {list_names(others)}" if others else ""
    beside = [name for name in used if name != price]
    bars = f", and {list_names(beside)} its bars" if beside else ""
    text = f"{path}: read as one asset, called {asset!r} after the file: its price is {price!r}{doubt}{bars}{unused}"
    return Finding("one asset", "warning", asset, None, text)

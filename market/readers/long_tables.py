"""Long tables: one row per date and asset."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market.checks import Finding, Kind, settle
from market.column_roles import find_asset, find_role, find_value, find_volume
from market.errors import SourceError
from market.grid import Grid
from market.hints import list_names
from market.panel import BARS
from market.readers.columns import read_columns
from market.readers.dates import read_dates


def read_long(path: Path, header: Sequence[str], date_name: str, kind: Kind, *, guessed: bool) -> Grid:
    """Read a file with one row per date and asset.

    Parameters
    ----------
    path : Path
    header : sequence of str
        What `read_header` returned.
    date_name : str
        Column of the dates.
    kind : {"prices", "returns"}
    guessed : bool
        Whether the layout was inferred from the column names.

    Raises
    ------
    SourceError
        If no column names the assets or holds their values.
    IntegrityError
        If numbers are text, a row has no asset, or an asset has two rows at one date.
    """
    asset_name, value_name = _named_columns(path, header, date_name, kind)
    volume_name = find_volume(header)
    bar_names = {bar: name for bar in BARS if kind == "prices" and (name := find_role(header, bar))}
    if kind == "prices":
        # Without an unadjusted close beside the price, the price is the close, and bars are in its unit.
        bar_names.setdefault("close", value_name)
    numbers = list(
        dict.fromkeys([value_name, *bar_names.values(), *([] if volume_name is None else [volume_name])])
    )
    contents = read_columns(path, header, texts=[date_name, asset_name], numbers=numbers)
    stamps = read_dates(str(path), date_name, contents.texts[date_name])
    labels = np.array([label.strip() for label in contents.texts[asset_name]], dtype=object)
    if guessed:
        _refuse_wide(path, asset_name, value_name, labels)
    days, dates = pd.factorize(stamps, sort=True)
    columns, names = pd.factorize(labels, sort=True)
    settle([*contents.findings, *_check_pairs(str(path), stamps, labels, days, columns)])
    shape = (len(dates), len(names))

    def spread(name: str) -> NDArray[np.float64]:
        out = np.full(shape, np.nan)
        out[days, columns] = contents.numbers[name]
        return out

    values, volume = spread(value_name), None if volume_name is None else spread(volume_name)
    bars = {bar: spread(column) for bar, column in bar_names.items()}
    return Grid(pd.DatetimeIndex(dates), tuple(names), values, volume, (), bars)


def _named_columns(path: Path, header: Sequence[str], date_name: str, kind: Kind) -> tuple[str, str]:
    """Return the columns of assets and of their values."""
    columns = [name for name in header if name != date_name]
    asset_name, value_name = find_asset(columns), find_value(columns, kind)
    found = f"found {list_names(header)}"
    if asset_name is None:
        raise SourceError(
            f"{path}: a long table of {kind} needs a column called 'asset', 'symbol' or 'ticker'; {found}"
        )
    if value_name is None:
        expected = "'price', 'adj_close' or 'close'" if kind == "prices" else "'return' or 'ret'"
        other: Kind = "returns" if kind == "prices" else "prices"
        beside = find_value(columns, other)
        switch = f"; set data.values to {other} to read {beside!r}" if beside is not None else ""
        raise SourceError(f"{path}: a long table of {kind} needs a column called {expected}; {found}{switch}")
    return asset_name, value_name


def _refuse_wide(path: Path, asset_name: str, value_name: str, labels: NDArray[np.object_]) -> None:
    """Refuse a table that is long by its names, but has numbers with decimals for assets."""
    decimals = pd.Series(labels).str.fullmatch(r"-?\d*\.\d+([eE][-+]?\d+)?").to_numpy(dtype=np.bool_)
    if decimals.any():
        row = int(np.flatnonzero(decimals)[0])
        raise SourceError(
            f"{path}: column {asset_name!r} would name the assets and {value_name!r} hold their values, but data row"
            f" {row + 1} has {labels[row]!r} for an asset; if each column is an asset, set data.layout to wide"
        )


def _check_pairs(
    path: str,
    stamps: pd.DatetimeIndex,
    labels: NDArray[np.object_],
    days: NDArray[np.intp],
    columns: NDArray[np.intp],
) -> Iterator[Finding]:
    """Find rows of a long table without an asset, and assets with two rows at one date."""
    nameless = np.flatnonzero(labels == "")
    if len(nameless):
        row, more = nameless[0], f" ({len(nameless)} such rows)" if len(nameless) > 1 else ""
        text = f"{path}: data row {row + 1}, {stamps[row]:%Y-%m-%d}: no asset name{more}"
        yield Finding("no asset name", "fatal", None, stamps[row], text)
    twice = np.flatnonzero(pd.DataFrame({"day": days, "column": columns}).duplicated())
    if len(twice):
        row, more = twice[0], f" ({len(twice)} such rows)" if len(twice) > 1 else ""
        text = (
            f"{path}: asset {labels[row]!r} has more than one row at {stamps[row]:%Y-%m-%d},"
            f" the second in data row {row + 1}{more}; keep one row per date and asset"
        )
        yield Finding("duplicate dates", "fatal", str(labels[row]), stamps[row], text)

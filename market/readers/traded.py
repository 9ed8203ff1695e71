"""Traded prices: what was paid for one share at a close, beside the adjusted prices that returns are made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.suggestions import list_names, suggest
from foundation.types import Floats
from market.errors import IntegrityError, SourceError
from market.findings import Finding
from market.panel import Panel
from market.readers.layouts import Layout, arrange_values, parse_columns, pick_columns
from market.text.dates import read_dates
from market.text.headers import read_header
from market.text.names import clean_name
from market.values.grid import Grid
from market.values.returns import simple_returns

TradedSetting = str | Mapping[str, Path] | None
"""Name of a column of the file, or `{path: ...}` of a wide file."""
_USUAL = 0.005
"""Typical difference between the moves of traded and adjusted prices above which they seem to be of two assets."""
_FEWEST = 20
"""Steps from which on moves are compared."""


def add_traded(
    panel: Panel, path: Path, traded: str | Mapping[str, Path], layout: Layout | None, date_column: str | None
) -> tuple[Panel, tuple[Finding, ...]]:
    """Return the panel with traded prices at its dates.

    Parameters
    ----------
    panel : Panel
        Made from the adjusted prices of the file.
    path : Path
        The file.
    traded : str or mapping
        Name of a column of a long file or of bars of one asset, or `{"path": ...}` of a wide file.
    layout : {"wide", "long"} or None
    date_column : str or None

    Raises
    ------
    SourceError
        If a file cannot be read, there is no such column, or no asset of the panel has traded prices.
    IntegrityError
        If a traded price is not positive.
    """
    if isinstance(traded, str):
        source, grid = str(path), _read_column(path, clean_name(traded), layout, date_column)
        prices = grid.bars["close"]
    else:
        other = Path(traded["path"])
        source, grid = str(other), _read_wide(other, date_column)
        prices = grid.values
    table = pd.DataFrame(prices, grid.dates, list(grid.names))
    aligned = np.asarray(table.reindex(index=panel.dates, columns=list(panel.assets)), dtype=np.float64)
    if not np.isfinite(aligned).any():
        raise SourceError(
            f"{source}: no traded price of any asset at the dates of the prices; it has"
            f" {list_names(grid.names)}"
        )
    wrong = np.argwhere(~(np.isnan(aligned) | ((aligned > 0) & np.isfinite(aligned))))
    if len(wrong):
        t, n = (int(place) for place in wrong[0])
        raise IntegrityError(
            f"{source}: traded price of {panel.assets[n]!r} at {panel.dates[t]:%Y-%m-%d} is {aligned[t, n]:g}, expected"
            " more than 0"
        )
    return replace(panel, traded=aligned), tuple(_compare(source, panel, aligned))


def _read_column(path: Path, column: str, layout: Layout | None, date_column: str | None) -> Grid:
    """Return the grid of a file of rows, with the traded prices as closes of its bars."""
    header = read_header(path)
    if column not in header:
        raise SourceError(
            f"{path}: no column {column!r} of traded prices (data.traded){suggest(column, header)}"
        )
    columns = pick_columns(path, header, layout, "prices", date_column)
    if columns.layout == "wide":
        raise SourceError(
            f"{path}: data.traded names the column {column!r}, but this file has one column per asset; give the traded"
            " prices in a second file of the same form: traded: {path: FILE}"
        )
    columns = replace(columns, bars={"close": column}, volume=None)
    contents = parse_columns(path, columns)
    return arrange_values(
        path, columns, contents, read_dates(str(path), columns.date, contents.coded[columns.date])
    )


def _read_wide(path: Path, date_column: str | None) -> Grid:
    """Return the grid of a second file with one column per asset."""
    header = read_header(path)
    columns = pick_columns(path, header, "wide", "prices", date_column)
    contents = parse_columns(path, columns)
    return arrange_values(
        path, columns, contents, read_dates(str(path), columns.date, contents.coded[columns.date])
    )


def _compare(source: str, panel: Panel, prices: Floats) -> Iterator[Finding]:
    """Find prices without a traded one, and traded prices that do not move as the adjusted ones."""
    missing = panel.listed & ~np.isfinite(prices)
    if missing.any():
        t, n = (int(place) for place in np.argwhere(missing)[0])
        text = (
            f"{source}: {format_count(int(missing.sum()), 'price')} without a traded price, the first of"
            f" {panel.assets[n]!r} at {panel.dates[t]:%Y-%m-%d}: shares cannot be counted there"
        )
        yield Finding("traded price missing", "warning", panel.assets[n], panel.dates[t], text)
    gap = np.abs(simple_returns(prices) - panel.returns)
    for n in np.flatnonzero(np.isfinite(gap).sum(axis=0) >= _FEWEST).tolist():
        typical = float(np.median(gap[np.isfinite(gap[:, n]), n]))
        if typical > _USUAL:
            text = (
                f"{source}: traded and adjusted price of {panel.assets[n]!r} differ by {typical:.1%} in a typical step,"
                " where only dividends and splits should set them apart: are they of one asset?"
            )
            yield Finding("traded price of another asset", "warning", panel.assets[n], None, text)
    known = gap[np.isfinite(gap)]
    if len(known) >= _FEWEST and not (known > 1e-6).any():
        text = (
            f"{source}: traded prices move as the adjusted ones do in each of {format_count(len(known), 'step')}: they"
            " show no dividend and no split"
        )
        yield Finding("traded prices are adjusted", "note", None, None, text)

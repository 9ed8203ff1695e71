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
from market.readers.file_columns import FileColumns
from market.values.grid import Grid
from market.values.returns import simple_returns

TradedSetting = str | Mapping[str, Path] | None
"""Name of a column of the file, or `{path: ...}` of a wide file."""
NO_TRADED_PRICES = "No traded prices were named: prices count as adjusted, and shares cannot be valued."
"""Note on a panel of prices without traded ones."""
_USUAL = 0.005
"""Typical difference between the moves of traded and adjusted prices above which they seem to be of two assets."""
_FEWEST = 20
"""Steps from which on moves are compared."""


def add_traded(panel: Panel, source: str, grid: Grid) -> tuple[Panel, tuple[Finding, ...]]:
    """Return the panel with traded prices at its dates.

    Parameters
    ----------
    panel : Panel
        Made from the adjusted prices.
    source : str
        What messages call the traded prices.
    grid : Grid
        Their values.

    Raises
    ------
    SourceError
        If no asset of the panel has traded prices.
    IntegrityError
        If a traded price is not positive.
    """
    table = pd.DataFrame(grid.values, grid.dates, list(grid.names))
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


def select_traded(path: Path, columns: FileColumns, column: str) -> FileColumns:
    """Return the columns of a file of rows with a column of traded prices as the closes of its bars.

    Raises
    ------
    SourceError
        If there is no such column, or the file has one column per asset.
    """
    if column not in columns.header:
        raise SourceError(
            f"{path}: no column {column!r} of traded prices (data.traded){suggest(column, columns.header)}"
        )
    if columns.layout in ("wide", "fields"):
        raise SourceError(
            f"{path}: data.traded names the column {column!r}, but this file has one column per asset; give the traded"
            " prices in a second file of the same form: traded: {path: FILE}"
        )
    return replace(columns, bars={"close": column}, volume=None)


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

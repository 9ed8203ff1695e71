"""Bars of rows that are left out, and bars in the unit of adjusted closes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from foundation.types import Bools, Floats
from market.values.grid import Grid


def merge_bars(grid: Grid, kept: Bools) -> tuple[dict[str, Floats], Floats | None]:
    """Return bars and volume of the kept rows: each asset's bar runs from its last kept close to this one.

    The first open, the highest high, the lowest low, the sum of volumes and their weighted mean price of the rows in
    between are those of the bar, in the unit of its last row.
    """
    if not grid.bars and grid.volume is None:
        return {}, None
    n = len(kept)
    closed = kept[:, None] & np.isfinite(grid.values)
    # The number of an asset's bar at each row: the next kept row at which it has a value ends it.
    rows = np.where(closed, np.arange(n)[:, None], n)
    ends = np.minimum.accumulate(rows[::-1], axis=0)[::-1]
    unit = grid.values / grid.bars["close"] if "close" in grid.bars else np.ones_like(grid.values)
    unit = np.where(np.isfinite(unit), unit, 1.0)
    shares = None if grid.volume is None else grid.volume / unit
    out = {name: np.full(grid.values.shape, np.nan) for name in grid.bars}
    volume = None if shares is None else np.full(grid.values.shape, np.nan)
    for column in range(grid.values.shape[1]):
        end = ends[:, column]
        inside = end < n
        scaled = {name: (prices * unit)[inside, column] for name, prices in grid.bars.items()}
        table = pd.DataFrame(scaled | ({} if shares is None else {"volume": shares[inside, column]}))
        if "vwap" in table and "volume" in table:
            table["money"] = table["vwap"] * table["volume"]
        groups = table.groupby(end[inside])
        at = np.unique(end[inside])
        back = unit[at, column]
        how = {"open": "first", "high": "max", "low": "min", "close": "last", "vwap": "last"}
        for name in grid.bars:
            out[name][at, column] = groups[name].agg(how[name]).to_numpy() / back
        if volume is not None:
            volume[at, column] = groups["volume"].sum(min_count=1).to_numpy() * back
        if "money" in table:
            mean = groups["money"].sum(min_count=1) / groups["volume"].sum(min_count=1)
            alone = (groups.size() == 1).to_numpy()
            out["vwap"][at, column] = np.where(alone, out["vwap"][at, column], mean.to_numpy() / back)
    return {name: prices[kept] for name, prices in out.items()}, None if volume is None else volume[kept]


def adjust_bars(bars: Mapping[str, Floats], closes: Floats) -> tuple[dict[str, Floats], Floats]:
    """Return bars in the unit of the adjusted closes.

    Parameters
    ----------
    bars : mapping of str to ndarray of shape (T, N)
        With `close`: the close in the unit of the other prices.
    closes : ndarray of shape (T, N)
        Adjusted for dividends and splits: what returns are made of.

    Returns
    -------
    bars : dict of str to ndarray of shape (T, N)
        Each row multiplied by adjusted / unadjusted close: within a row prices keep their ratios, over time they
        have those of the adjusted closes. The close is the adjusted one, bit for bit.
    factor : ndarray of shape (T, N)
        Factor of each row. Divide the units traded by it, so that price times units stays the money traded.
    """
    factor = closes / bars["close"]
    scaled = {name: prices * factor for name, prices in bars.items() if name != "close"}
    return {**scaled, "close": closes}, factor

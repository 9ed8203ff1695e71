"""Compiled loops that bring computed columns into the matrix, and the comparison of columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints


@compiled
def write_masked(x: Floats, skip: int, returns: Floats, cold: int, limit: float, out: Floats) -> int:
    """Write `x` without its first `skip` rows to `out`, NaN in the first `cold` rows and where nothing is listed.

    Returns the place of the first written value above the limit, counted row by row, or -1.
    """
    rows, assets = out.shape
    worst = -1
    for t in range(rows):
        source, listed, to = x[t + skip], returns[t], out[t]
        beyond = False
        for j in range(assets):
            value = source[j] if t >= cold and listed[j] - listed[j] == 0.0 else np.nan
            to[j] = value
            beyond |= abs(value) > limit
        if beyond and worst < 0:
            for j in range(assets - 1, -1, -1):
                if abs(to[j]) > limit:
                    worst = t * assets + j
    return worst


def write_columns(
    out: Floats,
    row: int,
    asset: int,
    tables: Floats,
    skip: int,
    places: Sequence[int],
    series: Mapping[int, Floats],
) -> None:
    """Write columns of some dates and assets to the matrix.

    Parameters
    ----------
    out : ndarray of shape (T, N, K)
    row, asset : int
        First row and first asset to write.
    tables : ndarray of shape (F, skip + rows, assets)
    skip : int
        Rows of the tables to leave out.
    places : sequence of int, length F
        Column of each table; below 0 for none.
    series : mapping of int to ndarray of shape (rows,)
        Values that all assets share, by column.
    """
    n_rows = tables.shape[1] - skip
    common = np.stack(list(series.values())) if series else np.empty((0, n_rows))
    to, columns = np.array(places, dtype=np.int64), np.array(list(series), dtype=np.int64)
    _scatter(tables, skip, to, common, columns, out, row, asset)


@compiled
def _scatter(
    tables: Floats, skip: int, places: Ints, series: Floats, common: Ints, out: Floats, row: int, asset: int
) -> None:
    rows, assets = tables.shape[1] - skip, tables.shape[2]
    for t in range(rows):
        to = out[row + t]
        for i in range(assets):
            # Neighbours in the matrix are written one after the other: each line of memory is fetched once.
            line = to[asset + i]
            for f in range(len(places)):
                k = places[f]
                if k >= 0:
                    line[k] = tables[f, t + skip, i]
            for g in range(len(common)):
                line[common[g]] = series[g, t]


def differ_bitwise(a: Floats, b: Floats) -> bool:
    """Return whether two arrays differ in any bit. All NaN are the same."""
    same = (a == b) & (np.signbit(a) == np.signbit(b))
    return not bool((same | (np.isnan(a) & np.isnan(b))).all())

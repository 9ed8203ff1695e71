"""Compiled sums over trailing windows, and what all kernels that are put together from blocks share.

**Method.** Rows are cut into blocks of `window` rows, counted from row 0 of the panel. A window is the end of
one block and the beginning of the next (van Herk 1992, who did this for maxima). The sums of all ends of a
block are gathered once from its last row backward, those of the beginnings row by row forward; a window adds
the two. So a statistic takes two additions a row whatever the window, nothing is ever subtracted that had been
added, and the result is a function of the window's rows and of the panel row alone, bit for bit.

**Layout.** Rows are handled `LANES` assets at a time, so that the inner loops run over neighbours in memory and
the sums of a block stay in the cache. Sums of different kinds lie `LANES` apart in one array: at such a known
distance the compiler sees that they do not overlap, and works on several assets at once.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compiled import compiled

Floats = NDArray[np.float64]

LANES = 64
"""Assets that are handled together."""

COUNT, SUM, MEAN = 0, 1, 2
"""What `sums` can give."""

TINY = 1e-12
"""A divisor (a volatility, a price level) below this is rounding, and the ratio is undefined."""


@compiled
def sums(x: Floats, window: int, first: int, begin: int, enough: float, kind: int, out: Floats) -> None:
    """Write the count, sum or mean of each window to `out`; NaN for sums and means of fewer than `enough`."""
    rows, assets = x.shape
    parts = np.empty((window + 2, 2 * LANES))
    begun = window + 1
    for lane in range(0, assets, LANES):
        j, stop = lanes(lane, assets)
        clear(parts, 0)
        start = -(first % window)
        while start < rows:
            clear(parts, begun)
            for t in range(max(start, 0), stop_row(start, window, begin, rows)):
                _add(x, t, j, stop, parts, begun, begun)
                if t >= begin:
                    _finish_sums(parts, begun, t - start + 1, enough, kind, out, t, j, stop)
            if start + window < rows:
                for t in range(start + window - 1, max(start, 0) - 1, -1):
                    _add(x, t, j, stop, parts, t - start + 1, t - start)
            start += window


@compiled
def lanes(start: int, assets: int) -> tuple[int, int]:
    """Return the assets to handle from `start` on: the last `LANES` once more where fewer are left.

    What they had is then written again, the same; whole lanes are faster than a few.
    """
    return max(min(start, assets - LANES), 0), min(start + LANES, assets)


@compiled
def stop_row(start: int, window: int, begin: int, rows: int) -> int:
    """Return the row at which a block ends, or 0 if no window that is wanted ends in it."""
    stop = min(start + window, rows)
    return stop if stop > begin else 0


@compiled
def clear(parts: Floats, start: int) -> None:
    """Make the sums of parts nothing, from one part on."""
    for k in range(start, parts.shape[0]):
        for i in range(parts.shape[1]):
            parts[k, i] = 0.0


@compiled
def _add(x: Floats, t: int, j: int, stop: int, parts: Floats, before: int, after: int) -> None:
    """Add a row to (count, sum)."""
    row, old, new = x[t, j:stop], parts[before], parts[after]
    for i in range(len(row)):
        value = row[i]
        there = value - value == 0.0
        new[i] = old[i] + (1.0 if there else 0.0)
        new[LANES + i] = old[LANES + i] + (value if there else 0.0)


@compiled
def _finish_sums(
    parts: Floats, k: int, e: int, enough: float, kind: int, table: Floats, t: int, j: int, stop: int
) -> None:
    """Write the statistic of windows, given the (count, sum) of their two parts."""
    begun, ended, out = parts[k], parts[e], table[t, j:stop]
    if kind == COUNT:
        for i in range(len(out)):
            out[i] = ended[i] + begun[i]
    elif kind == SUM:
        for i in range(len(out)):
            count, total = ended[i] + begun[i], ended[LANES + i] + begun[LANES + i]
            out[i] = total if count >= enough else np.nan
    else:
        for i in range(len(out)):
            count, total = ended[i] + begun[i], ended[LANES + i] + begun[LANES + i]
            out[i] = total / count if count >= enough else np.nan

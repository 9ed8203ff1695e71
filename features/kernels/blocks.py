"""Compiled sums over trailing windows, and helpers of all kernels that are built from blocks.

**Method.** Rows are cut into blocks of `window` rows, counted from row 0 of the panel. A window is the end of
one block and the beginning of the next (van Herk 1992, for maxima). The sums of all ends of a
block are gathered once from its last row backward, those of the beginnings row by row forward; a window adds
the two. So a statistic takes two additions a row whatever the window, nothing is ever subtracted that had been
added, and the result is a function of the window's rows and of the panel row alone, bit for bit.

**Layout.** Rows are handled `LANES` assets at a time, so that the inner loops run over neighbours in memory and
the sums of a block stay in the cache. Sums of different kinds lie `LANES` apart in one array: at such a known
distance the compiler sees that they do not overlap, and works on several assets at once.
"""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats

LANES = 64
"""Assets that are handled together."""

COUNT, SUM, MEAN = 0, 1, 2
"""Statistics that `sums` computes."""

TINY = 1e-12
"""A divisor (a volatility, a price level) below this is rounding, and the ratio is undefined."""


@compiled
def sums(x: Floats, window: int, first: int, begin: int, enough: float, kind: int, out: Floats) -> None:
    """Write the count, sum or mean of each window to `out`; NaN for sums and means of fewer than `enough`."""
    rows, assets = x.shape
    parts = np.empty((window + 2, 2 * LANES))
    for lane in range(0, assets, LANES):
        j, stop = lanes(lane, assets)
        clear(parts, unused_parts(window, begin))
        start = -(first % window)
        while start < rows:
            clear(parts, window + 1)
            _forward(x, start, begin, j, stop, parts, enough, kind, out)
            _backward(x, start, begin, j, stop, parts)
            start += window


@compiled
def lanes(start: int, assets: int) -> tuple[int, int]:
    """Return the assets to handle from `start` on: the last `LANES` once more where fewer are left.

    What they had is then written again, the same; whole lanes are faster than a few.
    """
    return max(min(start, assets - LANES), 0), min(start + LANES, assets)


@compiled
def forward_rows(start: int, window: int, begin: int, rows: int) -> tuple[int, int, int]:
    """Return which rows of a block to add forward: the first, the first whose window is wanted, and the stop.

    Nothing is added where no window that is wanted ends in the block.
    """
    stop = min(start + window, rows)
    low = max(start, 0)
    return (low, max(low, begin), stop) if stop > begin else (low, low, low)


@compiled
def backward_rows(start: int, window: int, begin: int, rows: int) -> tuple[int, int, int]:
    """Return which rows of a block to add backward: the stop (excluded), the first of which all are kept, the last.

    Windows of the next block begin in the rows between; sums of later rows are parts of all of them, and need not be
    kept one by one.
    """
    low, stop = max(start, 0), start + window
    if stop >= rows:
        return low, low, low
    # The window that ends in row t of the next block begins in row t - window + 1 of this one.
    return max(low, begin - window + 1), min(stop, rows - window + 1), stop


@compiled
def unused_parts(window: int, begin: int) -> int:
    """Return the part from which on parts must be those of no rows before the first block.

    Windows that begin before all rows end in its first block; with none that is wanted, part `window` is enough.
    """
    return 0 if begin < window - 1 else window


@compiled
def clear(parts: Floats, start: int) -> None:
    """Make the sums of parts nothing, from one part on."""
    for k in range(start, parts.shape[0]):
        for i in range(parts.shape[1]):
            parts[k, i] = 0.0


@compiled
def begin_kept(parts: Floats, k: int) -> Floats:
    """Return part k, made that of no rows, which part `window` always is."""
    part: Floats = parts[k]
    for i in range(len(part)):
        part[i] = parts[len(parts) - 2, i]
    return part


@compiled
def _gather(x: Floats, t: int, stop_row: int, step: int, j: int, stop: int, state: Floats) -> None:
    """Add rows from t on to (count, sum)."""
    while t != stop_row:
        row = x[t, j:stop]
        for i in range(len(row)):
            value = row[i]
            there = value - value == 0.0
            state[i] += 1.0 if there else 0.0
            state[LANES + i] += value if there else 0.0
        t += step


@compiled
def _backward(x: Floats, start: int, begin: int, j: int, stop: int, parts: Floats) -> None:
    """Make parts[k] the (count, sum) of the rows from the k-th of a block to its last."""
    window = len(parts) - 2
    low, kept, end = backward_rows(start, window, begin, len(x))
    top = begin_kept(parts, kept - start)
    _gather(x, end - 1, kept - 1, -1, j, stop, top)
    for t in range(kept - 1, low - 1, -1):
        row, old, new = x[t, j:stop], parts[t - start + 1], parts[t - start]
        for i in range(len(row)):
            value = row[i]
            there = value - value == 0.0
            new[i] = old[i] + (1.0 if there else 0.0)
            new[LANES + i] = old[LANES + i] + (value if there else 0.0)
    if begin < window - 1 and low == 0:
        # Windows that begin before all rows, in a block that does, too.
        for k in range(-start - 1, -1, -1):
            for i in range(parts.shape[1]):
                parts[k, i] = parts[k + 1, i]


@compiled
def _forward(
    x: Floats, start: int, begin: int, j: int, stop: int, parts: Floats, enough: float, kind: int, out: Floats
) -> None:
    """Add the rows of a block one by one, and write the statistic of the windows that end in them."""
    window = len(parts) - 2
    low, wanted, end = forward_rows(start, window, begin, len(x))
    begun = parts[window + 1]
    _gather(x, low, min(wanted, end), 1, j, stop, begun)
    for t in range(wanted, end):
        row, ended, to = x[t, j:stop], parts[t - start + 1], out[t, j:stop]
        if kind == COUNT:
            for i in range(len(row)):
                begun[i] += 1.0 if row[i] - row[i] == 0.0 else 0.0
                to[i] = ended[i] + begun[i]
            continue
        for i in range(len(row)):
            value = row[i]
            there = value - value == 0.0
            n_begun = begun[i] + (1.0 if there else 0.0)
            s_begun = begun[LANES + i] + (value if there else 0.0)
            begun[i] = n_begun
            begun[LANES + i] = s_begun
            count, total = ended[i] + n_begun, ended[LANES + i] + s_begun
            divisor = count if kind == MEAN else 1.0
            to[i] = total / divisor if count >= enough else np.nan

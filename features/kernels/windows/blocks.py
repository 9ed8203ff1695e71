"""Compiled sums over trailing windows, and helpers of all kernels that are built from blocks.

**Method.** Rows are divided into blocks of `window` rows, counted from row 0 of the panel. A window consists of the end
of one block and the beginning of the next (van Herk 1992, for maxima). The sums of all ends of a block are computed
once, backward from its last row; the sums of the beginnings are computed forward, row by row. Each window adds the two
parts. A statistic thus takes two additions per row for any window length, and nothing is ever subtracted. The result
depends only on the window's rows and the panel row, bit for bit.

**Layout.** Rows are processed `LANES` assets at a time, so that inner loops access adjacent memory and the sums of a
block stay in the cache. Sums of different kinds are `LANES` apart in one array. With this known distance the compiler
can prove that they do not overlap, and vectorises over assets.
"""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats

LANES = 64
"""Number of assets that are processed together."""

COUNT, SUM, MEAN = 0, 1, 2
"""Statistics that `sums` computes."""

TINY = 1e-12
"""A divisor (a volatility, a price level) below this is a rounding error, and the ratio is undefined."""


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
    """Return the next interval of assets from `start` on; if fewer than `LANES` are left, the last `LANES` assets.

    Some assets are then computed twice, with the same result; full lanes are faster than partial ones.
    """
    return max(min(start, assets - LANES), 0), min(start + LANES, assets)


@compiled
def forward_rows(start: int, window: int, begin: int, rows: int) -> tuple[int, int, int]:
    """Return the rows of a block to add forward: the first, the first whose window is requested, and the stop.

    The interval is empty if no requested window ends in the block.
    """
    stop = min(start + window, rows)
    low = max(start, 0)
    return (low, max(low, begin), stop) if stop > begin else (low, low, low)


@compiled
def backward_rows(start: int, window: int, begin: int, rows: int) -> tuple[int, int, int]:
    """Return the rows of a block to add backward: the first row, the last row with a stored sum, and the stop.

    The requested windows of the next block begin between these two rows. All of them contain the later rows of the
    block, whose sums need not be stored separately.
    """
    low, stop = max(start, 0), start + window
    if stop >= rows:
        return low, low, low
    # The window that ends in row t of the next block begins in row t - window + 1 of this one.
    return max(low, begin - window + 1), min(stop, rows - window + 1), stop


@compiled
def unused_parts(window: int, begin: int) -> int:
    """Return the first part that must be set to the state of zero rows before the first block.

    Windows that begin before row 0 end in the first block; if none of them is requested, part `window` is enough.
    """
    return 0 if begin < window - 1 else window


@compiled
def clear(parts: Floats, start: int) -> None:
    """Set the sums of the parts from `start` on to zero."""
    for k in range(start, parts.shape[0]):
        for i in range(parts.shape[1]):
            parts[k, i] = 0.0


@compiled
def begin_kept(parts: Floats, k: int) -> Floats:
    """Return part k after setting it to the state of zero rows, which part `window` always has."""
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
    """Set parts[k] to the (count, sum) of the rows from the k-th of a block to its last."""
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
        # Windows that begin before row 0, in a block that begins before row 0.
        for k in range(-start - 1, -1, -1):
            for i in range(parts.shape[1]):
                parts[k, i] = parts[k + 1, i]


@compiled
def _forward(
    x: Floats, start: int, begin: int, j: int, stop: int, parts: Floats, enough: float, kind: int, out: Floats
) -> None:
    """Add the rows of a block one by one, and write the statistic of each window that ends in the block."""
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

"""Compiled statistics of two series over trailing windows; the method is that of `features.blocks`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.blocks import LANES, TINY, _carry_back
from features.compiled import compiled

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

COVARIANCE, CORRELATION, BETA, RESIDUAL_STD, R_SQUARE, LAST_RESIDUAL = 0, 1, 2, 3, 4, 5
"""What `comoments` can give."""


@compiled
def comoments(
    y: Floats, x: Floats, window: int, first: int, enough: float, kinds: Integers, out: Floats
) -> None:
    """Write statistics of the rows of each window where both values are present to out[k], NaN for too few.

    The state of a part of a window: count, the values of y and x that deviations are from, the sums of the
    deviations, of their squares, and of their products. A column of y or x alone stands beside all of the other.
    """
    rows, assets = y.shape[0], max(y.shape[1], x.shape[1])
    ends = np.zeros((window + 1, 8 * LANES))
    state = np.zeros(8 * LANES)
    found = np.zeros(6 * LANES)
    pair = np.zeros(2 * LANES)
    for j in range(0, assets, LANES):
        m = min(LANES, assets - j)
        ends[:] = 0.0
        start = -(first % window)
        while start < rows:
            state[:] = 0.0
            for t in range(max(start, 0), min(start + window, rows)):
                _load(y, t, j, m, pair)
                _load(x, t, j, m, pair[LANES:])
                _add_pair(pair, m, state, state)
                _central(state, ends[t - start + 1], pair, m, found)
                for k in range(len(kinds)):
                    _finish(found, enough, kinds[k], out[k, t, j : j + m])
            if start + window < rows:
                for t in range(start + window - 1, max(start, 0) - 1, -1):
                    _load(y, t, j, m, pair)
                    _load(x, t, j, m, pair[LANES:])
                    _add_pair(pair, m, ends[t - start + 1], ends[t - start])
                _carry_back(ends, -start)
            start += window


@compiled
def _load(x: Floats, t: int, j: int, m: int, row: Floats) -> None:
    """Copy a row of assets, or the one value that all of them share."""
    if x.shape[1] == 1:
        row[:m] = x[t, 0]
    else:
        source = x[t, j : j + m]
        for i in range(m):
            row[i] = source[i]


@compiled
def _add_pair(pair: Floats, m: int, old: Floats, new: Floats) -> None:
    """Add a row to the state of a part of a window."""
    for i in range(m):
        y, x, count = pair[i], pair[LANES + i], old[i]
        there = (y - y == 0.0) & (x - x == 0.0)
        begins = there & (count == 0.0)
        y_reference = y if begins else old[LANES + i]
        x_reference = x if begins else old[2 * LANES + i]
        y_gap = y - y_reference if there else 0.0
        x_gap = x - x_reference if there else 0.0
        new[i] = count + (1.0 if there else 0.0)
        new[LANES + i] = y_reference
        new[2 * LANES + i] = x_reference
        new[3 * LANES + i] = old[3 * LANES + i] + y_gap
        new[4 * LANES + i] = old[4 * LANES + i] + x_gap
        new[5 * LANES + i] = old[5 * LANES + i] + y_gap * y_gap
        new[6 * LANES + i] = old[6 * LANES + i] + x_gap * x_gap
        new[7 * LANES + i] = old[7 * LANES + i] + y_gap * x_gap


@compiled
def _central(begun: Floats, ended: Floats, pair: Floats, m: int, found: Floats) -> None:
    """Write count, central squares of y and x, products, and how far the newest y and x are from their means."""
    for i in range(m):
        n_begun, n_ended = begun[i], ended[i]
        n = n_ended + n_begun
        # An end without values has no references of its own; what it holds is from outside the window.
        y_reference = ended[LANES + i] if n_ended > 0.0 else begun[LANES + i]
        x_reference = ended[2 * LANES + i] if n_ended > 0.0 else begun[2 * LANES + i]
        y_gap = begun[LANES + i] - y_reference
        x_gap = begun[2 * LANES + i] - x_reference
        y_begun, x_begun = begun[3 * LANES + i], begun[4 * LANES + i]
        y_sum = ended[3 * LANES + i] + (y_begun + n_begun * y_gap)
        x_sum = ended[4 * LANES + i] + (x_begun + n_begun * x_gap)
        yy = ended[5 * LANES + i] + (begun[5 * LANES + i] + y_gap * (2.0 * y_begun + n_begun * y_gap))
        xx = ended[6 * LANES + i] + (begun[6 * LANES + i] + x_gap * (2.0 * x_begun + n_begun * x_gap))
        crossed = (y_gap * x_begun + x_gap * y_begun) + n_begun * (y_gap * x_gap)
        yx = ended[7 * LANES + i] + (begun[7 * LANES + i] + crossed)
        y_mean, x_mean = y_sum / n, x_sum / n
        found[i] = n
        found[LANES + i] = max(yy - y_sum * y_mean, 0.0)
        found[2 * LANES + i] = max(xx - x_sum * x_mean, 0.0)
        found[3 * LANES + i] = yx - y_sum * x_sum / n
        found[4 * LANES + i] = (pair[i] - y_reference) - y_mean
        found[5 * LANES + i] = (pair[LANES + i] - x_reference) - x_mean


@compiled
def _finish(found: Floats, enough: float, kind: int, out: Floats) -> None:
    """Write one statistic of a row of windows."""
    for i in range(len(out)):
        n, yy, xx, yx = found[i], found[LANES + i], found[2 * LANES + i], found[3 * LANES + i]
        y_last, x_last = found[4 * LANES + i], found[5 * LANES + i]
        y_varies = yy > TINY * TINY * (n - 1.0)
        x_varies = xx > TINY * TINY * (n - 1.0)
        usable = n >= enough
        if kind == COVARIANCE:
            value = yx / (n - 1.0)
        elif kind == CORRELATION:
            usable = usable & y_varies & x_varies
            value = min(max(yx / np.sqrt(yy) / np.sqrt(xx), -1.0), 1.0)
        elif kind == BETA:
            usable = usable & x_varies
            value = yx / xx
        elif kind == RESIDUAL_STD:
            usable = usable & (n > 2.0) & (xx > TINY * TINY)
            value = np.sqrt(max(yy - yx / xx * yx, 0.0) / (n - 2.0))
        elif kind == R_SQUARE:
            usable = usable & y_varies & x_varies
            value = min(yx / yy * (yx / xx), 1.0)
        else:
            usable = usable & x_varies & (y_last - y_last == 0.0)
            value = y_last - yx / xx * x_last
        out[i] = value if usable else np.nan

"""Compiled statistics of two series over trailing windows; for the method see `features.kernels.windows.blocks`."""

from __future__ import annotations

import numpy as np

from features.kernels.windows.blocks import (
    LANES,
    TINY,
    backward_rows,
    begin_kept,
    clear,
    forward_rows,
    lanes,
    unused_parts,
)
from foundation.compiled import compiled
from foundation.types import Floats, Ints

COVARIANCE, CORRELATION, BETA, RESIDUAL_STD, R_SQUARE, LAST_RESIDUAL = 0, 1, 2, 3, 4, 5
"""Statistics that `comoments` computes."""

_NONE = TINY * TINY
"""A variance below this fraction of the squared size of the values is a rounding error."""


@compiled
def comoments(
    y: Floats,
    x: Floats,
    window: int,
    first: int,
    begin: int,
    enough: float,
    kinds: Ints,
    y_size: float,
    x_size: float,
    out: Floats,
) -> None:
    """Write statistics of the rows of each window where both values are present to out[k]; NaN for too few.

    The state of a part of a window is the count, the references of y and x, and the sums of the deviations from them,
    of their squares, and of their products. If y or x has a single column, it is paired with every column of the other.
    Rounding errors are relative to the mean of the values, or to `y_size` and `x_size` if these are larger.
    """
    rows, assets = y.shape[0], max(y.shape[1], x.shape[1])
    parts = np.empty((window + 2, 8 * LANES))
    pair, found = np.zeros(2 * LANES), np.zeros(8 * LANES)
    for lane in range(0, assets, LANES):
        j, stop = lanes(lane, assets)
        clear(parts, unused_parts(window, begin))
        start = -(first % window)
        while start < rows:
            clear(parts, window + 1)
            low, wanted, end = forward_rows(start, window, begin, rows)
            _gather(y, x, low, min(wanted, end), 1, j, stop, pair, parts[window + 1])
            for t in range(wanted, end):
                _gather(y, x, t, t + 1, 1, j, stop, pair, parts[window + 1])
                _central(parts[window + 1], parts[t - start + 1], pair, y_size, x_size, found)
                for k in range(len(kinds)):
                    _finish(found, enough, kinds[k], out[k, t, j:stop])
            _backward(y, x, start, begin, j, stop, pair, parts)
            start += window


@compiled
def _gather(
    y: Floats, x: Floats, t: int, stop_row: int, step: int, j: int, stop: int, pair: Floats, state: Floats
) -> None:
    """Add rows from t on to the state of a part of a window, and leave the last of these rows in `pair`."""
    while t != stop_row:
        _load(y, t, j, stop, pair, 0)
        _load(x, t, j, stop, pair, LANES)
        for i in range(LANES):
            y_value, x_value, count = pair[i], pair[LANES + i], state[i]
            there = (y_value - y_value == 0.0) & (x_value - x_value == 0.0)
            begins = there & (count == 0.0)
            y_reference = y_value if begins else state[LANES + i]
            x_reference = x_value if begins else state[2 * LANES + i]
            y_gap = y_value - y_reference if there else 0.0
            x_gap = x_value - x_reference if there else 0.0
            state[i] = count + (1.0 if there else 0.0)
            state[LANES + i] = y_reference
            state[2 * LANES + i] = x_reference
            state[3 * LANES + i] += y_gap
            state[4 * LANES + i] += x_gap
            state[5 * LANES + i] += y_gap * y_gap
            state[6 * LANES + i] += x_gap * x_gap
            state[7 * LANES + i] += y_gap * x_gap
        t += step


@compiled
def _backward(
    y: Floats, x: Floats, start: int, begin: int, j: int, stop: int, pair: Floats, parts: Floats
) -> None:
    """Set parts[k] to the state of the rows from the k-th of a block to its last."""
    low, kept, end = backward_rows(start, len(parts) - 2, begin, len(y))
    top = begin_kept(parts, kept - start)
    _gather(y, x, end - 1, kept - 1, -1, j, stop, pair, top)
    for t in range(kept - 1, low - 1, -1):
        _load(y, t, j, stop, pair, 0)
        _load(x, t, j, stop, pair, LANES)
        old, new = parts[t - start + 1], parts[t - start]
        for i in range(LANES):
            y_value, x_value, count = pair[i], pair[LANES + i], old[i]
            there = (y_value - y_value == 0.0) & (x_value - x_value == 0.0)
            begins = there & (count == 0.0)
            y_reference = y_value if begins else old[LANES + i]
            x_reference = x_value if begins else old[2 * LANES + i]
            y_gap = y_value - y_reference if there else 0.0
            x_gap = x_value - x_reference if there else 0.0
            new[i] = count + (1.0 if there else 0.0)
            new[LANES + i] = y_reference
            new[2 * LANES + i] = x_reference
            new[3 * LANES + i] = old[3 * LANES + i] + y_gap
            new[4 * LANES + i] = old[4 * LANES + i] + x_gap
            new[5 * LANES + i] = old[5 * LANES + i] + y_gap * y_gap
            new[6 * LANES + i] = old[6 * LANES + i] + x_gap * x_gap
            new[7 * LANES + i] = old[7 * LANES + i] + y_gap * x_gap


@compiled
def _load(x: Floats, t: int, j: int, stop: int, pair: Floats, place: int) -> None:
    """Copy a row of assets, or the one value that all assets share."""
    row = pair[place : place + stop - j]
    if x.shape[1] == 1:
        value = x[t, 0]
        for i in range(len(row)):
            row[i] = value
    else:
        source = x[t, j:stop]
        for i in range(len(row)):
            row[i] = source[i]


@compiled
def _central(begun: Floats, ended: Floats, pair: Floats, y_size: float, x_size: float, found: Floats) -> None:
    """Write the count, central sums of squares and products, deviations of the newest y and x, and rounding bounds.

    Below its rounding bound, a variance of y or x is a rounding error, and the values count as equal.
    """
    for i in range(LANES):
        n_begun, n_ended = begun[i], ended[i]
        n = n_ended + n_begun
        # An end without values has no valid references; the stored ones are from outside the window.
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
        share = 1.0 / n
        y_mean, x_mean = y_sum * share, x_sum * share
        found[i] = n
        found[LANES + i] = max(yy - y_sum * y_mean, 0.0)
        found[2 * LANES + i] = max(xx - x_sum * x_mean, 0.0)
        found[3 * LANES + i] = yx - y_sum * x_sum * share
        found[4 * LANES + i] = (pair[i] - y_reference) - y_mean
        found[5 * LANES + i] = (pair[LANES + i] - x_reference) - x_mean
        y_large = max(abs(y_reference + y_mean), y_size)
        x_large = max(abs(x_reference + x_mean), x_size)
        found[6 * LANES + i] = _NONE * (y_large * y_large)
        found[7 * LANES + i] = _NONE * (x_large * x_large)


@compiled
def _finish(found: Floats, enough: float, kind: int, out: Floats) -> None:
    """Write one statistic of a row of windows."""
    if kind == COVARIANCE:
        for i in range(len(out)):
            n = found[i]
            out[i] = found[3 * LANES + i] / (n - 1.0) if n >= enough else np.nan
    elif kind == CORRELATION:
        for i in range(len(out)):
            n, yy, xx, yx = found[i], found[LANES + i], found[2 * LANES + i], found[3 * LANES + i]
            y_none, x_none = found[6 * LANES + i], found[7 * LANES + i]
            usable = (n >= enough) & (yy > y_none * (n - 1.0)) & (xx > x_none * (n - 1.0))
            value = yx / (np.sqrt(yy) * np.sqrt(xx))
            out[i] = min(max(value, -1.0), 1.0) if usable else np.nan
    elif kind == BETA:
        for i in range(len(out)):
            n, xx, x_none = found[i], found[2 * LANES + i], found[7 * LANES + i]
            usable = (n >= enough) & (xx > x_none * (n - 1.0))
            out[i] = found[3 * LANES + i] / xx if usable else np.nan
    else:
        _finish_fit(found, enough, kind, out)


@compiled
def _finish_fit(found: Floats, enough: float, kind: int, out: Floats) -> None:
    """Write one measure of fit of the regressions of a row of windows."""
    if kind == RESIDUAL_STD:
        for i in range(len(out)):
            n, yy, xx, yx = found[i], found[LANES + i], found[2 * LANES + i], found[3 * LANES + i]
            x_none = found[7 * LANES + i]
            usable = (n >= enough) & (n > 2.0) & (xx > x_none)
            left = yy - yx / xx * yx
            # The residual of an asset that is the market itself is a rounding error.
            left = left if left > TINY * yy else 0.0
            out[i] = np.sqrt(left / (n - 2.0)) if usable else np.nan
    elif kind == R_SQUARE:
        for i in range(len(out)):
            n, yy, xx, yx = found[i], found[LANES + i], found[2 * LANES + i], found[3 * LANES + i]
            y_none, x_none = found[6 * LANES + i], found[7 * LANES + i]
            usable = (n >= enough) & (yy > y_none * (n - 1.0)) & (xx > x_none * (n - 1.0))
            out[i] = min(yx / yy * (yx / xx), 1.0) if usable else np.nan
    else:
        for i in range(len(out)):
            n, xx, yx, y_last = found[i], found[2 * LANES + i], found[3 * LANES + i], found[4 * LANES + i]
            x_none = found[7 * LANES + i]
            usable = (n >= enough) & (xx > x_none * (n - 1.0)) & (y_last - y_last == 0.0)
            out[i] = y_last - yx / xx * found[5 * LANES + i] if usable else np.nan

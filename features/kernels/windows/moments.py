"""Compiled standard deviations, skewness and kurtosis of trailing windows.

The method is that of `blocks`, with sums of powers. The powers are of deviations from a reference, which is a value
of the window itself. No digits are lost if the mean is large, because the reference differs from the
mean by no more than the range of the window; and equal values have deviations of exactly 0. Each part of a window has
its own reference, the value next to the border of the blocks. The binomial formula combines the parts.
"""

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
from foundation.types import Floats

STD, SKEW, KURTOSIS = 0, 1, 2
"""Statistics that `moments` computes."""


@compiled
def moments(x: Floats, window: int, first: int, begin: int, enough: float, kind: int, out: Floats) -> None:
    """Write the standard deviation, skewness or kurtosis of each window to `out`; NaN for fewer than `enough`.

    The state of a part of a window is the count, the reference, and the sums of powers 1 to 4 of the deviations from
    the reference. A standard deviation needs only powers 1 and 2.
    """
    rows, assets = x.shape
    parts = np.empty((window + 2, (4 if kind == STD else 6) * LANES))
    for lane in range(0, assets, LANES):
        j, stop = lanes(lane, assets)
        clear(parts, unused_parts(window, begin))
        start = -(first % window)
        while start < rows:
            clear(parts, window + 1)
            _forward(x, start, begin, j, stop, parts, enough, kind, out)
            _backward(x, start, begin, j, stop, parts, kind)
            start += window


@compiled
def _gather(x: Floats, t: int, stop_row: int, step: int, j: int, stop: int, state: Floats, kind: int) -> None:
    """Add rows from t on to (count, reference, sums of powers 1 to 4 of the deviations from it)."""
    while t != stop_row:
        row = x[t, j:stop]
        if kind != STD:
            _add_high_powers(row, state, state)
        for i in range(len(row)):
            value, count = row[i], state[i]
            there = value - value == 0.0
            reference = value if there & (count == 0.0) else state[LANES + i]
            gap = value - reference if there else 0.0
            state[i] = count + (1.0 if there else 0.0)
            state[LANES + i] = reference
            state[2 * LANES + i] += gap
            state[3 * LANES + i] += gap * gap
        t += step


@compiled
def _backward(x: Floats, start: int, begin: int, j: int, stop: int, parts: Floats, kind: int) -> None:
    """Set parts[k] to the state of the rows from the k-th of a block to its last."""
    low, kept, end = backward_rows(start, len(parts) - 2, begin, len(x))
    top = begin_kept(parts, kept - start)
    _gather(x, end - 1, kept - 1, -1, j, stop, top, kind)
    for t in range(kept - 1, low - 1, -1):
        row, old, new = x[t, j:stop], parts[t - start + 1], parts[t - start]
        for i in range(len(row)):
            value, count = row[i], old[i]
            there = value - value == 0.0
            reference = value if there & (count == 0.0) else old[LANES + i]
            gap = value - reference if there else 0.0
            new[i] = count + (1.0 if there else 0.0)
            new[LANES + i] = reference
            new[2 * LANES + i] = old[2 * LANES + i] + gap
            new[3 * LANES + i] = old[3 * LANES + i] + gap * gap
        if kind != STD:
            _add_high_powers(row, old, new)


@compiled
def _add_high_powers(row: Floats, old: Floats, new: Floats) -> None:
    """Add a row to the sums of powers 3 and 4; the deviation of a first value is 0."""
    for i in range(len(row)):
        value = row[i]
        gap = value - old[LANES + i] if (value - value == 0.0) & (old[i] > 0.0) else 0.0
        square = gap * gap
        new[4 * LANES + i] = old[4 * LANES + i] + square * gap
        new[5 * LANES + i] = old[5 * LANES + i] + square * square


@compiled
def _forward(
    x: Floats,
    start: int,
    begin: int,
    j: int,
    stop: int,
    parts: Floats,
    enough: float,
    kind: int,
    out: Floats,
) -> None:
    """Add the rows of a block one by one, and write the statistic of each window that ends in the block."""
    window = len(parts) - 2
    low, wanted, end = forward_rows(start, window, begin, len(x))
    begun = parts[window + 1]
    _gather(x, low, min(wanted, end), 1, j, stop, begun, kind)
    for t in range(wanted, end):
        _gather(x, t, t + 1, 1, j, stop, begun, kind)
        if kind == STD:
            _finish_std(begun, parts[t - start + 1], enough, out[t, j:stop])
        else:
            _finish_shape(begun, parts[t - start + 1], enough, kind, out[t, j:stop])


@compiled
def _finish_std(begun: Floats, ended: Floats, enough: float, out: Floats) -> None:
    """Write the standard deviations of a row of windows, given the states of their two parts."""
    for i in range(len(out)):
        n_begun, n_ended = begun[i], ended[i]
        count = n_ended + n_begun
        # An end without values has no valid reference; the stored one is from outside the window.
        gap = begun[LANES + i] - ended[LANES + i] if n_ended > 0.0 else 0.0
        s1 = begun[2 * LANES + i]
        total = ended[2 * LANES + i] + (s1 + n_begun * gap)
        squares = ended[3 * LANES + i] + (begun[3 * LANES + i] + gap * (2.0 * s1 + n_begun * gap))
        # One division suffices: this is count * (count - 1) times the variance.
        many = max(count * squares - total * total, 0.0)
        out[i] = np.sqrt(many / (count * (count - 1.0))) if count >= enough else np.nan


@compiled
def _finish_shape(begun: Floats, ended: Floats, enough: float, kind: int, out: Floats) -> None:
    """Write the skewness or kurtosis of a row of windows, given the states of their two parts."""
    for i in range(len(out)):
        n, m2, m3, m4 = _central(
            begun[i],
            begun[LANES + i],
            begun[2 * LANES + i],
            begun[3 * LANES + i],
            begun[4 * LANES + i],
            begun[5 * LANES + i],
            ended[i],
            ended[LANES + i],
            ended[2 * LANES + i],
            ended[3 * LANES + i],
            ended[4 * LANES + i],
            ended[5 * LANES + i],
        )
        variance = m2 / (n - 1.0)
        usable = (n >= enough) & (variance > TINY * TINY)
        if kind == SKEW:
            shape = n * m3 / ((n - 1.0) * (n - 2.0) * variance * np.sqrt(variance))
        else:
            tail = n * (n + 1.0) * m4 / (m2 * variance)
            shape = (tail - 3.0 * (n - 1.0) * (n - 1.0)) / ((n - 2.0) * (n - 3.0))
        out[i] = shape if usable else np.nan


@compiled
def _central(
    n_begun: float,
    c_begun: float,
    a1: float,
    a2: float,
    a3: float,
    a4: float,
    n_ended: float,
    c_ended: float,
    b1: float,
    b2: float,
    b3: float,
    b4: float,
) -> tuple[float, float, float, float]:
    """Return the count, and the sums of powers 2 to 4 of the deviations from the mean, given both parts."""
    gap = c_begun - c_ended if n_ended > 0.0 else 0.0
    n = n_ended + n_begun
    square = gap * gap
    shifted = n_begun * gap
    s1 = b1 + (a1 + shifted)
    s2 = b2 + (a2 + gap * (2.0 * a1 + shifted))
    s3 = b3 + (a3 + gap * (3.0 * a2 + gap * (3.0 * a1 + shifted)))
    s4 = b4 + (a4 + gap * (4.0 * a3 + gap * (6.0 * a2 + gap * (4.0 * a1 + shifted))))
    mean = s1 / n
    square = mean * mean
    m2 = max(s2 - s1 * mean, 0.0)
    m3 = s3 - 3.0 * mean * s2 + 2.0 * s1 * square
    m4 = s4 - 4.0 * mean * s3 + 6.0 * square * s2 - 3.0 * s1 * mean * square
    return n, m2, m3, m4

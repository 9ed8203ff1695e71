"""Compiled order statistics of trailing windows: quantiles, and the rank of the newest value.

The result depends only on the values in the window, not on the path of the sort. Missing values are stored as infinity,
so that each window has as many values as rows, and the loops need no branches.
"""

from __future__ import annotations

import numpy as np

from features.kernels.windows.blocks import LANES, lanes
from foundation.compiled import compiled
from foundation.types import Floats

_STEP = 32
"""Sorted windows are padded with infinity to a multiple of this, for vectorised loops."""


@compiled
def quantiles(x: Floats, window: int, begin: int, enough: float, levels: Floats, out: Floats) -> None:
    """Write each window's quantiles to out[k], interpolated linearly; NaN for fewer than `enough` values."""
    rows, assets = x.shape
    # Two sorted windows, the previous one and the next one, each between minus infinity and infinity.
    padded = -(-window // _STEP) * _STEP
    ordered = np.empty((2, padded + 2))
    series = np.empty(window + rows)
    for j in range(assets):
        for i in range(padded + 2):
            ordered[0, i] = ordered[1, i] = np.inf if i > 0 else -np.inf
        _fill(x, j, window, series)
        count = 0.0
        for t in range(rows):
            old, new = series[t], series[t + window]
            count += (1.0 if new < np.inf else 0.0) - (1.0 if old < np.inf else 0.0)
            _replace(ordered, t % 2, padded, old, new)
            if t < begin:
                continue
            after = 1 - t % 2
            for k in range(len(levels)):
                place = levels[k] * (count - 1.0)
                below = int(max(place, 0.0))
                low, high = ordered[after, below + 1], ordered[after, below + 2]
                share = place - below
                value = low + share * (high - low) if share > 0.0 else low
                out[k, t, j] = value if count >= enough else np.nan


@compiled
def _fill(x: Floats, j: int, start: int, series: Floats) -> None:
    """Copy an asset's values, with infinity for missing ones and 0 for -0, which compares equal to it."""
    for t in range(start):
        series[t] = np.inf
    for t in range(len(x)):
        value = x[t, j]
        series[start + t] = value + 0.0 if value - value == 0.0 else np.inf


@compiled
def _replace(ordered: Floats, which: int, padded: int, old: float, new: float) -> None:
    """Write the window ordered[which], without `old` and with `new`, to the other window.

    Removing the first `old` shifts the later values by one position. The new value at each position is then the median
    of the shifted value, its neighbour and `new`.
    """
    before, after = ordered[which], ordered[1 - which]
    for i in range(padded):
        left, here, right = before[i], before[i + 1], before[i + 2]
        lower = left if left < old else here
        upper = here if here < old else right
        inserted = upper if upper < new else new
        after[i + 1] = lower if lower > inserted else inserted


@compiled
def ranks(x: Floats, window: int, begin: int, enough: float, out: Floats) -> None:
    """Write the rank of the newest value in its window, as a fraction; ties have the mean rank; NaN for too few."""
    rows, assets = x.shape
    table = np.empty((rows, LANES))
    below, count = np.empty(LANES), np.empty(LANES)
    for lane in range(0, assets, LANES):
        j, stop = lanes(lane, assets)
        for i in range(LANES):
            count[i] = 0.0
        for t in range(rows):
            _copy(x, t, j, stop, table)
            _count(table, t, window, count, below)
            if t < begin:
                continue
            oldest = max(t - window + 1, 0)
            for k in range(oldest, t + 1 - (t + 1 - oldest) % 4, 4):
                _compare_four(table, t, k, below)
            for k in range(t + 1 - (t + 1 - oldest) % 4, t + 1):
                _compare(table, t, k, below)
            _write_ranks(table, t, j, stop, below, count, enough, out)


@compiled
def _copy(x: Floats, t: int, j: int, stop: int, table: Floats) -> None:
    """Copy a row, with NaN for values that are not finite; comparisons with NaN are false."""
    row, to = x[t, j:stop], table[t]
    for i in range(len(row), LANES):
        to[i] = np.nan
    for i in range(len(row)):
        to[i] = row[i] if row[i] - row[i] == 0.0 else np.nan


@compiled
def _count(table: Floats, t: int, window: int, count: Floats, below: Floats) -> None:
    """Update the number of values present by one row; sums of integers have no rounding error."""
    new = table[t]
    for i in range(LANES):
        below[i] = 0.0
        count[i] += 1.0 if new[i] == new[i] else 0.0
    if t >= window:
        old = table[t - window]
        for i in range(LANES):
            count[i] -= 1.0 if old[i] == old[i] else 0.0


@compiled
def _compare(table: Floats, t: int, k: int, below: Floats) -> None:
    """Count the values of row k that are below those of row t; equal values count as one half."""
    new, a = table[t], table[k]
    for i in range(LANES):
        below[i] += (0.5 if a[i] < new[i] else 0.0) + (0.5 if a[i] <= new[i] else 0.0)


@compiled
def _compare_four(table: Floats, t: int, k: int, below: Floats) -> None:
    """Count the values of rows k to k + 3 that are below those of row t; equal values count as one half."""
    new, a, b, c, d = table[t], table[k], table[k + 1], table[k + 2], table[k + 3]
    for i in range(LANES):
        value = new[i]
        first = (0.5 if a[i] < value else 0.0) + (0.5 if a[i] <= value else 0.0)
        second = (0.5 if b[i] < value else 0.0) + (0.5 if b[i] <= value else 0.0)
        third = (0.5 if c[i] < value else 0.0) + (0.5 if c[i] <= value else 0.0)
        fourth = (0.5 if d[i] < value else 0.0) + (0.5 if d[i] <= value else 0.0)
        below[i] += (first + second) + (third + fourth)


@compiled
def _write_ranks(
    table: Floats, t: int, j: int, stop: int, below: Floats, count: Floats, enough: float, out: Floats
) -> None:
    """Write ranks as fractions; the newest value was compared with itself, which counted as one half."""
    new, to = table[t], out[t, j:stop]
    for i in range(len(to)):
        usable = (count[i] >= enough) & (new[i] == new[i])
        to[i] = (below[i] + 0.5) / count[i] if usable else np.nan

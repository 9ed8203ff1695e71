"""Compiled order statistics of trailing windows: the values present are kept sorted as the window moves on.

What comes out depends on which values are in the window alone, not on how they were sorted.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compiled import compiled

Floats = NDArray[np.float64]


@compiled
def quantiles(x: Floats, window: int, enough: float, levels: Floats, out: Floats) -> None:
    """Write each window's quantiles to out[k], interpolated linearly; NaN for fewer than `enough` values."""
    rows, assets = x.shape
    ordered = np.empty(window + 1)
    for j in range(assets):
        series = x[:, j].copy()
        count = 0
        for t in range(rows):
            count = _move(ordered, count, series[t - window] if t >= window else np.nan, series[t])
            for k in range(len(levels)):
                if count < enough:
                    out[k, t, j] = np.nan
                    continue
                place = levels[k] * (count - 1)
                below = int(place)
                above = min(below + 1, count - 1)
                gap = ordered[above] - ordered[below]
                out[k, t, j] = ordered[below] + (place - below) * gap


@compiled
def ranks(x: Floats, window: int, enough: float, out: Floats) -> None:
    """Write the rank of the newest value in its window, as a share; ties have their mean; NaN for too few."""
    rows, assets = x.shape
    ordered = np.empty(window + 1)
    for j in range(assets):
        series = x[:, j].copy()
        count = 0
        for t in range(rows):
            count = _move(ordered, count, series[t - window] if t >= window else np.nan, series[t])
            value = series[t]
            if (count < enough) | (value - value != 0.0):
                out[t, j] = np.nan
                continue
            lowest = _place(ordered, count, value)
            highest = lowest + 1
            while highest < count and ordered[highest] == value:
                highest += 1
            out[t, j] = 0.5 * (lowest + 1 + highest) / count


@compiled
def _place(ordered: Floats, count: int, value: float) -> int:
    """Return how many of the sorted values are smaller."""
    place = 0
    while count > 0:
        half = count // 2
        smaller = ordered[place + half] < value
        place = place + half + 1 if smaller else place
        count = count - half - 1 if smaller else half
    return place


@compiled
def _move(ordered: Floats, count: int, old: float, new: float) -> int:
    """Replace a value that leaves the window by one that comes, either may be missing; return how many there are."""
    leaves, comes = old - old == 0.0, new - new == 0.0
    if leaves:
        gone = _place(ordered, count, old)
    else:
        gone = count
        count += 1
    if not comes:
        for i in range(gone, count - 1):
            ordered[i] = ordered[i + 1]
        return count - 1
    # Zero has two signs that compare equal: one of them keeps results independent of what came before.
    value = new + 0.0
    i = gone
    while i > 0 and ordered[i - 1] > value:
        ordered[i] = ordered[i - 1]
        i -= 1
    if i == gone:
        last = count - 1
        while i < last and ordered[i + 1] < value:
            ordered[i] = ordered[i + 1]
            i += 1
    ordered[i] = value
    return count

"""Compiled maxima of trailing windows, and their positions; for the method see `features.kernels.windows.blocks`."""

from __future__ import annotations

import numpy as np

from features.kernels.windows.blocks import (
    LANES,
    backward_rows,
    begin_kept,
    clear,
    forward_rows,
    lanes,
    unused_parts,
)
from foundation.compiled import compiled
from foundation.types import Floats


@compiled
def maxima(x: Floats, sign: float, window: int, first: int, begin: int, enough: float, out: Floats) -> None:
    """Write the largest (sign 1) or smallest (sign -1) value of each window; NaN for fewer than `enough`."""
    rows, assets = x.shape
    parts = np.empty((window + 2, 2 * LANES))
    for lane in range(0, assets, LANES):
        j, stop = lanes(lane, assets)
        _empty(parts, unused_parts(window, begin))
        start = -(first % window)
        while start < rows:
            _empty(parts, window + 1)
            _forward(x, start, begin, j, stop, sign, parts, enough, out)
            _backward(x, start, begin, j, stop, sign, parts)
            start += window


@compiled
def places(x: Floats, sign: float, window: int, first: int, begin: int, enough: float, out: Floats) -> None:
    """Write the position (1 is the oldest row) of the first largest (sign 1) or smallest (sign -1) value."""
    rows, assets = x.shape
    parts = np.empty((window + 2, 3 * LANES))
    for lane in range(0, assets, LANES):
        j, stop = lanes(lane, assets)
        _empty(parts, unused_parts(window, begin))
        start = -(first % window)
        while start < rows:
            _empty(parts, window + 1)
            _forward_places(x, start, begin, j, stop, sign, parts, enough, out)
            _backward_places(x, start, begin, j, stop, sign, parts)
            start += window


@compiled
def _empty(parts: Floats, start: int) -> None:
    """Set (count, maximum, ...) of the parts from `start` on to the state of zero values."""
    clear(parts, start)
    for k in range(start, parts.shape[0]):
        for i in range(LANES):
            parts[k, LANES + i] = -np.inf


@compiled
def _gather(
    x: Floats, t: int, stop_row: int, step: int, j: int, stop: int, sign: float, state: Floats
) -> None:
    """Add rows from t on to (count, maximum)."""
    while t != stop_row:
        row = x[t, j:stop]
        for i in range(len(row)):
            there = row[i] - row[i] == 0.0
            value = sign * row[i] if there else -np.inf
            highest = state[LANES + i]
            state[i] += 1.0 if there else 0.0
            state[LANES + i] = value if value > highest else highest
        t += step


@compiled
def _backward(x: Floats, start: int, begin: int, j: int, stop: int, sign: float, parts: Floats) -> None:
    """Set parts[k] to the (count, maximum) of the rows from the k-th of a block to its last."""
    low, kept, end = backward_rows(start, len(parts) - 2, begin, len(x))
    top = begin_kept(parts, kept - start)
    _gather(x, end - 1, kept - 1, -1, j, stop, sign, top)
    for t in range(kept - 1, low - 1, -1):
        row, old, new = x[t, j:stop], parts[t - start + 1], parts[t - start]
        for i in range(len(row)):
            there = row[i] - row[i] == 0.0
            value = sign * row[i] if there else -np.inf
            highest = old[LANES + i]
            new[i] = old[i] + (1.0 if there else 0.0)
            new[LANES + i] = value if value > highest else highest


@compiled
def _forward(
    x: Floats,
    start: int,
    begin: int,
    j: int,
    stop: int,
    sign: float,
    parts: Floats,
    enough: float,
    out: Floats,
) -> None:
    """Add the rows of a block one by one, and write the maximum of each window that ends in the block."""
    window = len(parts) - 2
    low, wanted, end = forward_rows(start, window, begin, len(x))
    begun = parts[window + 1]
    _gather(x, low, min(wanted, end), 1, j, stop, sign, begun)
    for t in range(wanted, end):
        row, ended, to = x[t, j:stop], parts[t - start + 1], out[t, j:stop]
        for i in range(len(row)):
            there = row[i] - row[i] == 0.0
            value = sign * row[i] if there else -np.inf
            before, earlier = begun[LANES + i], ended[LANES + i]
            later = value if value > before else before
            count = begun[i] + (1.0 if there else 0.0)
            begun[i] = count
            begun[LANES + i] = later
            highest = sign * (later if later > earlier else earlier)
            to[i] = highest if ended[i] + count >= enough else np.nan


@compiled
def _backward_places(
    x: Floats, start: int, begin: int, j: int, stop: int, sign: float, parts: Floats
) -> None:
    """Set parts[k] to the (count, maximum, row of the maximum) of the rows from the k-th of a block to its last.

    Of equal values the earliest row counts.
    """
    low, _, end = backward_rows(start, len(parts) - 2, begin, len(x))
    for t in range(end - 1, low - 1, -1):
        row, old, new, place = x[t, j:stop], parts[t - start + 1], parts[t - start], float(t)
        for i in range(len(row)):
            there = row[i] - row[i] == 0.0
            value = sign * row[i] if there else -np.inf
            highest, where = old[LANES + i], old[2 * LANES + i]
            as_large = value >= highest
            new[i] = old[i] + (1.0 if there else 0.0)
            new[LANES + i] = value if as_large else highest
            new[2 * LANES + i] = place if as_large else where


@compiled
def _forward_places(
    x: Floats,
    start: int,
    begin: int,
    j: int,
    stop: int,
    sign: float,
    parts: Floats,
    enough: float,
    out: Floats,
) -> None:
    """Add the rows of a block one by one, and write the position of the maximum in each window.

    A later row replaces the maximum only if it is larger.
    """
    window = len(parts) - 2
    low, wanted, end = forward_rows(start, window, begin, len(x))
    begun = parts[window + 1]
    for t in range(low, end):
        row, place, before = x[t, j:stop], float(t), float(t - window)
        for i in range(len(row)):
            there = row[i] - row[i] == 0.0
            value = sign * row[i] if there else -np.inf
            larger = value > begun[LANES + i]
            begun[i] += 1.0 if there else 0.0
            begun[LANES + i] = value if larger else begun[LANES + i]
            begun[2 * LANES + i] = place if larger else begun[2 * LANES + i]
        if t < wanted:
            continue
        ended, to = parts[t - start + 1], out[t, j:stop]
        for i in range(len(to)):
            later = begun[LANES + i] > ended[LANES + i]
            where = begun[2 * LANES + i] if later else ended[2 * LANES + i]
            to[i] = where - before if ended[i] + begun[i] >= enough else np.nan

"""Compiled largest values of trailing windows, and their places; the method is that of `features.blocks`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.blocks import LANES, clear, lanes, stop_row
from features.compiled import compiled

Floats = NDArray[np.float64]


@compiled
def maxima(x: Floats, sign: float, window: int, first: int, begin: int, enough: float, out: Floats) -> None:
    """Write the largest (sign 1) or smallest (sign -1) value of each window; NaN for fewer than `enough`."""
    rows, assets = x.shape
    parts = np.empty((window + 2, 2 * LANES))
    begun = window + 1
    for lane in range(0, assets, LANES):
        j, stop = lanes(lane, assets)
        _empty(parts, 0)
        start = -(first % window)
        while start < rows:
            _empty(parts, begun)
            for t in range(max(start, 0), stop_row(start, window, begin, rows)):
                _raise(x, t, j, stop, sign, parts, begun, begun)
                if t >= begin:
                    _finish_maxima(parts, begun, t - start + 1, sign, enough, out, t, j, stop)
            if start + window < rows:
                for t in range(start + window - 1, max(start, 0) - 1, -1):
                    _raise(x, t, j, stop, sign, parts, t - start + 1, t - start)
            start += window


@compiled
def places(x: Floats, sign: float, window: int, first: int, begin: int, enough: float, out: Floats) -> None:
    """Write the place, 1 for the oldest row, of the first largest (sign 1) or smallest (sign -1) value."""
    rows, assets = x.shape
    parts = np.empty((window + 2, 3 * LANES))
    begun = window + 1
    for lane in range(0, assets, LANES):
        j, stop = lanes(lane, assets)
        _empty(parts, 0)
        start = -(first % window)
        while start < rows:
            _empty(parts, begun)
            for t in range(max(start, 0), stop_row(start, window, begin, rows)):
                _raise_later(x, t, j, stop, sign, parts, begun)
                if t >= begin:
                    _finish_places(parts, begun, t - start + 1, float(t - window), enough, out, t, j, stop)
            if start + window < rows:
                for t in range(start + window - 1, max(start, 0) - 1, -1):
                    _raise_earlier(x, t, j, stop, sign, parts, t - start + 1, t - start)
            start += window


@compiled
def _empty(parts: Floats, start: int) -> None:
    """Make (count, maximum, ...) those of no values, from one part on."""
    clear(parts, start)
    for k in range(start, parts.shape[0]):
        for i in range(LANES):
            parts[k, LANES + i] = -np.inf


@compiled
def _raise(x: Floats, t: int, j: int, stop: int, sign: float, parts: Floats, before: int, after: int) -> None:
    """Add a row to (count, maximum)."""
    row, old, new = x[t, j:stop], parts[before], parts[after]
    for i in range(len(row)):
        there = row[i] - row[i] == 0.0
        value = sign * row[i] if there else -np.inf
        highest = old[LANES + i]
        new[i] = old[i] + (1.0 if there else 0.0)
        new[LANES + i] = value if value > highest else highest


@compiled
def _finish_maxima(
    parts: Floats, k: int, e: int, sign: float, enough: float, table: Floats, t: int, j: int, stop: int
) -> None:
    """Write the maxima of windows, given (count, maximum) of their two parts."""
    begun, ended, out = parts[k], parts[e], table[t, j:stop]
    for i in range(len(out)):
        later, earlier = begun[LANES + i], ended[LANES + i]
        highest = sign * (later if later > earlier else earlier)
        out[i] = highest if ended[i] + begun[i] >= enough else np.nan


@compiled
def _raise_later(x: Floats, t: int, j: int, stop: int, sign: float, parts: Floats, k: int) -> None:
    """Add a later row to (count, maximum, its row): it must be larger to count."""
    row, state, place = x[t, j:stop], parts[k], float(t)
    for i in range(len(row)):
        there = row[i] - row[i] == 0.0
        value = sign * row[i] if there else -np.inf
        highest, where = state[LANES + i], state[2 * LANES + i]
        larger = value > highest
        state[i] = state[i] + (1.0 if there else 0.0)
        state[LANES + i] = value if larger else highest
        state[2 * LANES + i] = place if larger else where


@compiled
def _raise_earlier(
    x: Floats, t: int, j: int, stop: int, sign: float, parts: Floats, before: int, after: int
) -> None:
    """Add an earlier row to (count, maximum, its row): it counts also if it is as large."""
    row, old, new, place = x[t, j:stop], parts[before], parts[after], float(t)
    for i in range(len(row)):
        there = row[i] - row[i] == 0.0
        value = sign * row[i] if there else -np.inf
        highest, where = old[LANES + i], old[2 * LANES + i]
        as_large = value >= highest
        new[i] = old[i] + (1.0 if there else 0.0)
        new[LANES + i] = value if as_large else highest
        new[2 * LANES + i] = place if as_large else where


@compiled
def _finish_places(
    parts: Floats, k: int, e: int, before: float, enough: float, table: Floats, t: int, j: int, stop: int
) -> None:
    """Write the places in windows, given (count, maximum, its row) of their parts and the row before them."""
    begun, ended, out = parts[k], parts[e], table[t, j:stop]
    for i in range(len(out)):
        where = begun[2 * LANES + i] if begun[LANES + i] > ended[LANES + i] else ended[2 * LANES + i]
        out[i] = where - before if ended[i] + begun[i] >= enough else np.nan

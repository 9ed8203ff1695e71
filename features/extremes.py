"""Compiled largest values of trailing windows, and their places; the method is that of `features.blocks`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.blocks import LANES, _carry_back
from features.compiled import compiled

Floats = NDArray[np.float64]


@compiled
def maxima(x: Floats, sign: float, window: int, first: int, enough: float, out: Floats) -> None:
    """Write the largest (sign 1) or smallest (sign -1) value of each window; NaN for fewer than `enough`."""
    rows, assets = x.shape
    ends = np.zeros((window + 1, 2 * LANES))
    state = np.zeros(2 * LANES)
    for j in range(0, assets, LANES):
        stop = min(j + LANES, assets)
        _empty(ends)
        start = -(first % window)
        while start < rows:
            _empty(state.reshape(1, -1))
            for t in range(max(start, 0), min(start + window, rows)):
                _raise(x[t, j:stop], sign, state, state)
                _finish_maxima(state, ends[t - start + 1], sign, enough, out[t, j:stop])
            if start + window < rows:
                for t in range(start + window - 1, max(start, 0) - 1, -1):
                    _raise(x[t, j:stop], sign, ends[t - start + 1], ends[t - start])
                _carry_back(ends, -start)
            start += window


@compiled
def places(x: Floats, sign: float, window: int, first: int, enough: float, out: Floats) -> None:
    """Write the place, 1 for the oldest row, of the first largest (sign 1) or smallest (sign -1) value."""
    rows, assets = x.shape
    ends = np.zeros((window + 1, 3 * LANES))
    state = np.zeros(3 * LANES)
    for j in range(0, assets, LANES):
        stop = min(j + LANES, assets)
        _empty(ends)
        start = -(first % window)
        while start < rows:
            _empty(state.reshape(1, -1))
            for t in range(max(start, 0), min(start + window, rows)):
                _raise_later(x[t, j:stop], sign, float(t), state)
                _finish_places(state, ends[t - start + 1], float(t - window), enough, out[t, j:stop])
            if start + window < rows:
                for t in range(start + window - 1, max(start, 0) - 1, -1):
                    _raise_earlier(x[t, j:stop], sign, float(t), ends[t - start + 1], ends[t - start])
                _carry_back(ends, -start)
            start += window


@compiled
def _empty(states: Floats) -> None:
    """Make (count, maximum, ...) those of no values."""
    states[:] = 0.0
    states[:, LANES : 2 * LANES] = -np.inf


@compiled
def _raise(x: Floats, sign: float, old: Floats, new: Floats) -> None:
    """Add a row to (count, maximum)."""
    for i in range(len(x)):
        there = x[i] - x[i] == 0.0
        value = sign * x[i] if there else -np.inf
        highest = old[LANES + i]
        new[i] = old[i] + (1.0 if there else 0.0)
        new[LANES + i] = value if value > highest else highest


@compiled
def _finish_maxima(begun: Floats, ended: Floats, sign: float, enough: float, out: Floats) -> None:
    """Write the maxima of windows, given (count, maximum) of their two parts."""
    for i in range(len(out)):
        later, earlier = begun[LANES + i], ended[LANES + i]
        highest = sign * (later if later > earlier else earlier)
        out[i] = highest if ended[i] + begun[i] >= enough else np.nan


@compiled
def _raise_later(x: Floats, sign: float, row: float, state: Floats) -> None:
    """Add a later row to (count, maximum, its row): it must be larger to count."""
    for i in range(len(x)):
        there = x[i] - x[i] == 0.0
        value = sign * x[i] if there else -np.inf
        highest, where = state[LANES + i], state[2 * LANES + i]
        larger = value > highest
        state[i] = state[i] + (1.0 if there else 0.0)
        state[LANES + i] = value if larger else highest
        state[2 * LANES + i] = row if larger else where


@compiled
def _raise_earlier(x: Floats, sign: float, row: float, old: Floats, new: Floats) -> None:
    """Add an earlier row to (count, maximum, its row): it counts also if it is as large."""
    for i in range(len(x)):
        there = x[i] - x[i] == 0.0
        value = sign * x[i] if there else -np.inf
        highest, where = old[LANES + i], old[2 * LANES + i]
        as_large = value >= highest
        new[i] = old[i] + (1.0 if there else 0.0)
        new[LANES + i] = value if as_large else highest
        new[2 * LANES + i] = row if as_large else where


@compiled
def _finish_places(begun: Floats, ended: Floats, before: float, enough: float, out: Floats) -> None:
    """Write the places in windows, given (count, maximum, its row) of their parts and the row before them."""
    for i in range(len(out)):
        where = begun[2 * LANES + i] if begun[LANES + i] > ended[LANES + i] else ended[2 * LANES + i]
        out[i] = where - before if ended[i] + begun[i] >= enough else np.nan

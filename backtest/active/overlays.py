"""Overlays: active weights that are bought at each trade on top of a benchmark, without costs."""

from __future__ import annotations

import numpy as np

from foundation.types import Floats, Ints


def overlay_gains(returns: Floats, cash: Floats, benchmark: Floats, positions: Ints, first: Ints) -> Floats:
    """Return what 1 of wealth in each asset, borrowed in cash, gains in each row, shape (R, N).

    It is bought at the last trade, grows until the next one, and its gain is a share of the benchmark's wealth at the
    start of the row. So the gain of active weights a is gains @ a: gains of weights add up, and the weights of a whole
    portfolio less those of the benchmark gain the difference of their returns exactly in the first row after a trade.

    Parameters
    ----------
    returns : ndarray of shape (T, N)
        Simple returns; NaN earns nothing.
    cash : ndarray of shape (T,)
    benchmark : ndarray of shape (R,)
        Return of the benchmark before costs.
    positions : ndarray of int, shape (R,)
        Consecutive rows; the first is that after the first trade.
    first : ndarray of int, shape (D,)
        First row that each trade earned.
    """
    earned, interest = np.nan_to_num(returns[positions]), cash[positions]
    started = np.zeros(len(positions), dtype=np.int64)
    started[first - positions[0]] = 1
    begin = np.maximum.accumulate(np.where(started, np.arange(len(positions)), 0))
    step = np.arange(len(positions)) - begin
    asset, money, wealth = np.ones_like(earned), np.ones_like(interest), np.ones_like(benchmark)
    for age in range(1, int(step.max(initial=0)) + 1):
        rows = np.flatnonzero(step == age)
        before = rows - 1
        asset[rows] = asset[before] * (1 + earned[before])
        money[rows] = money[before] * (1 + interest[before])
        wealth[rows] = wealth[before] * (1 + benchmark[before])
    return np.asarray((asset * earned - (money * interest)[:, None]) / wealth[:, None])


def overlay_returns(gains: Floats, weights: Floats, positions: Ints, first: Ints) -> Floats:
    """Return the gain in each row of active weights (D, N) that are bought at each trade, shape (R,).

    Parameters
    ----------
    gains : ndarray of shape (R, N)
        From `overlay_gains`.
    weights : ndarray of shape (D, N)
    positions, first : ndarray of int, shapes (R,) and (D,)
    """
    current = np.searchsorted(first, positions, side="right") - 1
    return np.asarray(np.einsum("rn,rn->r", gains, weights[current]))

"""Recursions over all dates so far: exponentially weighted means, running maxima, cumulative products.

Each recursion can continue from the state of an earlier computation (`features.kernels.carried_state`); the result
equals that of a computation from the first date, bit for bit. A value that is not finite is missing.
"""

from __future__ import annotations

import numpy as np

from features.kernels.arrays import as_table
from features.kernels.carried_state import resume_state, save_state
from foundation.compiled import compiled
from foundation.types import Floats

_HALF = 0.5 - 1e-9
"""Fraction of the total weight of an infinite past that the values of a weighted mean must carry, up to rounding."""


def ewm_mean(x: Floats, halflife: float) -> Floats:
    """Return the mean of the values present, with weights that halve every `halflife` rows; see `ewm`."""
    return ewm(x, halflife=halflife)


def ewm(
    x: Floats, *, alpha: float | None = None, span: float | None = None, halflife: float | None = None
) -> Floats:
    """Return the exponentially weighted mean of the values present.

    Equals pandas' `ewm(...).mean()`. The result is NaN until the values present carry half of the weight of an infinite
    past, which takes one half-life without missing values.

    Parameters
    ----------
    x : ndarray of shape (T,) or (T, N)
    alpha, span, halflife : float
        Exactly one of: the weight `alpha` of the newest value, above 0 and at most 1; the `span` of 2 / alpha - 1 rows,
        at least 1; or the `halflife` in rows, above 0.

    Raises
    ------
    ValueError
        If not exactly one is given, or it is out of range.
    """
    decay = _decay(alpha, span, halflife)
    table = as_table(x)
    start, state = resume_state(np.zeros((2, table.shape[1])))
    out = np.empty(table.shape)
    out[:start] = np.nan
    _ewm(table, start, decay, state.copy(), state, out)
    save_state(state)
    return out.reshape(np.shape(x))


def running_max(x: Floats) -> Floats:
    """Return the largest value so far; NaN before the first value."""
    table = as_table(x)
    start, state = resume_state(np.full((1, table.shape[1]), -np.inf))
    out = np.empty(table.shape)
    out[:start] = np.nan
    _running_max(table, start, state.copy(), state, out)
    save_state(state)
    return out.reshape(np.shape(x))


def wealth(returns: Floats) -> Floats:
    """Return the total return index, which is 1 before row 0 of the panel; NaN if the return is missing."""
    table = as_table(returns)
    start, state = resume_state(np.ones((1, table.shape[1])))
    out = np.empty(table.shape)
    out[:start] = np.nan
    _compound(table, start, state.copy(), state, out)
    save_state(state)
    return out.reshape(np.shape(returns))


def _decay(alpha: float | None, span: float | None, halflife: float | None) -> float:
    """Return the factor by which a weight decays per row."""
    if (alpha, span, halflife).count(None) != 2:
        raise ValueError(f"expected one of alpha, span and halflife, got {alpha}, {span} and {halflife}")
    if halflife is not None:
        if not halflife > 0.0:
            raise ValueError(f"halflife is {halflife}, expected more than 0 rows")
        return float(0.5 ** (1.0 / halflife))
    if span is not None:
        if not span >= 1.0:
            raise ValueError(f"span is {span}, expected at least 1 row")
        alpha = 2.0 / (span + 1.0)
    if alpha is None or not 0.0 < alpha <= 1.0:
        raise ValueError(f"alpha is {alpha}, expected a weight above 0 and at most 1")
    return 1.0 - alpha


@compiled
def _ewm(x: Floats, start: int, decay: float, now: Floats, state: Floats, out: Floats) -> None:
    """Write means to `out` from row `start` on; update `now`, and copy it to `state` before the last row."""
    for t in range(start, len(x)):
        if t == len(x) - 1:
            _copy_state(now, state)
        _ewm_row(x, t, decay, now, out)


@compiled
def _ewm_row(x: Floats, t: int, decay: float, now: Floats, out: Floats) -> None:
    """Move the mean towards the new value by its share of the weight; a mean of equal values stays exact."""
    row, to, weights, means = x[t], out[t], now[0], now[1]
    for i in range(len(row)):
        there = row[i] - row[i] == 0.0
        weight = weights[i] * decay + (1.0 if there else 0.0)
        mean = means[i] + (row[i] - means[i]) / weight if there else means[i]
        weights[i] = weight
        means[i] = mean
        to[i] = mean if weight * (1.0 - decay) >= _HALF else np.nan


@compiled
def _running_max(x: Floats, start: int, now: Floats, state: Floats, out: Floats) -> None:
    """Write maxima to `out` from row `start` on; update `now`, and copy it to `state` before the last row."""
    for t in range(start, len(x)):
        if t == len(x) - 1:
            _copy_state(now, state)
        row, to, highest = x[t], out[t], now[0]
        for i in range(len(row)):
            there = row[i] - row[i] == 0.0
            value = row[i] if there & (row[i] > highest[i]) else highest[i]
            highest[i] = value
            to[i] = value if value > -np.inf else np.nan


@compiled
def _compound(returns: Floats, start: int, now: Floats, state: Floats, out: Floats) -> None:
    """Write products to `out` from row `start` on; update `now`, and copy it to `state` before the last row."""
    for t in range(start, len(returns)):
        if t == len(returns) - 1:
            _copy_state(now, state)
        row, to, product = returns[t], out[t], now[0]
        for i in range(len(row)):
            there = row[i] - row[i] == 0.0
            value = product[i] * (1.0 + row[i]) if there else product[i]
            product[i] = value
            to[i] = value if there else np.nan


@compiled
def _copy_state(now: Floats, state: Floats) -> None:
    """Copy a state."""
    for k in range(state.shape[0]):
        for i in range(state.shape[1]):
            state[k, i] = now[k, i]

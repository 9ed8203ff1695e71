"""Piecewise-linear cost of one weight: proportional trading costs and the multiplier of gross exposure."""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints


@compiled
def breakpoints_and_slopes(
    cost: Floats, gross: float, start: Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Return the breakpoints of phi_i(w) = cost_i |w - start_i| + gross |w|, and its slopes between them.

    Returns
    -------
    breakpoints : ndarray of shape (n, P)
        The bounds and, where they matter, the weight held and 0 between them; increasing.
    slopes : ndarray of shape (n, P - 1)
    """
    n = len(start)
    costly = False
    for i in range(n):
        costly = costly or cost[i] > 0
    count = 2 + (1 if costly else 0) + (1 if gross > 0 else 0)
    breakpoints, slopes = np.empty((n, count)), np.empty((n, count - 1))
    for i in range(n):
        breakpoints[i, 0], breakpoints[i, count - 1] = low[i], high[i]
        zero = min(max(0.0, low[i]), high[i])
        if costly and gross > 0:
            breakpoints[i, 1], breakpoints[i, 2] = min(zero, start[i]), max(zero, start[i])
        elif costly:
            breakpoints[i, 1] = start[i]
        elif gross > 0:
            breakpoints[i, 1] = zero
        for j in range(count - 1):
            here = breakpoints[i, j]
            slopes[i, j] = (cost[i] if here >= start[i] else -cost[i]) + (gross if here >= 0 else -gross)
    return breakpoints, slopes


@compiled
def find_breakpoints(w: Floats, breakpoints: Floats, within: float) -> Ints:
    """Return the breakpoint nearest to each weight if it is no further than `within`, else -1."""
    out = np.full(len(w), -1, np.int64)
    for i in range(len(w)):
        closest = within
        for j in range(breakpoints.shape[1]):
            if abs(w[i] - breakpoints[i, j]) <= closest:
                closest = abs(w[i] - breakpoints[i, j])
                out[i] = j
    return out


@compiled
def minimise_tangent(
    reduced: Floats, cost: Floats, gross: float, breakpoints: Floats, start: Floats
) -> float:
    """Return the minimum of sum reduced_i v_i + phi_i(v_i) over the bounds: at a breakpoint, as phi is convex."""
    total = 0.0
    for i in range(len(reduced)):
        least = np.inf
        for j in range(breakpoints.shape[1]):
            v = breakpoints[i, j]
            least = min(least, reduced[i] * v + cost[i] * abs(v - start[i]) + gross * abs(v))
        total += least
    return total


@compiled
def proximal_point(u: float, breakpoints: Floats, slopes: Floats, scale: float) -> float:
    """Return the proximal point of u: the v within the bounds that minimises (v - u)^2 / 2 + phi(v) / scale.

    Parameters
    ----------
    u : float
    breakpoints, slopes : ndarray of shape (P,), (P - 1,)
        Of phi, of one weight.
    scale : float

    Notes
    -----
    Parikh and Boyd (2014), "Proximal Algorithms", *Foundations and Trends in Optimization* 1, section 2.
    """
    v: float = breakpoints[0]
    for j in range(len(slopes)):
        v = max(u - slopes[j] / scale, breakpoints[j])
        if v <= breakpoints[j + 1]:
            return v
        v = breakpoints[j + 1]
    return v

"""Kinks: what proportional costs and the price of gross exposure do to one weight, place by place."""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints


@compiled
def breakpoints_and_slopes(
    cost: Floats, gross: float, start: Floats, low: Floats, high: Floats
) -> tuple[Floats, Floats]:
    """Return where phi_i(w) = cost_i |w - start_i| + gross |w| may bend, and its slopes between.

    Returns
    -------
    places : ndarray of shape (n, P)
        Bounds outside, the weight held and 0 inside, as far as they are asked for; increasing.
    slopes : ndarray of shape (n, P - 1)
    """
    n = len(start)
    costly = False
    for i in range(n):
        costly = costly or cost[i] > 0
    count = 2 + (1 if costly else 0) + (1 if gross > 0 else 0)
    places, slopes = np.empty((n, count)), np.empty((n, count - 1))
    for i in range(n):
        places[i, 0], places[i, count - 1] = low[i], high[i]
        zero = min(max(0.0, low[i]), high[i])
        if costly and gross > 0:
            places[i, 1], places[i, 2] = min(zero, start[i]), max(zero, start[i])
        elif costly:
            places[i, 1] = start[i]
        elif gross > 0:
            places[i, 1] = zero
        for j in range(count - 1):
            here = places[i, j]
            slopes[i, j] = (cost[i] if here >= start[i] else -cost[i]) + (gross if here >= 0 else -gross)
    return places, slopes


@compiled
def find_breakpoints(w: Floats, places: Floats, within: float) -> Ints:
    """Return the place nearest to each weight if it is no further than `within`, else -1."""
    out = np.full(len(w), -1, np.int64)
    for i in range(len(w)):
        closest = within
        for j in range(places.shape[1]):
            if abs(w[i] - places[i, j]) <= closest:
                closest = abs(w[i] - places[i, j])
                out[i] = j
    return out


@compiled
def minimise_tangent(reduced: Floats, cost: Floats, gross: float, places: Floats, start: Floats) -> float:
    """Return the least of sum reduced_i v_i + phi_i(v_i) over the bounds: at a place, as phi is convex."""
    total = 0.0
    for i in range(len(reduced)):
        least = np.inf
        for j in range(places.shape[1]):
            v = places[i, j]
            least = min(least, reduced[i] * v + cost[i] * abs(v - start[i]) + gross * abs(v))
        total += least
    return total


@compiled
def proximal_point(u: float, places: Floats, slopes: Floats, scale: float) -> float:
    """Return the v within the bounds that is best for (v - u)^2 / 2 + phi(v) / scale: the proximal point of u.

    Parameters
    ----------
    u : float
    places, slopes : ndarray of shape (P,), (P - 1,)
        Of phi, of one weight.
    scale : float

    Notes
    -----
    Parikh and Boyd (2014), "Proximal Algorithms", *Foundations and Trends in Optimization* 1, section 2.
    """
    v: float = places[0]
    for j in range(len(slopes)):
        v = max(u - slopes[j] / scale, places[j])
        if v <= places[j + 1]:
            return v
        v = places[j + 1]
    return v

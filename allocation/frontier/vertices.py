"""Vertices of linear limits, at which a quasi-convex objective has its maximum.

With a loss -mu'w > 0 for every w within the limits, the largest mu'w / sigma(w) is the largest sigma(w) / -mu'w. The
variables y = w / -mu'w of Charnes and Cooper (1962) make it the largest sigma(y) in a polytope: a convex function is
maximised, not minimised. No convex programme does that. With equal means and at most 1/k of each asset, the answer
holds the k assets with the largest sum of covariances, the densest subgraph of k vertices, which is NP-hard.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import linprog

from allocation.covariance_types import Risk
from allocation.errors import SolverError
from allocation.problem.polytope import Polytope
from foundation.types import Floats

_MOST = 20_000
"""Vertices that are tried before a local search answers instead."""


def best_vertex(mu: Floats, sigma: Risk, limits: Polytope) -> tuple[Floats, bool]:
    """Return the vertex of largest mu'w / sqrt(w'Sigma w) where every mean within the limits is negative.

    Parameters
    ----------
    mu : ndarray of shape (n,)
    sigma : Risk, of n assets
    limits : Polytope

    Returns
    -------
    weights : ndarray of shape (n,)
    exact : bool
        Whether all vertices were tried; if not, it is the best end of local searches from n + 1 starts.
    """

    def ratio(w: Floats) -> float:
        return float(mu @ w) / float(np.sqrt(max(float(w @ (sigma @ w)), 1e-300)))

    if len(limits.rows) == 1 and limits.lower[0] == limits.upper[0]:
        vertices = _enumerated(limits)
        if vertices is not None:
            return max(vertices, key=ratio), True
    starts = [_corner(limits, mu)] + [_corner(limits, unit) for unit in np.eye(len(mu))]
    return max((_climbed(mu, sigma, limits, w) for w in starts), key=ratio), False


def _enumerated(limits: Polytope) -> list[Floats] | None:
    """Return all vertices of a budget and bounds, some of them more than once, or None if they are too many."""
    vertices: list[Floats] = []
    for steps, vertex in enumerate(_walk(limits.low, limits.high, float(limits.lower[0]))):
        if steps >= 4 * _MOST:
            return None
        if vertex is not None:
            vertices.append(vertex)
    return vertices or None


def _walk(low: Floats, high: Floats, total: float) -> Iterator[Floats | None]:
    """Yield the vertices, and None for each step between them.

    All assets but one are at a bound; that one takes what the budget leaves. Depth first, one asset at a time, and no
    further where the rest cannot meet the budget.
    """
    n = len(low)
    least, most = np.r_[np.cumsum(low[::-1])[::-1], 0.0], np.r_[np.cumsum(high[::-1])[::-1], 0.0]
    small = 1e-12
    stack: list[tuple[int, float, int, tuple[float, ...]]] = [(0, 0.0, -1, ())]
    while stack:
        k, total_here, basic, chosen = stack.pop()
        floor = total_here + (low[basic] if basic >= 0 else 0.0)
        ceiling = total_here + (high[basic] if basic >= 0 else 0.0)
        if floor + least[k] > total + small or ceiling + most[k] < total - small:
            yield None
            continue
        if k == n:
            w = np.array(chosen)
            if basic >= 0:
                w[basic] = min(max(total - total_here, low[basic]), high[basic])
            yield w if abs(float(w.sum()) - total) <= n * small else None
            continue
        ends = (low[k],) if low[k] == high[k] else (low[k], high[k])
        stack += [(k + 1, total_here + end, basic, (*chosen, end)) for end in ends]
        if basic < 0 and low[k] < high[k]:
            stack.append((k + 1, total_here, k, (*chosen, 0.0)))
        yield None


def _corner(limits: Polytope, slope: Floats) -> Floats:
    """Return a vertex at which slope @ w is largest."""
    best = linprog(
        -slope / (float(np.abs(slope).max()) or 1.0),
        A_ub=np.vstack([limits.rows, -limits.rows]),
        b_ub=np.r_[limits.upper, -limits.lower],
        bounds=list(zip(limits.low, limits.high, strict=True)),
        method="highs-ds",
    )
    if best.status != 0 or best.x is None:
        raise SolverError(f"a vertex could not be found: {best.message}")
    return np.clip(best.x, limits.low, limits.high)


def _climbed(mu: Floats, sigma: Risk, limits: Polytope, w: Floats) -> Floats:
    """Go from vertex to vertex while the ratio rises.

    With loss c = -mu'w > 0 and theta = sigma(w) / c, sigma(z) is at least its tangent at w: a z at which the tangent
    less theta times the loss is positive has a larger sigma(z) / c(z), and thus a larger ratio -c / sigma.
    """
    for _ in range(100):
        pull = sigma @ w
        risk = float(np.sqrt(w @ pull))
        if not risk > 0:
            return w
        slope = pull / risk + risk / float(-(mu @ w)) * mu
        further = _corner(limits, slope)
        if float(slope @ (further - w)) <= 1e-9 * risk:
            return w
        w = further
    return w

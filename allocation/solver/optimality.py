"""Duality gap and KKT residual of weights and multipliers, measured independently of the solver."""

from __future__ import annotations

import numpy as np

from allocation.solver.curvature import add_product
from allocation.solver.piecewise_cost import breakpoints_and_slopes, minimise_tangent, proximal_point
from foundation.compiled import compiled
from foundation.types import Floats


@compiled
def objective_scale(
    mu: Floats, gamma: float, sigma: Floats, loadings: Floats, specific: Floats, cost: Floats
) -> float:
    """Return max(|mu|, gamma |Sigma|, c): the largest entry of a covariance is on its diagonal."""
    largest = 0.0
    for i in range(len(mu)):
        variance = specific[i] if len(loadings) else sigma[i, i]
        if len(loadings):
            for k in range(loadings.shape[1]):
                variance += loadings[i, k] ** 2
        largest = max(largest, abs(mu[i]), gamma * abs(variance), cost[i])
    return max(largest, 1e-300)


@compiled
def kkt_gap(
    mu: Floats, gamma: float, sigma: Floats, loadings: Floats, specific: Floats, ridge: Floats, impact: Floats,
    cost: Floats, gross: float, start: Floats, low: Floats, high: Floats,
    rows: Floats, lower: Floats, upper: Floats, w: Floats, prices: Floats, scale: float,
) -> tuple[float, float, float]:  # fmt: skip
    """Return the duality gap, the KKT residual and the largest violation of a row, for weights and multipliers.

    Parameters
    ----------
    mu, ..., upper
        A `Programme`, its covariance in the two forms of `allocation.solver.curvature`.
    w : ndarray of shape (n,)
    prices : ndarray of shape (M,)
    scale : float
        Unit of gap and residual.

    Returns
    -------
    gap, residual : float
        See `Programme.measure_optimality`.
    excess : float
        Largest violation of a row, 0 or less if all rows hold.
    """
    n = len(mu)
    slope, diagonal = np.empty(n), np.empty(n)
    for i in range(n):
        slope[i] = -(mu[i] + 2.0 * impact[i] * start[i])
        diagonal[i] = gamma * specific[i] + ridge[i] + 2.0 * impact[i]
    add_product(slope, w, gamma, sigma, loadings, diagonal)
    here = 0.0
    for i in range(n):
        here += slope[i] * w[i] + cost[i] * abs(w[i] - start[i]) + gross * abs(w[i])
        for b in range(len(rows)):
            slope[i] += prices[b] * rows[b, i]
    breakpoints, slopes = breakpoints_and_slopes(cost, gross, start, low, high)
    best, residual, excess = minimise_tangent(slope, cost, gross, breakpoints, start), 0.0, -np.inf
    for i in range(n):
        moved = w[i] - proximal_point(w[i] - slope[i] / scale, breakpoints[i], slopes[i], scale)
        residual = _larger(residual, abs(moved))
    for b in range(len(rows)):
        total = np.dot(rows[b], w)
        excess = _larger(excess, max(lower[b] - total, total - upper[b]))
        kept = min(max(total + prices[b] / scale, lower[b]), upper[b])
        residual = _larger(residual, abs(total - kept))
        if prices[b] != 0.0:
            best -= prices[b] * (upper[b] if prices[b] > 0.0 else lower[b])
    return (here - best) / scale, residual, excess


@compiled
def _larger(a: float, b: float) -> float:
    """Return the larger number, or NaN if one of them is NaN."""
    return a if a >= b or np.isnan(a) else b

"""Kernel of a programme: brought to order 1, solved by the active set, and measured from the answer alone."""

from __future__ import annotations

import numpy as np

from allocation.solver.active_rows import AT_LOWER, AT_UPPER, EQUATION
from allocation.solver.active_set import solve_active_set
from allocation.solver.curvature import add_product
from allocation.solver.optimality import kkt_gap, objective_scale
from allocation.solver.piecewise_cost import breakpoints_and_slopes, find_breakpoints
from allocation.solver.segments import guess_segments, segments_at
from foundation.compiled import compiled
from foundation.types import Floats, Ints


@compiled
def solve_programme(
    mu: Floats, gamma: float, sigma: Floats, loadings: Floats, specific: Floats, ridge: Floats, impact: Floats,
    cost: Floats, gross: float, start: Floats, low: Floats, high: Floats,
    rows: Floats, lower: Floats, upper: Floats, first: Floats, near: float, proximal: float,
) -> tuple[bool, Floats, Floats, float, float]:  # fmt: skip
    """Bring the programme to order 1, guess segments at `first`, run the active set, and scale multipliers back.

    The gap and the excess over the rows are measured from the answer alone.

    Returns of one minute can be as small as rounding errors: absolute tolerances would be silently wrong.
    """
    scale, n = objective_scale(mu, gamma, sigma, loadings, specific, cost), len(mu)
    q, diagonal, rate, w, gradient = np.empty(n), np.empty(n), np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        q[i] = (mu[i] + 2.0 * impact[i] * start[i]) / scale + proximal * first[i]
        diagonal[i] = (gamma * specific[i] + ridge[i] + 2.0 * impact[i]) / scale + proximal
        rate[i] = cost[i] / scale
        w[i] = min(max(first[i], low[i]), high[i])
        gradient[i] = -q[i]
    breakpoints, slopes = breakpoints_and_slopes(rate, gross / scale, start, low, high)
    add_product(gradient, w, gamma / scale, sigma, loadings, diagonal)
    nearest = find_breakpoints(w, breakpoints, max(near, 0.0))
    segments = (
        segments_at(nearest, breakpoints, w)
        if near >= 0.0
        else guess_segments(gradient, breakpoints, slopes, nearest, w)
    )
    row_state = _first_rows(rows, lower, upper, w, max(near, 1e-12))
    solved, prices = solve_active_set(
        q,
        gamma / scale,
        sigma,
        loadings,
        diagonal,
        breakpoints,
        slopes,
        rows,
        lower,
        upper,
        w,
        segments,
        row_state,
    )
    for i in range(n):
        w[i] = min(max(w[i], low[i]), high[i])
    for b in range(len(prices)):
        prices[b] *= scale
    if not solved:
        return False, w, prices, np.inf, np.inf
    gap, _, excess = kkt_gap(
        mu, gamma, sigma, loadings, specific, ridge, impact, cost, gross, start, low, high, rows, lower, upper,
        w, prices, scale,
    )  # fmt: skip
    return True, w, prices, gap, excess


@compiled
def _first_rows(rows: Floats, lower: Floats, upper: Floats, w: Floats, near: float) -> Ints:
    """Guess the active rows: those at a limit, and the budget if it is missed."""
    state = np.zeros(len(rows), np.int64)
    for b in range(len(rows)):
        total = np.dot(rows[b], w)
        if lower[b] == upper[b]:
            state[b] = EQUATION
        elif abs(total - upper[b]) <= near or (b == 0 and total > upper[b]):
            state[b] = AT_UPPER
        elif abs(total - lower[b]) <= near or (b == 0 and total < lower[b]):
            state[b] = AT_LOWER
    return state

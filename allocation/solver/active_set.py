"""A quadratic programme with bounds, piecewise-linear costs and a few rows, by a primal-dual active set.

Each asset has breakpoints: its bounds, and the weights at which the slope of its cost changes. Segments lie between
them. An asset is at a breakpoint or free inside a segment; a row is met as an equation or inactive. Given these, the
free weights and the multipliers solve one linear system. Assets and rows that contradict the solution change, until
none does. The answer is exact to rounding: no weight lies a hair from a bound or from the weight held.

Notes
-----
Hintermüller, Ito and Kunisch (2003), *SIAM Journal on Optimization* 13, 865-888; single changes against cycling after
Júdice and Pires (1994), *Computers & Operations Research* 21, 587-596.
"""

from __future__ import annotations

import numpy as np

from allocation.solver import cholesky
from allocation.solver.active_rows import change_row, classify_rows, judge_idle, row_limit
from allocation.solver.curvature import add_product, solve_free
from allocation.solver.segments import change_segments
from foundation.compiled import compiled
from foundation.types import Floats, Ints

_ROUNDS = 200
_STALLED = 8
"""Rounds without progress after which assets change one by one."""


@compiled
def solve_active_set(
    q: Floats,
    gamma: float,
    sigma: Floats,
    loadings: Floats,
    diagonal: Floats,
    breakpoints: Floats,
    slopes: Floats,
    rows: Floats,
    lower: Floats,
    upper: Floats,
    w: Floats,
    segments: Ints,
    row_state: Ints,
) -> tuple[bool, Floats]:
    """Minimise 1/2 w'Hw - q'w + sum phi_i(w_i) within the bounds and lower <= rows @ w <= upper.

    H = gamma Sigma + diag(diagonal), see `allocation.solver.curvature`; all numbers of order 1.

    Parameters
    ----------
    q : ndarray of shape (n,)
    gamma, sigma, loadings, diagonal
        H.
    breakpoints : ndarray of shape (n, P)
        Increasing; the first and the last are the bounds.
    slopes : ndarray of shape (n, P - 1)
        Of phi between breakpoints, increasing.
    rows, lower, upper : ndarray of shape (M, n), (M,), (M,)
    w : ndarray of shape (n,)
        On entry a guess of the free weights, on exit the answer.
    segments : ndarray of int, shape (n,)
        2j at breakpoint j, 2j + 1 free between breakpoints j and j + 1: on entry a guess.
    row_state : ndarray of int, shape (M,)

    Returns
    -------
    solved : bool
        False if the assets did not settle or the system of the free weights is singular.
    prices : ndarray of shape (M,)
        y with H w - q + phi' + rows' y = 0 on the free weights: positive at an upper limit.
    """
    prices, gradient = np.zeros(len(rows)), np.empty(len(q))
    for i in range(len(q)):
        gradient[i] = -q[i]
    add_product(gradient, w, gamma, sigma, loadings, diagonal)
    fewest, stalled = len(w) + 1, 0
    for _ in range(_ROUNDS):
        _move_to_breakpoints(segments, breakpoints, w, gradient, gamma, sigma, loadings, diagonal)
        free = np.flatnonzero(segments % 2)
        ruling, idle, shares = classify_rows(row_state, rows, free)
        if not _newton(
            free, ruling, segments, slopes, rows, lower, upper, row_state, w, gradient, prices,
            gamma, sigma, loadings, diagonal,
        ):  # fmt: skip
            return False, prices
        changed = judge_idle(
            idle, shares, segments, w, gradient, breakpoints, slopes, rows, row_state, lower, upper, prices
        )
        if changed == 0:
            changed = change_segments(
                segments, w, gradient, breakpoints, slopes, rows, prices, stalled > _STALLED
            )
        if changed < 0:
            return False, prices
        if changed == 0:
            # Rows wait until the assets have settled: on the way there nearly all of them are broken.
            if not change_row(row_state, rows, lower, upper, w, prices):
                return True, prices
            fewest, stalled = len(w) + 1, 0
        elif changed < fewest:
            fewest, stalled = changed, 0
        else:
            stalled += 1
    return False, prices


@compiled
def _move_to_breakpoints(
    segments: Ints, breakpoints: Floats, w: Floats, gradient: Floats,
    gamma: float, sigma: Floats, loadings: Floats, diagonal: Floats,
) -> None:  # fmt: skip
    """Move the weights that are not free onto their breakpoints, and update the gradient."""
    step, moved = np.zeros(len(w)), False
    for i in range(len(w)):
        if segments[i] % 2 == 0:
            point = breakpoints[i, segments[i] // 2]
            if point != w[i]:
                step[i], moved = point - w[i], True
                w[i] = point
    if moved:
        add_product(gradient, step, gamma, sigma, loadings, diagonal)


@compiled
def _newton(
    free: Ints, active: Ints, segments: Ints, slopes: Floats, rows: Floats, lower: Floats, upper: Floats,
    row_state: Ints, w: Floats, gradient: Floats, prices: Floats,
    gamma: float, sigma: Floats, loadings: Floats, diagonal: Floats,
) -> bool:  # fmt: skip
    """Move the free weights to the optimum at which the active rows are met; set the multipliers of the rows."""
    n, m, r = len(w), len(free), len(active)
    prices[:] = 0.0
    right = np.empty((1 + r, m))
    for a in range(m):
        i = free[a]
        right[0, a] = -gradient[i] - slopes[i, segments[i] // 2]
        for b in range(r):
            right[1 + b, a] = rows[active[b], i]
    if m and not solve_free(right, free, gamma, sigma, loadings, diagonal):
        return False
    solved, missing = _row_prices(free, active, right, rows, lower, upper, row_state, w)
    if not solved:
        return False
    step = np.zeros(n)
    for a in range(m):
        move = right[0, a]
        for b in range(r):
            move -= missing[b] * right[1 + b, a]
        step[free[a]] = move
        w[free[a]] += move
    for b in range(r):
        prices[active[b]] = missing[b]
    add_product(gradient, step, gamma, sigma, loadings, diagonal)
    return True


@compiled
def _row_prices(
    free: Ints,
    active: Ints,
    right: Floats,
    rows: Floats,
    lower: Floats,
    upper: Floats,
    row_state: Ints,
    w: Floats,
) -> tuple[bool, Floats]:
    """Return whether multipliers exist at which the free weights meet the active rows, and the multipliers."""
    r = len(active)
    inner, missing = np.zeros((r, r)), np.zeros((1, r))
    for b in range(r):
        row = rows[active[b]]
        missing[0, b] = np.dot(row, w) - row_limit(active[b], row_state, lower, upper)
        for a in range(len(free)):
            entry = row[free[a]]
            if entry != 0.0:
                missing[0, b] += entry * right[0, a]
                for c in range(r):
                    inner[b, c] += entry * right[1 + c, a]
    if r and not cholesky.factorise(inner):
        return False, missing[0]
    cholesky.solve_factorised(inner, missing)
    return True, missing[0]

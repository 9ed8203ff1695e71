"""The mean-variance programme with one budget, bounds and proportional costs, by a primal-dual active set.

Each asset is at its lower bound, at its upper bound, at the weight held, or free on one side of it. Given the states,
the free weights and the budget's multiplier solve one linear system; states whose answer contradicts them change, until
none does. What comes out is exact to rounding: no crumbs beside a bound or beside no trade.

Notes
-----
Hintermüller, Ito and Kunisch (2003), *SIAM Journal on Optimization* 13, 865-888; single changes against cycling after
Júdice and Pires (1994), *Computers & Operations Research* 21, 587-596.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compiled import compiled

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOW, HIGH, HELD, BUYING, SELLING = 0, 1, 2, 3, 4
ROUNDS = 100
STALLED = 8
"""Rounds without progress after which states change one by one."""


@compiled
def solve(
    mu: Floats,
    sigma: Floats,
    gamma: float,
    cost: float,
    start: Floats,
    low: Floats,
    high: Floats,
    total: float,
) -> tuple[bool, Floats, float]:
    """Maximise mu'w - gamma/2 w'Sigma w - cost 1'|w - start| over low <= w <= high with 1'w = total.

    Parameters
    ----------
    mu, start, low, high : ndarray of shape (n,)
        low <= start <= high.
    sigma : ndarray of shape (n, n)
    gamma, cost, total : float

    Returns
    -------
    solved : bool
        False if the states did not settle or the free part of sigma is singular.
    weights : ndarray of shape (n,)
    price : float
        Multiplier of the budget: the gain in the objective from one more unit of it, with its sign turned.
    """
    n = len(mu)
    # Without costs the weight held is no special place.
    kink = start.copy() if cost > 0 else low.copy()
    gradient = gamma * (sigma @ kink) - mu
    state = _first_states(gradient, cost, kink, low, high)
    w, y = kink.copy(), 0.0
    fewest, stalled = n + 1, 0
    for _ in range(ROUNDS):
        _place(state, w, kink, low, high)
        free = np.flatnonzero(state >= BUYING)
        if len(free):
            solved, y = _solve_free(mu, sigma, gamma, cost, state, free, w, total)
            if not solved:
                return False, w, y
        gradient = gamma * (sigma @ w) - mu
        if len(free):
            changed = _change(state, w, gradient, y, cost, kink, low, high, stalled > STALLED)
        else:
            changed, y = _move_vertex(state, w, gradient, cost, kink, low, high, total)
        if changed <= 0:
            return changed == 0, w, y
        if changed < fewest:
            fewest, stalled = changed, 0
        else:
            stalled += 1
    return False, w, y


@compiled
def _first_states(gradient: Floats, cost: float, kink: Floats, low: Floats, high: Floats) -> Ints:
    """Guess the states from the gradient at the weights held, at the budget's price of an average asset held."""
    n = len(kink)
    weight, price = 0.0, 0.0
    for i in range(n):
        if low[i] < kink[i] < high[i]:
            weight += 1.0
            price -= gradient[i]
    if weight == 0.0:
        weight, price = 1.0, -gradient.min()
    y = price / weight
    state = np.full(n, HELD, np.int64)
    for i in range(n):
        if kink[i] < high[i] and gradient[i] + y + cost < 0:
            state[i] = BUYING
        elif low[i] < kink[i] and gradient[i] + y - cost > 0:
            state[i] = SELLING
    return state


@compiled
def _place(state: Ints, w: Floats, kink: Floats, low: Floats, high: Floats) -> None:
    """Put the weights that are not free onto their places."""
    for i in range(len(w)):
        if state[i] == LOW:
            w[i] = low[i]
        elif state[i] == HIGH:
            w[i] = high[i]
        elif state[i] == HELD:
            w[i] = kink[i]


@compiled
def _solve_free(
    mu: Floats, sigma: Floats, gamma: float, cost: float, state: Ints, free: Ints, w: Floats, total: float
) -> tuple[bool, float]:
    """Put the best free weights into `w`, and return whether they exist and the budget's multiplier."""
    n, m = len(w), len(free)
    rest = total
    for i in range(n):
        if state[i] < BUYING:
            rest -= w[i]
    right = np.empty((m, 2))
    factor = np.empty((m, m))
    for a in range(m):
        i = free[a]
        pull = 0.0
        for j in range(n):
            if state[j] < BUYING and w[j] != 0.0:
                pull += sigma[i, j] * w[j]
        right[a, 0] = mu[i] - gamma * pull - (cost if state[i] == BUYING else -cost)
        right[a, 1] = 1.0
        for b in range(a + 1):
            factor[a, b] = gamma * sigma[i, free[b]]
    if not _cholesky_solve(factor, right):
        return False, 0.0
    y = (right[:, 0].sum() - rest) / right[:, 1].sum()
    for a in range(m):
        w[free[a]] = right[a, 0] - y * right[a, 1]
    return np.isfinite(y), y


@compiled
def _cholesky_solve(matrix: Floats, right: Floats) -> bool:
    """Solve matrix X = right in place, from the lower triangle; False if it is not safely positive definite."""
    n = len(matrix)
    for j in range(n):
        whole = matrix[j, j]
        rest = whole - (matrix[j, :j] ** 2).sum()
        if not rest > 1e-13 * whole:
            return False
        matrix[j, j] = np.sqrt(rest)
        for i in range(j + 1, n):
            matrix[i, j] = (matrix[i, j] - (matrix[i, :j] * matrix[j, :j]).sum()) / matrix[j, j]
    for c in range(right.shape[1]):
        for i in range(n):
            right[i, c] = (right[i, c] - (matrix[i, :i] * right[:i, c]).sum()) / matrix[i, i]
        for i in range(n - 1, -1, -1):
            right[i, c] = (right[i, c] - (matrix[i + 1 :, i] * right[i + 1 :, c]).sum()) / matrix[i, i]
    return True


@compiled
def _change(
    state: Ints,
    w: Floats,
    gradient: Floats,
    y: float,
    cost: float,
    kink: Floats,
    low: Floats,
    high: Floats,
    single: bool,
) -> int:
    """Change the states that their own answer contradicts, only the last of them if `single`; return how many do."""
    changed, last, its = 0, -1, 0
    for i in range(len(w)):
        if state[i] >= BUYING:
            wanted = _left(state[i], w[i], kink[i], low[i], high[i])
        else:
            small = 1e-12 * (abs(gradient[i]) + abs(y) + cost)
            wanted = _freed(state[i], gradient[i] + y, cost, small, kink[i], low[i], high[i])
        if wanted != state[i]:
            changed += 1
            last, its = i, wanted
            if not single:
                state[i] = wanted
    if single and changed:
        state[last] = its
    return changed


@compiled
def _left(state: int, w: float, kink: float, low: float, high: float) -> int:
    """Return the state of a free weight: the place that it ran into, or its own."""
    if state == BUYING:
        if w < kink - 1e-15:
            return HELD
        return HIGH if w > high + 1e-15 else state
    if w > kink + 1e-15:
        return HELD
    return LOW if w < low - 1e-15 else state


@compiled
def _freed(state: int, slope: float, cost: float, small: float, kink: float, low: float, high: float) -> int:
    """Return the state of a weight that is not free: free on the side on which the objective rises, or its own."""
    if state == LOW:
        return SELLING if slope - cost < -small else state
    if state == HIGH:
        return BUYING if slope + cost > small else state
    if kink < high and slope + cost < -small:
        return BUYING
    return SELLING if low < kink and slope - cost > small else state


@compiled
def _move_vertex(
    state: Ints,
    w: Floats,
    gradient: Floats,
    cost: float,
    kink: Floats,
    low: Floats,
    high: Floats,
    total: float,
) -> tuple[int, float]:
    """Judge a point at which no weight is free: the budget's multiplier is an interval, or an asset is to be freed.

    Returns
    -------
    changed : int
        0 if the point is the best one, -1 if nothing can be freed.
    y : float
        The middle of the interval.
    """
    # y must be at least what holds back the best purchase, and at most what holds back the best sale.
    floor, ceiling, buyer, seller = -np.inf, np.inf, -1, -1
    for i in range(len(w)):
        bought = -gradient[i] - (cost if w[i] >= kink[i] else -cost)
        if w[i] < high[i] and bought > floor:
            floor, buyer = bought, i
        sold = -gradient[i] - (cost if w[i] > kink[i] else -cost)
        if w[i] > low[i] and sold < ceiling:
            ceiling, seller = sold, i
    missing = total - w.sum()
    if abs(missing) <= 1e-14 and floor <= ceiling + 1e-12 * max(cost, np.abs(gradient).max()):
        return 0, _between(floor, ceiling)
    # Where the budget is met, a purchase pays for a sale; where it is not, one of them meets it.
    buys, sells = missing > -1e-14 and buyer >= 0, missing < 1e-14 and seller >= 0
    if buys and sells and seller == buyer:
        return -1, 0.0
    if buys:
        state[buyer] = BUYING if w[buyer] >= kink[buyer] else SELLING
    if sells:
        state[seller] = BUYING if w[seller] > kink[seller] else SELLING
    return (buys + sells, 0.0) if buys or sells else (-1, 0.0)


@compiled
def _between(floor: float, ceiling: float) -> float:
    """Return a number between two that may be infinite."""
    if np.isfinite(floor) and np.isfinite(ceiling):
        return 0.5 * (floor + ceiling)
    if np.isfinite(floor):
        return floor
    return ceiling if np.isfinite(ceiling) else 0.0

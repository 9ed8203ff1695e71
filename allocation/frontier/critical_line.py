"""Kernel of the critical line algorithm: the exact path of best portfolios as tolerance for risk falls to 0.

For each lambda >= 0 the problem is: maximise lambda mu'z - z'Sigma z / 2 with A z = b and low <= z <= high. Its answer
is linear in lambda between finitely many corners. Limits on sums of weights come as equations with a slack variable,
which has bounds but no mean and no variance.
"""

from __future__ import annotations

import numpy as np

from allocation.frontier.bordered_inverse import (
    FREE,
    HIGH,
    LOW,
    add_variable,
    drop_variable,
    rebuild_inverse,
    system_column,
)
from allocation.frontier.line_segments import find_next_event, solve_segment
from foundation.compiled import compiled
from foundation.types import Floats, Ints

ARRIVED, CYCLED, _SINGULAR = 0, 1, 2


@compiled
def trace_critical_line(
    mu: Floats,
    sigma: Floats,
    rows: Floats,
    right: Floats,
    low: Floats,
    high: Floats,
    state: Ints,
    z: Floats,
    stop: float,
    most: int,
) -> tuple[int, Floats, Floats]:
    """Follow the path from lambda = infinity down to `stop`; `state` and `z` are left as they are there.

    Parameters
    ----------
    mu, sigma : ndarray of shape (n,), (n, n)
        Of order 1.
    rows, right : ndarray of shape (m, n), (m,)
        A and b.
    low, high : ndarray of shape (n,)
    state : ndarray of int, shape (n,)
        LOW, HIGH or FREE at lambda = infinity; columns of A that are free have rank m.
    z : ndarray of shape (n,)
        The answer there.
    stop : float
    most : int
        Corners after which to give up.

    Returns
    -------
    verdict : int
        ARRIVED, CYCLED or SINGULAR.
    lambdas : ndarray of shape (C,)
        Not increasing; the last is `stop`.
    corners : ndarray of shape (C, n)

    Notes
    -----
    Markowitz (1956), "The optimization of a quadratic function subject to linear constraints"; Niedermayer and
    Niedermayer (2010), "Applying Markowitz's critical line algorithm", with the inverse updated rather than computed.
    """
    n, m = len(z), len(right)
    lambdas = np.empty(most)
    corners = np.empty((most, n))
    inverse = np.empty((m + n, m + n))
    free = np.empty(n, np.int64)
    count = rebuild_inverse(sigma, rows, state, free, inverse)
    if count < 0:
        return _SINGULAR, lambdas[:0], corners[:0]
    current, fresh = np.inf, True
    for corner in range(most):
        base, slope, pull, gain, sound = solve_segment(mu, sigma, rows, right, free[:count], inverse, z)
        if not sound and not fresh:
            count = rebuild_inverse(sigma, rows, state, free, inverse)
            if count < 0:
                return _SINGULAR, lambdas[:corner], corners[:corner]
            base, slope, pull, gain, sound = solve_segment(mu, sigma, rows, right, free[:count], inverse, z)
        at, who = find_next_event(base, slope, pull, gain, state, low, high, current)
        current = max(min(at, current), stop)
        _move_free(z, base, slope, free[:count], current, low, high)
        lambdas[corner] = current
        corners[corner] = z
        if at <= stop or who < 0:
            return ARRIVED, lambdas[: corner + 1], corners[: corner + 1]
        fresh = False
        if state[who] == FREE:
            state[who] = HIGH if slope[who] < 0.0 else LOW
            z[who] = high[who] if slope[who] < 0.0 else low[who]
            if not drop_variable(inverse, free, count, m, who):
                count, fresh = rebuild_inverse(sigma, rows, state, free, inverse), True
            else:
                count -= 1
        elif add_variable(inverse, free, count, m, who, sigma, rows):
            state[who] = FREE
            count += 1
        else:
            # No curvature along the way in: the answer jumps at this lambda to the next bound.
            _move_to_bound(inverse, free[:count], m, who, sigma, rows, state, z, low, high)
            count, fresh = rebuild_inverse(sigma, rows, state, free, inverse), True
        if count < 0:
            return _SINGULAR, lambdas[: corner + 1], corners[: corner + 1]
    return CYCLED, lambdas, corners


@compiled
def _move_free(
    z: Floats, base: Floats, slope: Floats, free: Ints, at: float, low: Floats, high: Floats
) -> None:
    """Put the free variables where they are at a lambda; before the first corner they do not depend on it."""
    for i in free:
        moved = slope[i] * at if slope[i] != 0.0 else 0.0
        z[i] = min(max(base[i] + moved, low[i]), high[i])


@compiled
def _move_to_bound(
    inverse: Floats,
    free: Ints,
    m: int,
    who: int,
    sigma: Floats,
    rows: Floats,
    state: Ints,
    z: Floats,
    low: Floats,
    high: Floats,
) -> None:
    """Move a variable in, and the free ones with it along a line without risk, until the first bound."""
    size = m + len(free)
    image = np.ascontiguousarray(inverse[:size, :size]) @ system_column(free, who, sigma, rows)
    sign = 1.0 if state[who] == LOW else -1.0
    room, blocker = high[who] - low[who], -1
    for a in range(len(free)):
        step = -sign * image[m + a]
        i = free[a]
        if abs(step) > 1e-11:
            until = ((high[i] if step > 0.0 else low[i]) - z[i]) / step
            if until < room:
                room, blocker = max(until, 0.0), a
    for a in range(len(free)):
        i = free[a]
        z[i] = min(max(z[i] - sign * image[m + a] * room, low[i]), high[i])
    if blocker < 0:
        z[who] = high[who] if state[who] == LOW else low[who]
        state[who] = HIGH if state[who] == LOW else LOW
        return
    z[who] += sign * room
    state[who] = FREE
    i = free[blocker]
    up = -sign * image[m + blocker] > 0.0
    state[i] = HIGH if up else LOW
    z[i] = high[i] if up else low[i]

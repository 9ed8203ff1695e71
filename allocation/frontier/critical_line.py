"""Kernel of the critical line algorithm: the exact path of best portfolios as tolerance for risk falls to 0.

For each lambda >= 0 the problem is: maximise lambda mu'z - z'Sigma z / 2 with A z = b and low <= z <= high. Its answer
is linear in lambda between finitely many corners. Limits on sums of weights come as equations with a slack variable,
which has bounds but no mean and no variance.
"""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints

LOW, HIGH, FREE = 0, 1, 2
TINY = 1e-12
"""Lambda, at means and variances of order 1, that rounding cannot tell from 0."""
ARRIVED, CYCLED, SINGULAR = 0, 1, 2


@compiled
def trace(
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
    count = _rebuild(sigma, rows, state, free, inverse)
    if count < 0:
        return SINGULAR, lambdas[:0], corners[:0]
    current, fresh = np.inf, True
    for corner in range(most):
        base, slope, pull, gain, sound = _line(mu, sigma, rows, right, state, free[:count], inverse, z)
        if not sound and not fresh:
            count = _rebuild(sigma, rows, state, free, inverse)
            if count < 0:
                return SINGULAR, lambdas[:corner], corners[:corner]
            base, slope, pull, gain, sound = _line(mu, sigma, rows, right, state, free[:count], inverse, z)
        at, who = _event(base, slope, pull, gain, state, low, high, current)
        current = max(min(at, current), stop)
        _place(z, base, slope, free[:count], current, low, high)
        lambdas[corner] = current
        corners[corner] = z
        if at <= stop or who < 0:
            return ARRIVED, lambdas[: corner + 1], corners[: corner + 1]
        fresh = False
        if state[who] == FREE:
            state[who] = HIGH if slope[who] < 0.0 else LOW
            z[who] = high[who] if slope[who] < 0.0 else low[who]
            if not _drop(inverse, free, count, m, who):
                count, fresh = _rebuild(sigma, rows, state, free, inverse), True
            else:
                count -= 1
        elif _add(inverse, free, count, m, who, sigma, rows):
            state[who] = FREE
            count += 1
        else:
            # No curvature along the way in: the answer jumps at this lambda to the next bound.
            _jump(inverse, free[:count], m, who, sigma, rows, state, z, low, high)
            count, fresh = _rebuild(sigma, rows, state, free, inverse), True
        if count < 0:
            return SINGULAR, lambdas[: corner + 1], corners[: corner + 1]
    return CYCLED, lambdas, corners


@compiled
def _rebuild(sigma: Floats, rows: Floats, state: Ints, free: Ints, inverse: Floats) -> int:
    """Invert [[0, A_F], [A_F', Sigma_F]] from scratch; return the number of free variables, -1 if it is singular."""
    m, count = len(rows), 0
    for i in range(len(state)):
        if state[i] == FREE:
            free[count] = i
            count += 1
    system = np.zeros((m + count, m + count))
    for a in range(count):
        for k in range(m):
            system[k, m + a] = rows[k, free[a]]
            system[m + a, k] = rows[k, free[a]]
        for c in range(count):
            system[m + a, m + c] = sigma[free[a], free[c]]
    if count < m:
        return -1
    if not _inverted(system):
        return -1
    inverse[: m + count, : m + count] = system
    return count


@compiled
def _inverted(matrix: Floats) -> bool:
    """Invert a matrix in place by Gauss and Jordan with pivots by column; False if it is not safely invertible."""
    n = len(matrix)
    least = 1e-13 * np.abs(matrix).max()
    swapped = np.empty(n, np.int64)
    for k in range(n):
        best = k + int(np.argmax(np.abs(matrix[k:, k])))
        if not abs(matrix[best, k]) > least:
            return False
        swapped[k] = best
        for c in range(n):
            matrix[k, c], matrix[best, c] = matrix[best, c], matrix[k, c]
        pivot = matrix[k, k]
        matrix[k, k] = 1.0
        for c in range(n):
            matrix[k, c] /= pivot
        for i in range(n):
            if i != k and matrix[i, k] != 0.0:
                times = matrix[i, k]
                matrix[i, k] = 0.0
                for c in range(n):
                    matrix[i, c] -= times * matrix[k, c]
    for k in range(n - 1, -1, -1):
        for i in range(n):
            matrix[i, k], matrix[i, swapped[k]] = matrix[i, swapped[k]], matrix[i, k]
    return True


@compiled
def _column(free: Ints, who: int, sigma: Floats, rows: Floats) -> Floats:
    """Return the column of a variable in the system of the free ones, shape (m + count,)."""
    m = len(rows)
    column = np.empty(m + len(free))
    column[:m] = rows[:, who]
    for a in range(len(free)):
        column[m + a] = sigma[free[a], who]
    return column


@compiled
def _add(inverse: Floats, free: Ints, count: int, m: int, who: int, sigma: Floats, rows: Floats) -> bool:
    """Border the inverse by a variable that becomes free; False if there is no curvature along its way."""
    size = m + count
    column = _column(free[:count], who, sigma, rows)
    image = np.ascontiguousarray(inverse[:size, :size]) @ column
    taken = column @ image
    rest = sigma[who, who] - taken
    if not rest > 1e-11 * (sigma[who, who] + (np.abs(column) * np.abs(image)).sum()):
        return False
    for a in range(size):
        step = image[a] / rest
        for c in range(size):
            inverse[a, c] += step * image[c]
        inverse[a, size] = -step
        inverse[size, a] = -step
    inverse[size, size] = 1.0 / rest
    free[count] = who
    return True


@compiled
def _drop(inverse: Floats, free: Ints, count: int, m: int, who: int) -> bool:
    """Take a variable that is no longer free out of the inverse; False if the rest is not safely invertible."""
    size, last = m + count, m + count - 1
    if count <= m:  # rounding alone can make the rest look invertible
        return False
    place = 0
    while free[place] != who:
        place += 1
    at = m + place
    # The last free variable takes its place.
    for c in range(size):
        inverse[at, c], inverse[last, c] = inverse[last, c], inverse[at, c]
    for c in range(size):
        inverse[c, at], inverse[c, last] = inverse[c, last], inverse[c, at]
    free[place] = free[count - 1]
    pivot = inverse[last, last]
    if not pivot > 1e-13 * np.abs(inverse[last, :size]).max():
        return False
    for a in range(last):
        step = inverse[a, last] / pivot
        for c in range(last):
            inverse[a, c] -= step * inverse[last, c]
    return True


@compiled
def _line(
    mu: Floats,
    sigma: Floats,
    rows: Floats,
    right: Floats,
    state: Ints,
    free: Ints,
    inverse: Floats,
    z: Floats,
) -> tuple[Floats, Floats, Floats, Floats, bool]:
    """Return the answer base + lambda slope, the gradient pull + lambda gain, and whether equations hold.

    The gradient of the free variables is 0: what it is not says how far the inverse has drifted.
    """
    m, count = len(rows), len(free)
    size = m + count
    base, slope = z.copy(), np.zeros(len(z))
    base[free] = 0.0
    first, second = np.zeros(size), np.zeros(size)
    first[:m] = right - rows @ base
    fixed = sigma @ base
    for a in range(count):
        first[m + a] = -fixed[free[a]]
        second[m + a] = mu[free[a]]
    inner = np.ascontiguousarray(inverse[:size, :size])
    first, second = inner @ first, inner @ second
    # A row of the inverse that ought to be 0 holds what rounding left of the others.
    noise = 1e-13 * np.abs(inner[m:, m:]).max() * np.abs(mu[free]).max()
    for a in range(count):
        base[free[a]] = first[m + a]
        slope[free[a]] = second[m + a] if abs(second[m + a]) > noise else 0.0
    pull = -(sigma @ base) - first[:m] @ rows
    paid = second[:m] @ rows
    gain = mu - sigma @ slope - paid
    size_of = 1e-12 * (1.0 + np.abs(mu).max() + np.abs(paid).max())
    worst = 0.0
    for a in range(count):
        worst = max(worst, abs(pull[free[a]]), abs(gain[free[a]]))
    for i in range(len(z)):
        if abs(gain[i]) <= size_of:
            gain[i] = 0.0
    apart = np.abs(rows @ base - right).max()
    return base, slope, pull, gain, worst <= 1e3 * size_of and apart <= 1e-12 * (1.0 + np.abs(right).max())


@compiled
def _event(
    base: Floats,
    slope: Floats,
    pull: Floats,
    gain: Floats,
    state: Ints,
    low: Floats,
    high: Floats,
    current: float,
) -> tuple[float, int]:
    """Return the next lambda at which a variable meets a bound or leaves it, and which; (0, -1) if there is none."""
    best, who = TINY, -1
    for i in range(len(base)):
        at = -1.0
        if state[i] == FREE:
            if slope[i] > 0.0:
                at = (low[i] - base[i]) / slope[i]
            elif slope[i] < 0.0:
                at = (high[i] - base[i]) / slope[i]
        elif low[i] < high[i] and (gain[i] < 0.0 if state[i] == LOW else gain[i] > 0.0):
            at = -pull[i] / gain[i]
        at = min(at, current)
        if at > best:
            best, who = at, i
    return (best, who) if who >= 0 else (0.0, -1)


@compiled
def _place(z: Floats, base: Floats, slope: Floats, free: Ints, at: float, low: Floats, high: Floats) -> None:
    """Put the free variables where they are at a lambda; before the first corner they do not depend on it."""
    for i in free:
        moved = slope[i] * at if slope[i] != 0.0 else 0.0
        z[i] = min(max(base[i] + moved, low[i]), high[i])


@compiled
def _jump(
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
    image = np.ascontiguousarray(inverse[:size, :size]) @ _column(free, who, sigma, rows)
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

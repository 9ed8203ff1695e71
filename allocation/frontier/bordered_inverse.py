"""Inverse of the system of the free variables, [[0, A_F], [A_F', Sigma_F]]^-1, updated as variables enter and leave."""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints

LOW, HIGH, FREE = 0, 1, 2
"""State of a variable: at a bound, or free."""


@compiled
def rebuild_inverse(sigma: Floats, rows: Floats, state: Ints, free: Ints, inverse: Floats) -> int:
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
    if not _invert(system):
        return -1
    inverse[: m + count, : m + count] = system
    return count


@compiled
def _invert(matrix: Floats) -> bool:
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
def system_column(free: Ints, who: int, sigma: Floats, rows: Floats) -> Floats:
    """Return the column of a variable in the system of the free ones, shape (m + count,)."""
    m = len(rows)
    column = np.empty(m + len(free))
    column[:m] = rows[:, who]
    for a in range(len(free)):
        column[m + a] = sigma[free[a], who]
    return column


@compiled
def add_variable(
    inverse: Floats, free: Ints, count: int, m: int, who: int, sigma: Floats, rows: Floats
) -> bool:
    """Border the inverse by a variable that becomes free; False if there is no curvature along its way."""
    size = m + count
    column = system_column(free[:count], who, sigma, rows)
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
def drop_variable(inverse: Floats, free: Ints, count: int, m: int, who: int) -> bool:
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

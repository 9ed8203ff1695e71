"""Kernels of one segment of the critical line: the answer on it, and the lambda at which it ends."""

from __future__ import annotations

import numpy as np

from allocation.frontier.bordered_inverse import FREE, LOW
from foundation.compiled import compiled
from foundation.types import Floats, Ints

_TINY = 1e-12
"""Lambda, at means and variances of order 1, that rounding cannot tell from 0."""


@compiled
def solve_segment(
    mu: Floats,
    sigma: Floats,
    rows: Floats,
    right: Floats,
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
def find_next_event(
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
    best, who = _TINY, -1
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

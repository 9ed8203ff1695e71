"""Semi-continuous weights: 0 or a position of some size, at most K of them; and what bounds such a problem from below.

A covariance is split as Sigma = R + diag(d) with R positive semidefinite. The objective lies above the tangent of R's
part, and the remainder is one function of one weight per asset, of which at most K may leave their value at 0: a bound
for any point of the tangent and any prices of the limits, computed exactly by sorting.

Notes
-----
The split is that of Frangioni and Gentile (2006), *Mathematical Programming* 106, 225-236; maximised over tangents and
prices, the bound is their perspective relaxation with the hull of each asset's weights.
"""

from __future__ import annotations

import numpy as np

from allocation.covariance_types import FactorCovariance, Risk
from foundation.compiled import compiled
from foundation.types import Floats, Ints

ZERO, LONG, SHORT = 1, 2, 4
"""Allowed positions of an asset: a sum of these flags."""
_SWEEPS = 12


def split_diagonal(sigma: Risk) -> Floats:
    """Return d of shape (n,), 0 or more and nearly as large in sum as can be, so that Sigma - diag(d) is semidefinite.

    The specific variances of a covariance by factors; else by coordinate ascent on sum d + rho log det(Sigma - diag d).
    """
    if isinstance(sigma, FactorCovariance):
        return np.array(sigma.specific)
    n, diagonal = len(sigma), np.asarray(sigma.diagonal(), dtype=np.float64)
    root = np.sqrt(np.maximum(diagonal, 1e-300))
    least = float(np.linalg.eigvalsh(sigma / np.outer(root, root))[0])
    if least <= 1e-9:
        return np.zeros(n)
    d = 0.5 * least * diagonal
    inverse = np.linalg.inv(sigma - np.diag(d))
    for sweep in range(_SWEEPS):
        d = _ascend(np.ascontiguousarray(inverse), d, diagonal * 0.3 * least * 0.5**sweep)
        inverse = np.linalg.inv(sigma - np.diag(d))
    d *= 1 - 1e-9
    while not _definite(sigma - np.diag(d)):
        d *= 0.5
        if not d.max() > 1e-12 * diagonal.max():
            return np.zeros(n)
    return d


def _definite(matrix: Floats) -> bool:
    try:
        np.linalg.cholesky(matrix)
    except np.linalg.LinAlgError:
        return False
    return True


@compiled
def _ascend(inverse: Floats, d: Floats, rho: Floats) -> Floats:
    """Raise or lower each entry of d once to where the diagonal of the inverse is 1 / rho."""
    out = d.copy()
    for i in range(len(d)):
        step = max(1.0 / inverse[i, i] - rho[i], -out[i])
        out[i] += step
        column = inverse[:, i].copy()
        inverse += (step / (1.0 - step * column[i])) * np.outer(column, column)
    return out


def find_intervals(low: Floats, high: Floats, minimum: float) -> tuple[Floats, Ints]:
    """Return the weights that each asset may have, and what it may be.

    Parameters
    ----------
    low, high : ndarray of shape (n,)
    minimum : float
        Smallest position, 0 or more.

    Returns
    -------
    pieces : ndarray of shape (n, 4)
        Lowest and highest long weight, lowest and highest short weight.
    allowed : ndarray of int, shape (n,)
    """
    out = np.column_stack([np.maximum(low, minimum), high, low, np.minimum(high, -minimum)])
    allowed = np.where((low <= 0) & (high >= 0), ZERO, 0)
    allowed += np.where((out[:, 0] <= out[:, 1]) & (high > 0), LONG, 0)
    allowed += np.where((out[:, 2] <= out[:, 3]) & (low < 0), SHORT, 0)
    return out, allowed.astype(np.int64)


@compiled
def find_hull(pieces: Floats, allowed: Ints) -> tuple[Floats, Floats]:
    """Return the least and the largest weight that each asset may have."""
    n = len(allowed)
    low, high = np.full(n, np.inf), np.full(n, -np.inf)
    for i in range(n):
        if allowed[i] & ZERO:
            low[i], high[i] = 0.0, 0.0
        if allowed[i] & LONG:
            low[i], high[i] = min(low[i], pieces[i, 0]), max(high[i], pieces[i, 1])
        if allowed[i] & SHORT:
            low[i], high[i] = min(low[i], pieces[i, 2]), max(high[i], pieces[i, 3])
    return low, high


@compiled
def _value(w: float, q: float, r: float, cost: float, gross: float, held: float) -> float:
    return q * w + 0.5 * r * w * w + cost * abs(w - held) + gross * abs(w)


@compiled
def _least(q: float, r: float, cost: float, gross: float, held: float, low: float, high: float) -> float:
    """Return the least of q w + r/2 w^2 + cost |w - held| + gross |w| over low <= w <= high."""
    best = min(_value(low, q, r, cost, gross, held), _value(high, q, r, cost, gross, held))
    if low < held < high:
        best = min(best, _value(held, q, r, cost, gross, held))
    if low < 0.0 < high:
        best = min(best, _value(0.0, q, r, cost, gross, held))
    if r > 0.0:
        for a in (-1.0, 1.0):
            for b in (-1.0, 1.0):
                w = -(q + a * cost + b * gross) / r
                if low < w < high:
                    best = min(best, _value(w, q, r, cost, gross, held))
    return best


@compiled
def minimise_separable(
    q: Floats, r: Floats, cost: Floats, gross: float, held: Floats, pieces: Floats, allowed: Ints, most: int
) -> tuple[float, Floats, Floats]:
    """Return the least of sum q w + r/2 w^2 + cost |w - held| + gross |w| over allowed weights, at most `most` not 0.

    Returns
    -------
    least : float
        Infinite if more assets must be held than may be.
    held_more, unheld_more : ndarray of shape (n,)
        How much more the least is if an undecided asset must be held, or must not.
    """
    n, total, room = len(q), 0.0, most
    gain = np.full(n, np.inf)
    for i in range(n):
        inside = np.inf
        if allowed[i] & LONG:
            inside = min(inside, _least(q[i], r[i], cost[i], gross, held[i], pieces[i, 0], pieces[i, 1]))
        if allowed[i] & SHORT:
            inside = min(inside, _least(q[i], r[i], cost[i], gross, held[i], pieces[i, 2], pieces[i, 3]))
        if allowed[i] & ZERO:
            nothing = cost[i] * abs(held[i])
            total += nothing
            gain[i] = inside - nothing
        else:
            total += inside
            room -= 1
    if room < 0:
        return np.inf, np.zeros(n), np.zeros(n)
    taken, more, less = _chosen(gain, room)
    return total + taken, more, less


@compiled
def _chosen(gain: Floats, room: int) -> tuple[float, Floats, Floats]:
    """Return the least sum of `room` gains or fewer, and how much more it is with or without each of them.

    An infinite gain is no choice.
    """
    n, total = len(gain), 0.0
    more, less = np.zeros(n), np.zeros(n)
    order = np.argsort(gain)
    # What a place is worth: the gain of the last asset that takes one, and of the first that does not.
    last = min(gain[order[room - 1]], 0.0) if 0 < room <= n else (-np.inf if room == 0 else 0.0)
    following = min(gain[order[room]], 0.0) if room < n else 0.0
    for place in range(n):
        i = order[place]
        if gain[i] == np.inf:
            break
        if place < room:
            total += min(gain[i], 0.0)
            more[i] = max(gain[i], 0.0)
            less[i] = max(following - gain[i], 0.0) if gain[i] < 0 else 0.0
        else:
            more[i] = gain[i] - last
    return total, more, less

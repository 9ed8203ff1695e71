"""Position shares: how large a part of a position each asset counts as in the relaxation."""

from __future__ import annotations

import numpy as np

from allocation.cardinality.semicontinuous import ZERO
from foundation.compiled import compiled
from foundation.types import Floats, Ints


@compiled
def find_shares(w: Floats, curvature: Floats, pieces: Floats, allowed: Ints, most: int) -> Floats:
    """Return the shares z of a position that are best for weights `w`, which sum to `most` at most if they can.

    They minimise sum curvature_i w_i^2 / z_i for undecided assets, with |w| no more than z of the largest position and
    no less than z of the smallest; 1 for assets that are held.
    """
    least, largest, reach = _share_limits(w, curvature, pieces, allowed)
    low, high = 0.0, 1e-6 / max(reach.max(), 1e-300)
    while _sum_of_shares(high, least, largest, reach) <= most:
        if high > 1e12 / max(reach.max(), 1e-300):
            break
        low, high = high, 4.0 * high
    for _ in range(40):
        middle = 0.5 * (low + high)
        if _sum_of_shares(middle, least, largest, reach) > most:
            high = middle
        else:
            low = middle
    return np.minimum(np.maximum(low * reach, least), largest)


@compiled
def _share_limits(
    w: Floats, curvature: Floats, pieces: Floats, allowed: Ints
) -> tuple[Floats, Floats, Floats]:
    """Return the least and the largest share of each asset, and what the best shares are proportional to."""
    n = len(w)
    least, largest, reach = np.zeros(n), np.ones(n), np.zeros(n)
    for i in range(n):
        if not allowed[i] & ZERO:
            least[i] = 1.0
        elif allowed[i] == ZERO or w[i] == 0.0:
            largest[i] = 0.0
        else:
            cap = pieces[i, 1] if w[i] > 0 else -pieces[i, 2]
            size = pieces[i, 0] if w[i] > 0 else -pieces[i, 3]
            least[i] = min(abs(w[i]) / cap, 1.0) if cap > 0 else 1.0
            if size > 0:
                largest[i] = max(min(abs(w[i]) / size, 1.0), least[i])
            reach[i] = abs(w[i]) * np.sqrt(curvature[i])
    return least, largest, reach


@compiled
def _sum_of_shares(factor: float, least: Floats, largest: Floats, reach: Floats) -> float:
    return float(np.minimum(np.maximum(factor * reach, least), largest).sum())

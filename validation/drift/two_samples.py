"""Tests for one distribution of two samples: Kolmogorov-Smirnov, and the population stability index."""

from __future__ import annotations

import math

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats
from validation.errors import StatisticError

_MOST_CELLS = 200_000
"""Of the lattice of an exact p-value: half a millisecond."""
_LIMIT_LAW = 100
"""Values in the smaller sample from which on the limit law serves where the lattice is too large."""


def ks_p_value(distance: float, n: int, m: int) -> float:
    """Return the chance of so large a distance between samples of n and m independent values of one distribution.

    Parameters
    ----------
    distance : float
        Largest distance between the empirical distribution functions.
    n, m : int
        Sizes: of dependent values, the numbers of independent ones that say as much.

    Raises
    ------
    StatisticError
        If a size is below 1.

    Notes
    -----
    Exact: the share of lattice paths from (0, 0) to (n, m) that leave the band |i/n - j/m| < d, Hodges (1958), *Arkiv
    för Matematik* 3, 469-486. Beyond `_MOST_CELLS` the limit law of Smirnov (1948) or, beside a short sample, for which
    that is not right, a long one that is cut: the p-value is a little too large. Exact for continuous distributions;
    with ties too large.
    """
    if min(n, m) < 1:
        raise StatisticError(f"samples of {n} and {m}: expected at least one value in each")
    long, short = max(n, m), min(n, m)
    if long * short > _MOST_CELLS:
        if short >= _LIMIT_LAW:
            from scipy.special import kolmogorov

            return float(kolmogorov(math.sqrt(n * m / (n + m)) * distance))
        long = _MOST_CELLS // short
    # Distances are multiples of 1/(n m): half of one is far above rounding.
    return float(_count_leaving(distance - 0.5 / (long * short), long, short))


@compiled
def _count_leaving(limit: float, long: int, short: int) -> float:
    """Return the share of paths to (long, short) that come to a point with |j/long - i/short| >= limit.

    A path comes to (i, j) from (i, j - 1) in a share j/(i + j) of all, and from (i - 1, j) in the rest.
    """
    left = np.zeros(long + 1)
    for i in range(short + 1):
        for j in range(long + 1):
            if abs(j / long - i / short) >= limit:
                left[j] = 1.0
            elif i + j == 0:
                left[j] = 0.0
            else:
                beside = left[j - 1] * j if j > 0 else 0.0
                left[j] = (beside + left[j] * i) / (i + j)
    return float(left[long])


def stability_index(reference: Floats, recent: Floats) -> Floats:
    """Return the sum over bins of (p - q) log(p / q), where p and q are the shares of two samples in each bin.

    Parameters
    ----------
    reference, recent : ndarray of shape (..., B)
        Counts, not necessarily whole; the leading dimensions are broadcast.

    Returns
    -------
    ndarray of shape (...)
        Also called Jeffreys' divergence. By credit scorers' custom 0.1 is some shift and 0.25 a large one, but
        samples of n and m of one distribution differ by about (B - 1) (1/n + 1/m) by chance: 0.75 for 12 of 10 bins.

    Notes
    -----
    Siddiqi (2006), *Credit Risk Scorecards*; by chance: Yurdakul and Naranjo (2020), *Journal of Risk Model
    Validation* 14, 89-100. A bin that is empty in one sample would make the sum infinite: each sample is given one
    more observation, shared out over the bins as both samples together are.
    """
    n, m = reference.sum(axis=-1, keepdims=True), recent.sum(axis=-1, keepdims=True)
    together = (reference + recent) / (n + m)
    p, q = (recent + together) / (m + 1), (reference + together) / (n + 1)
    some = together > 0
    ratio = np.where(some, p, 1.0) / np.where(some, q, 1.0)
    return np.asarray(((p - q) * np.log(ratio)).sum(axis=-1))

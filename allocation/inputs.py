"""Inputs of one decision: shapes and numbers checked, at the cost of one look at each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allocation.errors import InputError
from allocation.structure import FactorCovariance, Risk, within
from features.compiled import compiled

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]


def members(position: int, assets: Sequence[str], universe: Bools) -> Ints:
    """Return the indices of the assets that may be held.

    Raises
    ------
    InputError
        If there are none, or `universe` is not of shape (N,).
    """
    if universe.shape != (len(assets),):
        raise InputError(f"row {position}: universe has shape {universe.shape}, expected ({len(assets)},)")
    inside = np.flatnonzero(universe)
    if not len(inside):
        raise InputError(f"row {position}: the universe is empty")
    return inside.astype(np.int64)


def means(position: int, assets: Sequence[str], mu: Floats, inside: Ints) -> Floats:
    """Return the expected returns of the assets `inside`, shape (n,).

    Raises
    ------
    InputError
        If `mu` is not of shape (N,), or one of them is not finite.
    """
    if mu.shape != (len(assets),):
        raise InputError(f"row {position}: expected returns have shape {mu.shape}, expected ({len(assets)},)")
    inner = np.ascontiguousarray(mu[inside], dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(inner))
    if len(bad):
        raise InputError(
            f"row {position}: the expected return of {assets[inside[bad[0]]]!r} is {inner[bad[0]]}"
        )
    return inner


def covariance(position: int, assets: Sequence[str], sigma: Risk, inside: Ints) -> Risk:
    """Return the covariance of the assets `inside`, contiguous in memory.

    That it is positive semidefinite is not checked here: that costs as much as the solution of most problems, and
    what comes of an indefinite matrix fails its certificate.

    Raises
    ------
    InputError
        If shape, symmetry or a number is wrong, or a variance is not positive.
    """
    n = len(assets)
    if len(sigma) != n or (not isinstance(sigma, FactorCovariance) and sigma.shape != (n, n)):
        shape = f"{len(sigma)} assets" if isinstance(sigma, FactorCovariance) else f"shape {sigma.shape}"
        raise InputError(f"row {position}: the covariance has {shape}, expected {n} assets")
    inner = sigma if len(inside) == n else within(sigma, inside)
    if isinstance(inner, FactorCovariance):
        loadings = np.ascontiguousarray(inner.loadings, dtype=np.float64)
        inner = FactorCovariance(loadings, np.ascontiguousarray(inner.specific, dtype=np.float64))
        finite = np.isfinite(loadings.sum(axis=1)) & np.isfinite(inner.specific)
        bad, symmetric = int(np.argmin(finite)) if not finite.all() else -1, True
        if bool((inner.specific < 0).any()):
            where = int(np.argmin(inner.specific))
            raise InputError(
                f"row {position}: the specific variance of {assets[inside[where]]!r} is negative"
            )
    else:
        inner = np.ascontiguousarray(inner, dtype=np.float64)
        bad, symmetric = _seen(inner)
    if bad >= 0:
        raise InputError(f"row {position}: the covariance of {assets[inside[bad]]!r} is not finite")
    if not symmetric:
        raise InputError(f"row {position}: the covariance is not symmetric")
    variances = inner.diagonal()
    if not float(variances.min()) > 0:
        where = int(np.argmin(variances))
        raise InputError(
            f"row {position}: the variance of {assets[inside[where]]!r} is {variances[where]:g}, "
            "expected more than 0"
        )
    return inner


@compiled
def _seen(sigma: Floats) -> tuple[int, bool]:
    """Return the first row that is not finite (or -1), and whether the matrix is symmetric to 1e-9 of its size."""
    n = len(sigma)
    limit = 0.0
    for i in range(n):
        limit = max(limit, 1e-9 * abs(sigma[i, i]))
    sound = True
    # Blocks: the transpose of a large matrix read by columns would miss the cache at each entry.
    for first in range(0, n, 32):
        for second in range(0, first + 1, 32):
            for i in range(first, min(first + 32, n)):
                for j in range(second, min(second + 32, i + 1)):
                    # Of what is not finite the difference is NaN, which is within nothing.
                    sound &= abs(sigma[i, j] - sigma[j, i]) <= limit
    if sound:
        return -1, True
    for i in range(n):
        if not np.isfinite(sigma[i]).all():
            return i, True
    return -1, False

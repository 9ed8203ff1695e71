"""Checks of a covariance: finite, symmetric, positive semidefinite, and of full rank."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from allocation.covariance_types import FactorCovariance, Risk, select_covariance, to_dense
from allocation.errors import InputError
from foundation.compiled import compiled
from foundation.types import Floats, Ints

_SINGULAR = 1e-12
"""An eigenvalue of a smaller share of the largest counts as 0 when a failure is explained."""
SEMIDEFINITE = 1e-9
"""How far an eigenvalue may lie below 0 by rounding, as a share of the mean variance."""


def check_covariance(
    position: int, assets: Sequence[str], sigma: Risk, inside: Ints, validate: bool = True
) -> Risk:
    """Return the covariance of the assets `inside`, contiguous in memory.

    Raises
    ------
    InputError
        If the shape is wrong, a variance is not positive, or (with `validate`) a number is not finite or the covariance
        is not symmetric positive semidefinite.
    """
    inner = _select_contiguous(position, sigma, inside, len(assets))
    wrong = describe_fault(inner, [assets[i] for i in inside]) if validate else ""
    if wrong:
        raise InputError(f"row {position}: {wrong}")
    variances = inner.diagonal()
    if not float(variances.min()) > 0:
        where = int(np.argmin(variances))
        raise InputError(
            f"row {position}: the variance of {assets[inside[where]]!r} is {variances[where]:g}, "
            "expected more than 0"
        )
    return inner


def _select_contiguous(position: int, sigma: Risk, inside: Ints, n: int) -> Risk:
    """Return the covariance of the assets `inside` of n, which it must have."""
    if len(sigma) != n or (not isinstance(sigma, FactorCovariance) and sigma.shape != (n, n)):
        shape = f"{len(sigma)} assets" if isinstance(sigma, FactorCovariance) else f"shape {sigma.shape}"
        raise InputError(f"row {position}: the covariance has {shape}, expected {n} assets")
    inner = sigma if len(inside) == n else select_covariance(sigma, inside)
    if isinstance(inner, FactorCovariance):
        loadings = np.ascontiguousarray(inner.loadings, dtype=np.float64)
        return FactorCovariance(loadings, np.ascontiguousarray(inner.specific, dtype=np.float64))
    return np.ascontiguousarray(inner, dtype=np.float64)


def describe_fault(sigma: Risk, assets: Sequence[str]) -> str:
    """Return why a covariance is invalid, "" if it is finite, symmetric and positive semidefinite.

    An eigenvalue of at least minus `SEMIDEFINITE` times the mean variance counts as 0.
    """
    wrong = _fault(sigma, assets)
    if wrong or isinstance(sigma, FactorCovariance):
        return wrong
    lifted = np.array(sigma, dtype=np.float64)  # by the tolerance of the smallest eigenvalue
    lifted.flat[:: len(lifted) + 1] += SEMIDEFINITE * max(float(np.trace(lifted)) / len(lifted), 1e-300)
    try:
        np.linalg.cholesky(lifted)
    except np.linalg.LinAlgError:
        smallest = float(np.linalg.eigvalsh(sigma)[0])
        return f"the covariance is not positive semidefinite (smallest eigenvalue {smallest:.3g})"
    return ""


def describe_singularity(sigma: Risk) -> str:
    """Return that a covariance has no full rank and what to do, "" if it has."""
    eigenvalues = np.linalg.eigvalsh(to_dense(sigma))
    rank = int((eigenvalues > _SINGULAR * float(eigenvalues[-1])).sum())
    if rank == len(eigenvalues):
        return ""
    return (
        f"the covariance of {len(eigenvalues)} assets has rank {rank}, so portfolios without risk exist; use more rows "
        "than assets, fewer assets, or an estimator of full rank such as ledoit_wolf, oas or factor"
    )


def _fault(sigma: Risk, assets: Sequence[str]) -> str:
    """Return what is not finite, not symmetric, or a negative specific variance; "" if nothing is."""
    if isinstance(sigma, FactorCovariance):
        finite = np.isfinite(sigma.loadings.sum(axis=1)) & np.isfinite(sigma.specific)
        bad, symmetric = int(np.argmin(finite)) if not finite.all() else -1, True
        if bool((sigma.specific < 0).any()):
            return f"the specific variance of {assets[int(np.argmin(sigma.specific))]!r} is negative"
    else:
        bad, symmetric = _seen(np.ascontiguousarray(sigma, dtype=np.float64))
    if bad >= 0:
        return f"the covariance of {assets[bad]!r} is not finite"
    return "" if symmetric else "the covariance is not symmetric"


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
                    # A difference of numbers that are not finite is NaN and fails the comparison.
                    sound &= abs(sigma[i, j] - sigma[j, i]) <= limit
    if sound:
        return -1, True
    for i in range(n):
        if not np.isfinite(sigma[i]).all():
            return i, True
    return -1, False

"""Forms of a covariance: a dense matrix, or factors that are never multiplied out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocation.errors import InputError
from foundation.types import Bools, Floats

_Indices = NDArray[np.bool_] | NDArray[np.intp]


@dataclass(frozen=True, eq=False)
class FactorCovariance:
    """Sigma = B B' + diag(d): K uncorrelated factors of variance 1, and specific variances.

    Attributes
    ----------
    loadings : ndarray of shape (N, K)
        B, in units of return: the covariance F of correlated factors is inside, B = loadings @ cholesky(F).
    specific : ndarray of shape (N,)
        d, variances of what the factors do not explain, 0 or more.

    Raises
    ------
    InputError
        If shapes do not fit.
    """

    loadings: Floats
    specific: Floats

    def __post_init__(self) -> None:
        """Check the shapes."""
        if self.loadings.ndim != 2 or self.specific.shape != self.loadings.shape[:1]:
            raise InputError(
                f"loadings of shape {self.loadings.shape} and specific variances of shape {self.specific.shape}, "
                "expected (N, K) and (N,)"
            )

    def __len__(self) -> int:
        """Return the number of assets."""
        return len(self.specific)

    def __matmul__(self, w: Floats) -> Floats:
        """Return Sigma w for `w` of shape (N,), in N K operations."""
        return np.asarray(self.loadings @ (self.loadings.T @ w) + self.specific * w)

    def diagonal(self) -> Floats:
        """Return the variances, shape (N,)."""
        return np.asarray(np.square(self.loadings).sum(axis=1) + self.specific)


Risk = Floats | FactorCovariance
"""A covariance, dense of shape (N, N) or by factors. Both know `len`, `@ w` and `.diagonal()`."""


def to_dense(sigma: Risk) -> Floats:
    """Return the covariance as a matrix of shape (N, N)."""
    if isinstance(sigma, FactorCovariance):
        full = sigma.loadings @ sigma.loadings.T
        full[np.diag_indices(len(full))] += sigma.specific
        return np.asarray(full)
    return sigma


def select_covariance(sigma: Risk, inside: _Indices) -> Risk:
    """Return the covariance of some of the assets, by indices or by a mask of shape (N,)."""
    if isinstance(sigma, FactorCovariance):
        return FactorCovariance(sigma.loadings[inside], sigma.specific[inside])
    return np.asarray(sigma[np.ix_(inside, inside)])


def scale_covariance(sigma: Risk, factor: float) -> Risk:
    """Return `factor` times the covariance, as for another horizon; factor is 0 or more."""
    if isinstance(sigma, FactorCovariance):
        return FactorCovariance(sigma.loadings * np.sqrt(factor), sigma.specific * factor)
    return np.asarray(sigma * factor)


def spread_covariance(sigma: Risk, universe: Bools) -> Risk:
    """Return a covariance of the n assets of a universe as one of all N assets, NaN outside."""
    n = len(universe)
    if isinstance(sigma, FactorCovariance):
        loadings, specific = np.full((n, sigma.loadings.shape[1]), np.nan), np.full(n, np.nan)
        loadings[universe], specific[universe] = sigma.loadings, sigma.specific
        return FactorCovariance(loadings, specific)
    full = np.full((n, n), np.nan)
    full[np.ix_(universe, universe)] = sigma
    return full

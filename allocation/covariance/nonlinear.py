"""Non-linear shrinkage: each eigenvalue of the sample covariance by its own amount, as the others around it tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from allocation.covariance.estimator import MomentEstimator
from allocation.covariance.moments import Moments
from allocation.errors import InputError
from foundation.types import Bools, Floats

FEWEST_ROWS = 13
"""With fewer, one of them taken by the mean, the formulas are not defined (the paper's own code stops there too)."""

_FAR, _TERMS = 20.0, 10
"""Where the kernel's transform is taken from its series, and how many terms that has: 1e-16 is left of it."""


@dataclass(frozen=True)
class NonlinearShrinkage(MomentEstimator):
    """The analytical estimator: it keeps the sample's eigenvectors, and loses least on average in Frobenius' norm.

    The divisor is one less than the number of rows, as the paper's code does it; the other estimators divide by the
    number. With holes, the number of rows is that of an average pair of assets.

    Directions in which the returns never moved although there were rows enough to see it (a constant asset, or the
    difference of two that are the same) keep a variance of 0: the formulas are applied in the space of the others.

    Raises
    ------
    InputError
        By `estimate`, if there are fewer than 13 rows.

    Notes
    -----
    Ledoit and Wolf (2020), "Analytical nonlinear shrinkage of large-dimensional covariance matrices", *Annals of
    Statistics* 48, 3043-3065, section 4, and its appendix on more assets than rows.
    """

    semidefinite: ClassVar[bool] = True

    def from_moments(self, moments: Moments) -> Floats:
        """Return the covariance (N, N)."""
        n = int(moments.rows) - 1
        if n + 1 < FEWEST_ROWS:
            raise InputError(f"nonlinear shrinkage needs {FEWEST_ROWS} rows, got {moments.rows:.4g}")
        values, vectors = np.linalg.eigh(moments.to_definite() * (moments.rows / n))
        root = vectors * np.sqrt(_shrink_eigenvalues(values, n))
        return np.asarray(root @ root.T)


def _find_nonzero(values: Floats, n: int) -> Bools:
    """Return which eigenvalues are not 0 but for rounding: at most `n` of them can be."""
    seen = values > max(values[-1], 0.0) * max(len(values), n) * np.finfo(float).eps
    seen[: max(0, len(values) - n)] = False
    return np.asarray(seen)


def _shrink_eigenvalues(values: Floats, n: int) -> Floats:
    """Return the eigenvalues of the estimate.

    Parameters
    ----------
    values : ndarray of shape (N,)
        Eigenvalues of the sample covariance, smallest first.
    n : int
        Rows less the one that the mean took, 12 or more.
    """
    p, seen = len(values), _find_nonzero(values, n)
    out, lam, rank = np.zeros(p), values[seen], int(seen.sum())
    if rank == 0:
        return out
    density, transform = _kernel_estimates(lam, n)
    # With fewer than min(p, n), the returns lie in a space of that many dimensions: what is outside did not move.
    if p > n and rank == n:
        out[~seen] = _null_eigenvalue(lam, p, n)
        out[seen] = 1.0 / (np.pi**2 * lam * (density**2 + transform**2))
    else:
        c = rank / n
        out[seen] = lam / ((np.pi * c * lam * density) ** 2 + (1 - c - np.pi * c * lam * transform) ** 2)
    return out


def _kernel_estimates(lam: Floats, n: int) -> tuple[Floats, Floats]:
    """Return the density of positive eigenvalues and its Hilbert transform, at each of them.

    The kernel is Epanechnikov's, its bandwidth n^(-1/3) times the eigenvalue that it sits on.
    """
    width = n ** (-1 / 3) * lam[None, :]
    x = (lam[:, None] - lam[None, :]) / width
    density = 3 / (4 * np.sqrt(5)) * np.maximum(1 - x**2 / 5, 0.0)
    return (density / width).mean(axis=1), (_hilbert_transform(x) / width).mean(axis=1)


def _hilbert_transform(x: Floats) -> Floats:
    """Return the Hilbert transform of Epanechnikov's kernel of variance 1.

    Far out the closed form is a difference of large numbers that are almost the same: with an eigenvalue a million
    times as large as another, no digit of it would be right. There its series in 1 / x is used.
    """
    far = np.abs(x) > _FAR
    near = np.where(far, 0.0, x)
    edge = np.abs(near) == np.sqrt(5)
    inside = np.where(edge, 0.0, near)
    logarithm = np.where(edge, 0.0, np.log(np.abs((np.sqrt(5) - inside) / (np.sqrt(5) + inside))))
    closed = -3 / (10 * np.pi) * near + 3 / (4 * np.sqrt(5) * np.pi) * (1 - near**2 / 5) * logarithm
    inverse = 1 / np.where(far, x, np.inf)
    # The kernel's moments of order 2 j are 5^j 3 / ((2 j + 1) (2 j + 3)).
    series = sum(5.0**j * 3 / ((2 * j + 1) * (2 * j + 3)) * inverse ** (2 * j + 1) for j in range(_TERMS))
    return np.where(far, -series / np.pi, closed)


def _null_eigenvalue(lam: Floats, p: int, n: int) -> float:
    """Return what the p - n directions without any row get, when there are more assets than rows."""
    h = n ** (-1 / 3)
    logarithm = np.log((1 + np.sqrt(5) * h) / (1 - np.sqrt(5) * h))
    scale = 3 / (10 * h**2) + 3 / (4 * np.sqrt(5) * h) * (1 - 1 / (5 * h**2)) * logarithm
    transform = scale / np.pi * float((1 / lam).mean())
    return float(1 / (np.pi * (p - n) / n * transform))

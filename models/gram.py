"""Penalised least squares from the Gram matrix: everything a path needs of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from sklearn.linear_model import enet_path

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Gram:
    """Second moments of centred data.

    Attributes
    ----------
    G : ndarray of shape (K, K)
        X'X / n.
    q : ndarray of shape (K,)
        X'y / n.
    n : int
        Rows.
    """

    G: Floats
    q: Floats
    n: int

    @classmethod
    def of(cls, X: Floats, y: Floats) -> Gram:
        """Accumulate the moments of X (n, K) and y (n,), which are already centred."""
        n = len(y)
        return cls(X.T @ X / n, X.T @ y / n, n)


def ridge_path(gram: Gram, penalties: Floats) -> Floats:
    """Return the ridge coefficients for each penalty, shape (K, P).

    Minimises ||y - Xb||^2 + penalty ||b||^2, the objective of `sklearn.linear_model.Ridge`, by one
    eigendecomposition of the Gram matrix for the whole path.
    """
    some = _varying(gram)
    values, vectors = scipy.linalg.eigh(gram.G[np.ix_(some, some)], driver="evd", check_finite=False)
    along = vectors.T @ gram.q[some]
    shrunk = along[:, None] / (np.maximum(values, 0.0)[:, None] + penalties[None, :] / gram.n)
    coefficients = np.zeros((len(gram.q), len(penalties)))
    coefficients[some] = vectors @ shrunk
    return coefficients


def elastic_net_path(gram: Gram, penalties: Floats, l1_ratio: float) -> Floats:
    """Return the elastic-net coefficients for each penalty, shape (K, P).

    Minimises ||y - Xb||^2 / (2n) + penalty (l1_ratio |b|_1 + (1 - l1_ratio) ||b||^2 / 2), the objective of
    `sklearn.linear_model.ElasticNet`. Coordinate descent needs the data only through G and q, so it runs on a
    root of G with K rows instead of n: the same problem, n / K times smaller.

    Parameters
    ----------
    gram : Gram
    penalties : ndarray of shape (P,), decreasing
    l1_ratio : float
        1 is the lasso.
    """
    coefficients = np.zeros((len(gram.q), len(penalties)))
    some = _varying(gram)
    if not len(some):
        return coefficients
    values, vectors = scipy.linalg.eigh(gram.G[np.ix_(some, some)], driver="evd", check_finite=False)
    # Directions without data carry no information: dropping them leaves the objective unchanged.
    kept = values > 1e-10 * values[-1]
    root = np.sqrt(values[kept])
    rows = int(kept.sum())
    X = np.asfortranarray(np.sqrt(rows) * root[:, None] * vectors[:, kept].T)
    y = np.sqrt(rows) * (vectors[:, kept].T @ gram.q[some]) / root
    _, path, _ = enet_path(
        X, y, l1_ratio=l1_ratio, alphas=penalties, precompute=True, tol=1e-9, max_iter=100_000
    )
    coefficients[some] = path
    return coefficients


def _varying(gram: Gram) -> Ints:
    """Return the columns that vary: the others, of which only rounding is left, get coefficient 0."""
    return np.flatnonzero(np.diag(gram.G) > 1e-12)


def largest_penalty(gram: Gram, l1_ratio: float) -> float:
    """Return the smallest elastic-net penalty at which every coefficient is 0."""
    return float(np.abs(gram.q).max()) / l1_ratio


def demean_by_date(values: Floats, date: Ints) -> Floats:
    """Subtract from each row the mean of the rows of its date: date fixed effects.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, K)
    date : ndarray of int, shape (n,), not decreasing
    """
    first = np.flatnonzero(np.r_[True, date[1:] != date[:-1]])
    size = np.diff(np.r_[first, len(date)])
    means = np.add.reduceat(values, first, axis=0) / (size if values.ndim == 1 else size[:, None])
    out: Floats = values - np.repeat(means, size, axis=0)
    return out

"""Moments: what a window of returns says of variances, with late listings and holes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocation.errors import InputError
from foundation.types import Floats

FLOOR = 1e-6
"""Smallest eigenvalue that is left where returns are missing, as a share of the average variance."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Second moments of a window, and what shrinkage asks beside them.

    Attributes
    ----------
    sample : ndarray of shape (N, N)
        Covariance about the mean, symmetric to the bit. The divisor is the number of rows (the sum of weights), not
        one less. With holes, an entry comes from the rows where both assets are there, so that it may be indefinite.
    zero_filled : ndarray of shape (N, N)
        The same with each hole counted as no deviation: `sample` itself where nothing is missing.
    spread : float
        Mean over the rows of |x|^4, for x the deviations from the mean, holes counted as none.
    length : int
        Rows of the window.
    rows : float
        Rows that an entry of `sample` rests on, on average: `length` where nothing is missing and all count alike.
    """

    sample: Floats
    zero_filled: Floats
    spread: float
    length: int
    rows: float

    @property
    def has_gaps(self) -> bool:
        """Whether something is missing."""
        return self.sample is not self.zero_filled

    def to_definite(self) -> Floats:
        """Return the sample covariance, positive definite also where something is missing."""
        return self.lift_eigenvalues(self.sample)

    def lift_eigenvalues(self, sigma: Floats) -> Floats:
        """Return a covariance made from `sample`, with eigenvalues that a patchwork made too small lifted."""
        if not self.has_gaps:
            return sigma
        floor = FLOOR * float(np.trace(self.sample)) / len(self.sample)
        values, vectors = np.linalg.eigh(sigma)
        if values[0] >= floor:
            return sigma
        root = vectors * np.sqrt(np.maximum(values, floor))
        return np.asarray(root @ root.T)


def window_moments(returns: Floats, weights: Floats | None = None) -> Moments:
    """Return the moments of a window.

    Parameters
    ----------
    returns : ndarray of shape (W, N)
        NaN where an asset has no return.
    weights : ndarray of shape (W,), optional
        How much each row counts, 0 or more; all alike if None.

    Raises
    ------
    InputError
        If there are fewer than two rows, no assets, or an asset without any return that counts.
    """
    if returns.ndim != 2 or len(returns) < 2 or returns.shape[1] == 0:
        raise InputError(f"returns of shape {returns.shape}, expected two rows or more and one asset or more")
    counted, finite = np.ones(len(returns)) if weights is None else weights, np.isfinite(returns)
    none = np.flatnonzero(~(counted @ finite > 0)).tolist()
    if none:
        raise InputError(f"no return that counts in columns {none} of a window of {len(returns)} rows")
    if finite.all():
        mean = returns.mean(axis=0) if weights is None else weights @ returns / weights.sum()
        return _whole(returns - mean, counted)
    mean = (counted @ np.where(finite, returns, 0.0)) / (counted @ finite)
    return _patchwork(np.where(finite, returns - mean, 0.0), finite, counted)


def _whole(centred: Floats, counted: Floats) -> Moments:
    total = float(counted.sum())
    root = centred * np.sqrt(counted)[:, None]
    sample = root.T @ root / total
    return Moments(sample, sample, _spread(centred, counted), len(centred), _effective(counted))


def _patchwork(centred: Floats, finite: NDArray[np.bool_], counted: Floats) -> Moments:
    # A product of an array with itself is symmetric to the bit.
    root, there = (values * np.sqrt(counted)[:, None] for values in (centred, finite))
    products, pairs = root.T @ root, there.T @ there
    never = pairs <= 0
    sample = np.where(never, 0.0, products / np.where(never, 1.0, pairs))
    rows = _effective(counted) * float(pairs.mean()) / float(counted.sum())
    filled = products / float(counted.sum())
    return Moments(sample, filled, _spread(centred, counted), len(centred), rows)


def _spread(centred: Floats, counted: Floats) -> float:
    lengths = np.square(centred).sum(axis=1)
    return float(counted @ np.square(lengths)) / float(counted.sum())


def _effective(counted: Floats) -> float:
    """Return how many rows of equal weight would be as noisy (Kish)."""
    return float(counted.sum()) ** 2 / float(np.square(counted).sum())

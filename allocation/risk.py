"""Covariance of excess returns, shrunk, with late listings and holes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from allocation.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

FLOOR = 1e-6
"""Smallest eigenvalue that is left, as a share of the average variance."""


@dataclass(frozen=True, eq=False)
class CovariancePath:
    """Covariances at each decision.

    Attributes
    ----------
    positions : ndarray of int, shape (D,)
        Rows of the panel, increasing.
    sigma : ndarray of shape (D, N, N)
        Covariance of excess returns over one horizon; NaN for assets that are not eligible.
    eligible : ndarray of bool, shape (D, N)
        Assets that are listed and have enough history.
    """

    positions: Ints
    sigma: Floats
    eligible: Bools

    def at(self, position: int) -> tuple[Floats, Bools]:
        """Return covariance (N, N) and eligible assets (N,) at a row of the panel.

        Raises
        ------
        InputError
            If nothing was estimated there.
        """
        index = int(np.searchsorted(self.positions, position))
        if index == len(self.positions) or self.positions[index] != position:
            raise InputError(f"no covariance was estimated at row {position}")
        return self.sigma[index], self.eligible[index]


def ledoit_wolf(returns: Floats) -> Floats:
    """Return the covariance shrunk toward a multiple of the identity.

    Without missing values this is the estimator of the paper, as in scikit-learn. With them, each entry comes from
    the rows where both assets are there, the intensity from what is there, and eigenvalues that the patchwork has
    made too small are lifted to `FLOOR` times the average variance.

    Parameters
    ----------
    returns : ndarray of shape (W, N)

    Returns
    -------
    ndarray of shape (N, N)

    Notes
    -----
    Ledoit and Wolf (2004), *Journal of Multivariate Analysis* 88, 365-411.
    """
    finite = np.isfinite(returns)
    if finite.all():
        centred = returns - returns.mean(axis=0)
        return _shrunk(centred.T @ centred / len(centred), centred)
    counts = finite.sum(axis=0)
    mean = np.where(finite, returns, 0.0).sum(axis=0) / np.maximum(counts, 1)
    centred = np.where(finite, returns - mean, 0.0)
    pairs = finite.T.astype(np.float64) @ finite
    sample = centred.T @ centred / np.maximum(pairs, 1)
    average = float(np.trace(sample)) / len(sample)
    shrunk = _shrunk(sample, centred)
    values, vectors = np.linalg.eigh(shrunk)
    if values[0] >= FLOOR * average:
        return np.asarray(shrunk)
    return np.asarray((vectors * np.maximum(values, FLOOR * average)) @ vectors.T)


def _shrunk(sample: Floats, centred: Floats) -> Floats:
    """Return a covariance moved toward its average variance, by an intensity estimated from centred returns (W, N)."""
    n_rows, n_assets = centred.shape
    squares = centred**2
    average = float(squares.sum()) / (n_rows * n_assets)
    energy = float((np.square(centred.T @ centred)).sum()) / n_rows**2
    distance = energy / n_assets - average**2
    # The sum of squares' products over pairs of assets is that of the rows' squared lengths, squared.
    noise = (float(np.square(squares.sum(axis=1)).sum()) / n_rows - energy) / (n_assets * n_rows)
    intensity = min(noise, distance) / distance if noise > 0 and distance > 0 else 0.0
    shrunk = (1 - intensity) * sample
    shrunk[np.diag_indices(n_assets)] += intensity * float(np.trace(sample)) / n_assets
    return np.asarray(shrunk)


def covariance_path(
    excess: Floats, positions: Ints, *, window: int, min_history: int, horizon: int
) -> CovariancePath:
    """Estimate the covariance at each decision from the rows up to it.

    Parameters
    ----------
    excess : ndarray of shape (T, N)
        Returns less cash, NaN where an asset is not listed.
    positions : ndarray of int, shape (D,), increasing
    window : int
        Rows to use.
    min_history : int
        Returns that an asset must have inside the window.
    horizon : int
        Covariances are scaled to this many observations.
    """
    n_assets = excess.shape[1]
    sigma = np.full((len(positions), n_assets, n_assets), np.nan)
    eligible = np.zeros((len(positions), n_assets), dtype=bool)
    for d, position in enumerate(positions):
        past = excess[max(0, position - window + 1) : position + 1]
        eligible[d] = np.isfinite(past[-1]) & (np.isfinite(past).sum(axis=0) >= min_history)
        inside = np.flatnonzero(eligible[d])
        if len(inside):
            sigma[d][np.ix_(inside, inside)] = ledoit_wolf(past[:, inside]) * horizon
    return CovariancePath(positions, sigma, eligible)

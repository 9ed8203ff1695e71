"""Linear shrinkage: the sample covariance, moved toward a simple target by an intensity that the data tell."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from allocation.covariance.estimator import Estimator, MomentEstimator
from allocation.covariance.moments import Moments, window_moments
from foundation.compiled import compiled
from foundation.types import Floats


@dataclass(frozen=True)
class LedoitWolf(MomentEstimator):
    """Shrinkage toward a multiple of the identity: the average variance, and no covariance.

    Without holes this is the estimator of the paper, as in scikit-learn. With them, the intensity comes from what is
    there, and eigenvalues that the patchwork has made too small are lifted.

    Notes
    -----
    Ledoit and Wolf (2004), *Journal of Multivariate Analysis* 88, 365-411.
    """

    semidefinite: ClassVar[bool] = True

    def from_moments(self, moments: Moments) -> Floats:
        """Return the covariance (N, N)."""
        n_assets = len(moments.sample)
        average, energy = _trace_and_energy(moments.zero_filled)
        average /= n_assets
        distance = energy / n_assets - average**2
        # The sum of squares' products over pairs of assets is that of the rows' squared lengths, squared.
        noise = (moments.spread - energy) / (n_assets * moments.length)
        intensity = min(noise, distance) / distance if noise > 0 and distance > 0 else 0.0
        return moments.lift_eigenvalues(_shrink_to_identity(moments.sample, intensity))


@dataclass(frozen=True)
class Oas(MomentEstimator):
    """Oracle approximating shrinkage toward a multiple of the identity, best where returns are normal.

    As in scikit-learn without holes; with them, the number of rows is that of an average pair of assets.

    Notes
    -----
    Chen, Wiesel, Eldar and Hero (2010), *IEEE Transactions on Signal Processing* 58, 5016-5029, equation 23, with
    scikit-learn's choice of leaving out its terms of 2 / N.
    """

    semidefinite: ClassVar[bool] = True

    def from_moments(self, moments: Moments) -> Floats:
        """Return the covariance (N, N)."""
        n_assets = len(moments.sample)
        average, energy = _trace_and_energy(moments.sample)
        average /= n_assets
        energy /= n_assets**2
        distance = (moments.rows + 1) * (energy - average**2 / n_assets)
        intensity = min((energy + average**2) / distance, 1.0) if distance > 0 else 1.0
        return moments.lift_eigenvalues(_shrink_to_identity(moments.sample, intensity))


@dataclass(frozen=True)
class ConstantCorrelation(Estimator):
    """Shrinkage toward the sample variances with one correlation, the average one, for all pairs.

    With holes, variances of the estimate come from the rows where both assets are there, as the sample does. An asset
    that does not move has no correlation; it is left out of the average.

    Notes
    -----
    Ledoit and Wolf (2004), "Honey, I shrunk the sample covariance matrix", *Journal of Portfolio Management* 30 (4),
    110-119, appendices A and B.
    """

    semidefinite: ClassVar[bool] = True

    def estimate(self, returns: Floats) -> Floats:
        """Return the covariance (N, N)."""
        moments = window_moments(returns)
        sample = moments.sample
        std = np.sqrt(np.diag(sample))
        moving = std > 0
        target = _one_correlation(sample, std, moving)
        finite = np.isfinite(returns)
        mean = np.where(finite, returns, 0.0).sum(axis=0) / finite.sum(axis=0)
        x = np.where(finite, returns - mean, 0.0)
        pairs = np.maximum(finite.T.astype(np.float64) @ finite, 1.0) if moments.has_gaps else float(len(x))
        squares = np.square(x)
        pi = squares.T @ squares / pairs - np.square(sample)
        # Covariance between the errors of s_ii and s_ij.
        theta = (squares * x).T @ x / pairs - np.diag(sample)[:, None] * sample
        np.fill_diagonal(theta, 0.0)
        ratio = np.where(np.outer(moving, moving), std[None, :] / np.where(moving, std, 1.0)[:, None], 0.0)
        average = _average_correlation(sample, std, moving)
        rho = float(np.trace(pi)) + average * float((ratio * theta).sum())
        distance = float(np.square(target - sample).sum())
        kappa = (float(pi.sum()) - rho) / distance if distance > 0 else 0.0
        intensity = max(0.0, min(1.0, kappa / moments.rows))
        return moments.lift_eigenvalues(intensity * target + (1 - intensity) * sample)


def _average_correlation(sample: Floats, std: Floats, moving: np.ndarray) -> float:
    n_moving = int(moving.sum())
    if n_moving < 2:
        return 0.0
    unit = np.where(moving, 1.0 / np.where(moving, std, 1.0), 0.0)
    total = float((sample * np.outer(unit, unit)).sum()) - n_moving
    return total / (n_moving * (n_moving - 1))


def _one_correlation(sample: Floats, std: Floats, moving: np.ndarray) -> Floats:
    target = _average_correlation(sample, std, moving) * np.outer(std, std)
    np.fill_diagonal(target, np.diag(sample))
    return np.asarray(target)


@compiled
def _shrink_to_identity(sample: Floats, intensity: float) -> Floats:
    """Move a covariance (N, N), in its place, toward its average variance by an intensity from 0 to 1."""
    n = len(sample)
    average = 0.0
    for i in range(n):
        average += sample[i, i]
    average /= n
    for i in range(n):
        row = sample[i]
        for j in range(n):
            row[j] *= 1.0 - intensity
        row[i] += intensity * average
    return sample


@compiled
def _trace_and_energy(sigma: Floats) -> tuple[float, float]:
    """Return the sum of the diagonal, and that of the squares of all entries, of a symmetric matrix."""
    n = len(sigma)
    # By column, so that the additions do not wait for one another.
    columns = np.zeros(n)
    trace, energy = 0.0, 0.0
    for i in range(n):
        row = sigma[i]
        for j in range(i):
            columns[j] += row[j] * row[j]
        trace += row[i]
        energy += row[i] * row[i]
    for j in range(n):
        energy += 2.0 * columns[j]
    return trace, energy

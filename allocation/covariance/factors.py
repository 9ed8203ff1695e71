"""Factors from the data: a few directions in which all assets move, and what each moves on its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from allocation.covariance.estimator import MomentEstimator
from allocation.covariance.moments import Moments
from allocation.covariance_types import FactorCovariance
from allocation.errors import InputError
from foundation.types import Floats


@dataclass(frozen=True)
class StatisticalFactors(MomentEstimator):
    """Principal components of standardised returns, as factors; the variance that they leave is specific.

    Every asset keeps its sample variance (divisor: rows).

    Parameters
    ----------
    factors : int, optional
        Number of factors, no more than the rank of the sample. By default the ratio of successive eigenvalues tells it.

    Raises
    ------
    InputError
        If the number of factors is negative.

    Notes
    -----
    Connor and Korajczyk (1986), *Journal of Financial Economics* 15, 373-394, for the components;
    Ahn and Horenstein (2013), *Econometrica* 81, 1203-1227, for their number: see `_eigenvalue_ratio`.
    """

    semidefinite: ClassVar[bool] = True

    factors: int | None = None
    by_factors: ClassVar[bool] = True

    def __post_init__(self) -> None:
        """Check the number."""
        if self.factors is not None and self.factors < 0:
            raise InputError(f"{self.factors} factors: expected 0 or more, or None to ask the data")

    def from_moments(self, moments: Moments) -> FactorCovariance:
        """Return loadings (N, K) and specific variances (N,)."""
        std, values, vectors = _correlation_spectrum(moments)
        rank = int((values > values[-1] * len(values) * np.finfo(float).eps).sum()) if len(values) else 0
        few = min(len(values), int(moments.rows))
        k = _eigenvalue_ratio(values[::-1][:few]) if self.factors is None else min(self.factors, rank)
        loadings = np.zeros((len(std), k))
        moving = std > 0
        loadings[moving] = std[moving, None] * vectors[:, ::-1][:, :k] * np.sqrt(values[::-1][:k])
        specific = np.maximum(np.square(std) - np.square(loadings).sum(axis=1), 0.0)
        return FactorCovariance(_fix_signs(loadings), specific)


@dataclass(frozen=True)
class Denoised(MomentEstimator):
    """The correlations' eigenvalues that random returns would also have, replaced by their mean.

    What is left are the eigenvalues above the edge of Marchenko and Pastur's law, as factors, and the same variance in
    every other direction; so it is returned by factors, exactly. Variances are those of the sample (divisor: rows).

    The law's variance is that of the eigenvalues below the edge, which is sought until both agree: without that,
    a market's large eigenvalue hides the smaller ones behind too high an edge.

    Notes
    -----
    Laloux, Cizeau, Bouchaud and Potters (1999), *Physical Review Letters* 83, 1467-1470, for the edge and the variance
    that is left; Lopez de Prado (2020), *Machine Learning for Asset Managers*, section 2.5.1 (constant residual
    eigenvalue, and the diagonal made 1 again).
    """

    semidefinite: ClassVar[bool] = True
    by_factors: ClassVar[bool] = True

    def from_moments(self, moments: Moments) -> FactorCovariance:
        """Return loadings (N, K) and specific variances (N,)."""
        std, values, vectors = _correlation_spectrum(moments)
        moving = std > 0
        k, noise = _marchenko_pastur(values, moments.rows)
        spikes = vectors[:, ::-1][:, :k] * np.sqrt(values[::-1][:k] - noise)
        unit = np.sqrt(np.square(spikes).sum(axis=1) + noise)
        loadings, specific = np.zeros((len(std), k)), np.zeros(len(std))
        loadings[moving] = spikes * (std[moving] / unit)[:, None]
        specific[moving] = noise * np.square(std[moving] / unit)
        return FactorCovariance(_fix_signs(loadings), specific)


def _correlation_spectrum(moments: Moments) -> tuple[Floats, Floats, Floats]:
    """Return standard deviations (N,), and eigenvalues (M,) and -vectors (M, M) of the M assets' that move.

    Eigenvalues are of the correlations, smallest first, and not negative.
    """
    sigma = moments.to_definite()
    std = np.sqrt(np.diag(sigma))
    moving = std > 0
    values, vectors = np.linalg.eigh(sigma[np.ix_(moving, moving)] / np.outer(std[moving], std[moving]))
    return std, np.maximum(values, 0.0), vectors


def _eigenvalue_ratio(values: Floats) -> int:
    """Return the number of factors: where an eigenvalue is largest beside the next.

    Candidates are the eigenvalues of at least average size, and no more than a tenth of all (one at least). No factor
    is a candidate too, by a mock eigenvalue of sum / log(number) before the first.

    Parameters
    ----------
    values : ndarray of shape (M,)
        Largest first: as many as the smaller of rows and assets.

    Notes
    -----
    Ahn and Horenstein (2013), estimator ER, section 2.
    """
    m = len(values)
    if m < 3:
        return 0
    floored = np.maximum(values, values[0] * np.finfo(float).eps)
    most = min(int((values >= values.mean()).sum()), max(1, m // 10))
    chain = np.concatenate([[values.sum() / np.log(m)], floored])[: most + 2]
    return int(np.argmax(chain[:-1] / chain[1:]))


def _marchenko_pastur(values: Floats, rows: float) -> tuple[int, float]:
    """Return how many eigenvalues are above the edge of noise, and the mean of the others.

    Parameters
    ----------
    values : ndarray of shape (M,)
        Eigenvalues of correlations, smallest first.
    rows : float
        Rows that the correlations come from.
    """
    m = len(values)
    if m == 0:
        return 0, 0.0
    stretch = (1 + np.sqrt(m / rows)) ** 2
    k = 0
    while True:
        noise = float(values[: m - k].mean())
        # The edge goes down with what is taken out, so the count only goes up; the smallest is never above the mean.
        above = int((values > noise * stretch).sum())
        if above <= k:
            return k, noise
        k = above


def _fix_signs(loadings: Floats) -> Floats:
    """Return loadings with each factor's sign such that most of it is positive."""
    return loadings * np.where(loadings.sum(axis=0) < 0, -1.0, 1.0)

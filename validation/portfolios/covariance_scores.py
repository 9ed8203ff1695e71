"""Scores of a covariance as a forecast: QLIKE, and the variance of the minimum-variance portfolio that follows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack

from foundation.types import Floats

_SINGULAR = 1e-10
"""Smallest diagonal of the Cholesky factor, as a share of the standard deviation: below it a covariance is singular."""


@dataclass(frozen=True)
class CovarianceScore:
    """Scores of one covariance against the returns that followed; NaN if it is singular.

    Attributes
    ----------
    qlike : float
        (log |Sigma| + sum_k r_k' Sigma^-1 r_k) / N: minus twice the Gaussian log-likelihood an asset, without its
        constant.
    variance : float
        Sum over the rows of the squared return of the portfolio Sigma^-1 1 / 1' Sigma^-1 1.
    """

    qlike: float
    variance: float


def score_covariance(sigma: Floats, returns: Floats) -> CovarianceScore:
    """Score a covariance of the sum of some returns.

    Both scores rank covariances rightly on average although the realised covariance, sum_k r_k r_k', is noisy. Means
    are not subtracted: over a short period they are small beside the standard deviations.

    Parameters
    ----------
    sigma : ndarray of shape (N, N)
        Forecast for the whole period.
    returns : ndarray of shape (K, N)
        Of the K rows of the period, finite.

    Notes
    -----
    Patton (2011), *Journal of Econometrics* 160, 246-256; Patton and Sheppard (2009); Engle and Colacito (2006),
    *Journal of Business & Economic Statistics* 24, 238-253, for the portfolio.
    """
    n_assets = len(sigma)
    std = np.sqrt(np.diagonal(sigma))
    if not (n_assets and (std > 0).all()):
        return CovarianceScore(np.nan, np.nan)
    # Of the correlations, so that the size of the numbers decides nothing.
    factor, failed = lapack.dpotrf(sigma / np.outer(std, std), lower=1, clean=1)
    pivots = np.diagonal(factor)
    if failed or pivots.min() < _SINGULAR**0.5:
        return CovarianceScore(np.nan, np.nan)
    whitened, _ = lapack.dtrtrs(
        factor, np.column_stack([returns.T, np.ones(n_assets)]) / std[:, None], lower=1
    )
    sizes, ones = whitened[:, :-1], whitened[:, -1]
    log_size = 2.0 * float(np.log(pivots).sum() + np.log(std).sum())
    portfolio = (ones @ sizes) / (ones @ ones)
    return CovarianceScore(
        (log_size + float(np.square(sizes).sum())) / n_assets, float(np.square(portfolio).sum())
    )

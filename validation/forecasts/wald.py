"""HAC covariance of several means at once, and the test that all are 0."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from foundation.types import Floats
from validation.forecasts.scores import small_sample


def hac_covariance(scores: Floats, lags: int) -> Floats:
    """Return the covariance of the mean of serially correlated vectors of mean 0, shape (K, K) from (n, K).

    The matrix form of `hac_stderr`, with the same correction; NaN where that leaves nothing.
    """
    n = len(scores)
    total = scores.T @ scores
    for lag in range(1, lags + 1):
        cross = scores[lag:].T @ scores[:-lag]
        total += (1 - lag / (lags + 1)) * (cross + cross.T)
    share = small_sample(n, lags)[0]
    return total / n**2 / share if share > 0 else np.full_like(total, np.nan)


def wald_p_value(away: Floats, covariance: Floats, dof: float) -> float:
    """Return the p-value that a vector of estimates is 0 given its HAC covariance; NaN if that is singular.

    Notes
    -----
    Hotelling's T2 with the covariance's degrees of freedom, as Sun (2013), *Econometrics Journal* 16, 1-26:
    T2 (dof - q + 1) / (dof q) against F(q, dof - q + 1).
    """
    q = len(away)
    if dof <= q or not np.isfinite(covariance).all() or np.linalg.matrix_rank(covariance, hermitian=True) < q:
        return math.nan
    distance = float(away @ np.linalg.solve(covariance, away))
    return float(stats.f.sf(distance * (dof - q + 1) / (dof * q), q, dof - q + 1))

"""Expected returns from history: means moved toward that of the portfolio of smallest variance."""

from __future__ import annotations

import numpy as np

from allocation.covariance_types import Risk, to_dense
from allocation.errors import InputError
from foundation.types import Floats


def shrink_mean(returns: Floats, sigma: Risk, shrinkage: float | None = None) -> Floats:
    """Return historical means, moved toward the mean of the portfolio of smallest variance.

    mu = (1 - phi) m + phi m_0, where m are the means of the T returns, m_0 = 1'S^-1 m / 1'S^-1 1, and
    phi = (N + 2) / (N + 2 + T (m - m_0)' S^-1 (m - m_0)).

    Parameters
    ----------
    returns : ndarray of shape (T, N)
    sigma : Risk
        S, the covariance of one period; where it is singular, its pseudo-inverse is taken.
    shrinkage : float, optional
        phi, from 0 (history as it is) to 1 (all assets alike), in place of the formula.

    Returns
    -------
    ndarray of shape (N,)

    Raises
    ------
    InputError
        If the shrinkage is not between 0 and 1.

    Notes
    -----
    Jorion (1986), "Bayes-Stein estimation for portfolio analysis", *Journal of Financial and Quantitative Analysis*
    21(3), 279-292. The paper's S divides by T - N - 2; here it is whatever covariance is used.
    """
    if shrinkage is not None and not 0 <= shrinkage <= 1:
        raise InputError(f"mean_shrinkage {shrinkage:g} must be from 0 to 1, or None for the formula")
    n_rows, n = returns.shape
    mean = returns.mean(axis=0)
    precision = np.linalg.pinv(to_dense(sigma), hermitian=True)
    total = float(precision.sum())
    centre = float(precision.sum(axis=0) @ mean) / total if total > 0 else float(mean.mean())
    distance = mean - centre
    if shrinkage is None:
        shrinkage = (n + 2) / (n + 2 + n_rows * max(float(distance @ precision @ distance), 0.0))
    return np.asarray(centre + (1 - shrinkage) * distance)

"""Expectations: means and covariances of one period from a table of returns, for decisions made in a notebook."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone

from allocation.covariance.factors import Denoised, StatisticalFactors
from allocation.covariance.nonlinear import NonlinearShrinkage
from allocation.covariance.sample import SampleCovariance
from allocation.covariance.shrinkage import ConstantCorrelation, LedoitWolf, Oas
from allocation.covariance_types import FactorCovariance, Risk, to_dense
from allocation.errors import InputError
from foundation.types import Floats

CovarianceChoice = str | Callable[[Floats], Risk] | Any
"""A name, a function of returns (T, N), or an object with `estimate(returns)` or scikit-learn's `fit`."""


COVARIANCES: dict[str, Callable[[Floats], Risk]] = {
    "ledoit_wolf": LedoitWolf().estimate,
    "constant_correlation": ConstantCorrelation().estimate,
    "nonlinear": NonlinearShrinkage().estimate,
    "oas": Oas().estimate,
    "factor": StatisticalFactors().estimate,
    "denoised": Denoised().estimate,
    "sample": SampleCovariance().estimate,
}
"""What a covariance can be called; anything else is passed as a function or an object."""


def estimate_covariance(choice: CovarianceChoice, returns: Floats) -> Risk:
    """Return the covariance of one period's returns.

    Parameters
    ----------
    choice : str, callable or object
        A name of `COVARIANCES`; a function of the returns; an object with a method `estimate(returns)`; or an
        estimator of scikit-learn, which is cloned, fitted and asked for its `covariance_`.
    returns : ndarray of shape (T, N)
        Finite.

    Returns
    -------
    Risk

    Raises
    ------
    InputError
        If the choice is none of these, or its answer is no covariance of N assets.
    """
    sigma = _source(choice)(returns)
    estimate: Risk = sigma if isinstance(sigma, FactorCovariance) else np.asarray(sigma, dtype=np.float64)
    shape = (len(estimate), len(estimate)) if isinstance(estimate, FactorCovariance) else estimate.shape
    n = returns.shape[1]
    if shape != (n, n):
        raise InputError(f"covariance: {choice!r} returned shape {shape}, expected ({n}, {n})")
    return estimate


def _source(choice: CovarianceChoice) -> Callable[[Floats], Any]:
    """Return the function of returns that a choice means."""
    if isinstance(choice, str):
        if choice not in COVARIANCES:
            raise InputError(
                f"covariance {choice!r} is none of {', '.join(map(repr, COVARIANCES))}; others are passed as a "
                "function of the returns, or as an object with estimate(returns)"
            )
        return COVARIANCES[choice]
    if hasattr(choice, "estimate"):
        return lambda returns: choice.estimate(returns)
    if hasattr(choice, "fit") and hasattr(choice, "get_params"):
        return lambda returns: clone(choice).fit(returns).covariance_
    if callable(choice):
        return lambda returns: choice(returns)
    raise InputError(
        f"covariance: {choice!r} is neither a name, nor a function, nor an object with estimate(returns) or fit"
    )


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

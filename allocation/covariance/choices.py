"""Choices of a covariance: by name, function, object, or estimator of scikit-learn, from a table of returns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import clone

from allocation.covariance.factors import Denoised, StatisticalFactors
from allocation.covariance.nonlinear import NonlinearShrinkage
from allocation.covariance.sample import SampleCovariance
from allocation.covariance.shrinkage import ConstantCorrelation, LedoitWolf, Oas
from allocation.covariance_types import FactorCovariance, Risk
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

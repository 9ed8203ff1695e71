"""SkfolioOptimization: an estimator of this package inside skfolio's cross-validations.

skfolio accepts nothing but its own base class, whose `predict` returns a `Portfolio`. This module alone imports it.
"""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from skfolio.optimization import BaseOptimization
from sklearn.base import clone
from sklearn.utils.validation import validate_data

from allocation.estimators.portfolio_estimator import PortfolioEstimator


class SkfolioOptimization(BaseOptimization):  # type: ignore[misc]  # skfolio ships no types
    """Fit a `PortfolioEstimator`, predict skfolio's `Portfolio`.

    Parameters
    ----------
    estimator : PortfolioEstimator
        Cloned at each fit; its parameters are `estimator__risk_aversion` and so on.
    portfolio_params, fallback, raise_on_failure
        As of skfolio's `BaseOptimization`.
    previous_weights : float, mapping or array-like, optional
        In place of those of the estimator. skfolio fills it along a walk-forward if the answer depends on it.

    Attributes
    ----------
    weights_ : ndarray of shape (N,)
    estimator_ : PortfolioEstimator
        Fitted, with its covariance and certificate.

    Notes
    -----
    Returns of the portfolio are before costs: skfolio charges `transaction_costs` in every row, where `cost` is paid
    once a trade. Put costs by row into `portfolio_params={"transaction_costs": ...}` to see returns after them.
    """

    def __init__(
        self,
        estimator: PortfolioEstimator,
        portfolio_params: dict[str, Any] | None = None,
        fallback: Any = None,
        previous_weights: Any = None,
        raise_on_failure: bool = True,
    ) -> None:
        super().__init__(portfolio_params, fallback, previous_weights, raise_on_failure)
        self.estimator = estimator

    @property
    def needs_previous_weights(self) -> bool:
        """Whether skfolio has to fit the folds one after the other and hand on what is held."""
        return bool(super().needs_previous_weights) or self.estimator.trades

    def fit(self, X: pd.DataFrame | ArrayLike, y: object = None) -> Self:
        """Fit the estimator on X."""
        validate_data(self, X, skip_check_array=True)
        inner = clone(self.estimator)
        if self.previous_weights is not None and "previous_weights" in inner.get_params(deep=False):
            held = self._clean_previous_weights(self.n_features_in_, apply_investable_mask=False)
            inner.set_params(previous_weights=held)
        self.estimator_ = inner.fit(X)
        self.weights_ = np.asarray(inner.weights_)
        return self

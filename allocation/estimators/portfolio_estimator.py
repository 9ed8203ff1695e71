"""PortfolioEstimator: what an allocator needs to be an estimator of scikit-learn's kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted, validate_data

from allocation.asset_names import check_finite, parse_names
from allocation.covariance.choices import CovarianceChoice, estimate_covariance
from allocation.covariance_types import Risk
from allocation.decision_status import DecisionStatus
from allocation.errors import DataError
from allocation.estimators.sample import Means, Sample
from allocation.weights import OptimalityCertificate, Weights
from foundation.types import Floats
from validation.portfolios.sharpe import sharpe_ratio


class PortfolioEstimator(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no types
    """Choose weights from a table of returns, and give the returns of that portfolio on another one.

    X has one row per period and one column per asset: simple returns, in excess of cash where weights may leave
    cash. The constructor stores parameters; `fit` checks them. `fit` reads the rows of X and nothing else.

    Attributes
    ----------
    weights_ : Series, or ndarray of shape (N,)
        Fractions of wealth, in the order of the columns of X; a Series if X is a DataFrame.
    cash_ : float
    status_ : DecisionStatus
    note_ : str
        What was relaxed, for people; empty where nothing was.
    certificate_ : OptimalityCertificate
        Slack of each limit, computed from the weights alone, and the duality gap.
    n_features_in_ : int
        N.
    feature_names_in_ : ndarray of str, shape (N,)
        Where X is a DataFrame whose columns are strings.
    """

    weights_: pd.Series | Floats
    cash_: float
    status_: DecisionStatus
    note_: str
    certificate_: OptimalityCertificate
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    least_rows = 2
    """Rows of X without which nothing can be estimated."""

    @property
    def trades(self) -> bool:
        """Whether the answer depends on the weights held, `previous_weights`."""
        return False

    def fit(self, X: pd.DataFrame | ArrayLike, y: object = None) -> Self:
        """Choose the weights.

        Parameters
        ----------
        X : DataFrame or array-like of shape (T, N)
            Returns, oldest first, without holes.
        y : ignored

        Raises
        ------
        DataError
            If returns are missing, or labels do not fit those of X.
        AllocationError
            If there are no such weights.
        """
        labels = X.columns if isinstance(X, pd.DataFrame) else None
        returns, assets = self._read_returns(X, ensure_min_samples=self.least_rows)
        sample = Sample(returns, assets, labels)
        decided = self._decide(sample)
        self.weights_ = sample.series(decided.weights)
        self.cash_, self.certificate_ = decided.cash, decided.certificate
        self.status_, self.note_ = decided.status, decided.note
        return self

    def _read_returns(self, X: pd.DataFrame | ArrayLike, **options: object) -> tuple[Floats, tuple[str, ...]]:
        """Return the returns of a table, without holes, and the names of its columns."""
        assets = parse_names("X", X.columns) if isinstance(X, pd.DataFrame) else ()
        returns = validate_data(self, X, dtype=np.float64, ensure_all_finite=False, **options)
        assets = assets or _numbered(returns)
        check_finite("X", returns, assets, _rows_of(X))
        return returns, assets

    @abstractmethod
    def _decide(self, sample: Sample) -> Weights:
        """Return the weights."""

    def predict(self, X: pd.DataFrame | ArrayLike) -> pd.Series | Floats:
        """Return the returns of the portfolio, its weights restored before each row and its cash earning nothing.

        Parameters
        ----------
        X : DataFrame or array-like of shape (T, N)
            Returns of the same assets in the same order.

        Returns
        -------
        Series or ndarray of shape (T,)
            A Series with the index of X if that is a DataFrame. Before costs.

        Raises
        ------
        DataError
            If returns are missing.
        ValueError
            If the columns are not those of `fit`, or in another order.
        """
        check_is_fitted(self)
        returns, _ = self._read_returns(X, reset=False)
        # A sum by row, so that a return does not depend on the rows beside it.
        earned = (returns * np.asarray(self.weights_)).sum(axis=1)
        return pd.Series(earned, index=X.index) if isinstance(X, pd.DataFrame) else np.asarray(earned)

    def score(self, X: pd.DataFrame | ArrayLike, y: object = None) -> float:
        """Return the Sharpe ratio of `predict(X)`, of one period and not annualised; NaN without variation."""
        return sharpe_ratio(np.asarray(self.predict(X)))


class MomentPortfolio(PortfolioEstimator):
    """A portfolio made of a covariance and perhaps of means.

    Attributes
    ----------
    covariance_ : DataFrame, ndarray of shape (N, N) or FactorCovariance
        A DataFrame if X is one.
    """

    covariance: CovarianceChoice
    covariance_: pd.DataFrame | Risk

    def _estimate(self, sample: Sample) -> Risk:
        """Return the covariance, and keep it."""
        sigma = estimate_covariance(self.covariance, sample.returns)
        self.covariance_ = sample.matrix(sigma)
        return sigma

    def _expect(self, sample: Sample, mu: Means, sigma: Risk, shrinkage: float | None) -> Floats:
        """Return the expected returns, and keep them."""
        means = sample.means(mu, sigma, shrinkage)
        bad = np.flatnonzero(~np.isfinite(means))
        if len(bad):
            raise DataError(f"mu: the expected return of {sample.assets[bad[0]]!r} is {means[bad[0]]}")
        self.mu_ = sample.series(means)
        return means


def _rows_of(X: pd.DataFrame | ArrayLike) -> Callable[[int], Any]:
    """Return what the rows of a table are called."""
    if isinstance(X, pd.DataFrame):
        index = X.index
        return lambda row: index[row]
    return int


def _numbered(returns: Floats) -> tuple[str, ...]:
    """Return the names of columns that have none, as scikit-learn calls them."""
    return tuple(f"x{i}" for i in range(returns.shape[1]))

"""Out-of-sample returns of an estimator, fold after fold; each fold starts from the drifted weights of the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.base import clone

from allocation.asset_names import check_finite
from allocation.errors import DataError
from allocation.estimators.portfolio_estimator import PortfolioEstimator
from foundation.types import Floats
from validation.folds.splitter import DateSplitter


@dataclass(frozen=True, eq=False)
class ForwardPrediction:
    """Results of a walk-forward.

    Attributes
    ----------
    returns : Series
        Returns of the rows that were tested, before costs.
    weights : DataFrame of shape (folds, N)
        Target weights, by the last row of X that their fit read.
    turnover : Series
        Sum of |trade| of each fold, from the weights that the fold before had drifted to.
    """

    returns: pd.Series
    weights: pd.DataFrame
    turnover: pd.Series


def predict_forward(estimator: PortfolioEstimator, X: pd.DataFrame, cv: DateSplitter) -> ForwardPrediction:
    """Fit on each training set in turn and collect the returns of its test set.

    scikit-learn's `cross_val_predict` cannot do this: it wants each row tested once, and the first ones of a
    walk-forward never are. Weights are set at the start of a test set and drift with returns, so that nothing is traded
    inside it (`predict` restores the weights before each row).

    Parameters
    ----------
    estimator : PortfolioEstimator
        Cloned for each fold. If it has `previous_weights`, they are what the fold before drifted to.
    X : DataFrame of shape (T, N)
        Returns, in excess of cash: what is in cash earns nothing.
    cv : DateSplitter
        Such as `validation.folds.walk_forward.WalkForward`, with the row itself as the end of each return:
        `WalkForward(np.arange(len(X)), ...)`.

    Raises
    ------
    DataError
        If test sets do not follow one another.
    """
    assets, index = X.columns, X.index
    held, last = np.zeros(len(assets)), -1
    returns, weights, turnover = [], {}, {}
    for train, test in cv.split(X):
        if last >= 0 and test[0] != last + 1:
            raise DataError(f"row {int(test[0])} is tested after row {last}: expected row {last + 1}")
        fold = clone(estimator)
        if last >= 0 and "previous_weights" in fold.get_params(deep=False):
            fold.set_params(previous_weights=pd.Series(held, index=assets))
        fold.fit(X.iloc[train])
        target = np.asarray(fold.weights_)
        future = X.iloc[test]
        realised = np.asarray(future, dtype=np.float64)
        check_finite("X", realised, tuple(map(str, assets)), future.index.__getitem__)
        earned, after = _drift_weights(target, realised)
        returns.append(pd.Series(earned, index=future.index))
        weights[index[train[-1]]] = target
        turnover[index[train[-1]]] = float(np.abs(target - held).sum())
        held, last = after, int(test[-1])
    table = pd.DataFrame.from_dict(weights, orient="index", columns=assets)
    return ForwardPrediction(pd.concat(returns), table, pd.Series(turnover, name="turnover"))


def _drift_weights(weights: Floats, returns: Floats) -> tuple[Floats, Floats]:
    """Return what a portfolio that is left alone earns in each row, and its weights after the last one.

    Parameters
    ----------
    weights : ndarray of shape (N,)
        Before the first row; the rest is cash, which earns nothing.
    returns : ndarray of shape (T, N)

    Returns
    -------
    tuple of ndarray, shapes (T,) and (N,)
    """
    grown = weights * np.cumprod(1 + returns, axis=0)
    wealth = np.concatenate([[1.0], 1 - weights.sum() + grown.sum(axis=1)])
    return wealth[1:] / wealth[:-1] - 1, grown[-1] / wealth[-1]

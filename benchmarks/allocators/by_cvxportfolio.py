"""cvxportfolio: SinglePeriodOptimization, executed for one trade of a portfolio worth 1."""

from __future__ import annotations

import cvxportfolio as cvx
import numpy as np
import pandas as pd
from problems import Problem

from allocation.covariance_types import FactorCovariance
from allocators.asking import refuse, sums
from foundation.types import Floats


def policy(problem: Problem) -> cvx.SinglePeriodOptimization:
    refuse(
        problem,
        tracking="deviations from a benchmark are limited in the objective only",
        robust="its forecast error is a term in abs(w) of each asset, not an ellipsoid",
    )
    c, index = problem.constraints, pd.Index(problem.assets)
    risk = _risk(problem, index)
    objective = cvx.ReturnsForecast(r_hat=pd.Series(problem.mu, index)) - problem.gamma / 2 * risk
    if np.any(problem.rates() > 0):
        objective -= cvx.TransactionCost(a=pd.Series(problem.rates().copy(), index), b=None)
    low, high = problem.bounds()
    limits = [cvx.MaxWeights(pd.Series(high, index)), cvx.MinWeights(pd.Series(low, index))]
    ones = pd.Series(1.0, index)
    if c.cash_minimum == c.cash_maximum == 0:
        limits.append(cvx.NoCash())
    else:
        limits += [cvx.FactorMaxLimit(ones, 1 - c.cash_minimum), cvx.FactorMinLimit(ones, 1 - c.cash_maximum)]
    for row, most in zip(*sums(problem), strict=True):
        limits.append(cvx.FactorMaxLimit(pd.Series(row, index), most))
    if c.turnover is not None:
        limits.append(cvx.TurnoverLimit(c.turnover / 2))
    if c.leverage is not None:
        limits.append(cvx.LeverageLimit(c.leverage))
    if c.volatility is not None:
        limits.append(risk <= c.volatility**2)
    if c.minimum_return is not None:
        limits.append(cvx.FactorMinLimit(pd.Series(problem.mu, index), c.minimum_return))
    return cvx.SinglePeriodOptimization(objective, limits, include_cash_return=False)


def _risk(problem: Problem, index: pd.Index) -> object:
    if isinstance(problem.sigma, FactorCovariance):
        exposures = pd.DataFrame(problem.sigma.loadings.T, columns=index)
        return cvx.FactorModelCovariance(
            F=exposures,
            d=pd.Series(problem.sigma.specific, index),
            Sigma_F=pd.DataFrame(np.eye(len(exposures)), exposures.index, exposures.index),
        )
    return cvx.FullCovariance(Sigma=pd.DataFrame(problem.sigma, index, index))


def weights(problem: Problem) -> Floats:
    holdings = pd.Series([*problem.held, 1 - problem.held.sum()], [*problem.assets, "cash"])
    trades, _, _ = policy(problem).execute(holdings, market_data=None, t=pd.Timestamp("2024-01-02"))
    return np.asarray((holdings + trades).to_numpy()[:-1])

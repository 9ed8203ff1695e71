"""Worlds for tests of policies: covariances that are there, and a simulator without costs or lag."""

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.covariance.path_estimation import covariance_path
from backtest.costs import TradingCost
from backtest.simulate import simulate


def market(seed=0, n=90, assets=4, late=True):
    """Return returns (T, N) with a late listing and a death, and the return of cash (T,)."""
    rng = np.random.default_rng(seed)
    common = rng.normal(0.004, 0.03, (n, 1))
    returns = common * rng.uniform(0.5, 1.5, assets) + rng.normal(0.002, 0.03, (n, assets))
    if late:
        returns[:45, 1] = np.nan
        returns[70:, 2] = np.nan
    return returns, rng.uniform(0, 0.004, n)


def estimated(returns, cash, decisions):
    """Return covariances of 20 rows at the decisions and the last row."""
    rows = np.union1d(decisions, [len(returns) - 1]).astype(np.int64)
    return covariance_path(returns - cash[:, None], rows, window=20, min_history=10, horizon=1)


def fixed(decisions, n_assets, sigma=None):
    """Return the same covariance at each row, with all assets eligible."""
    sigma = np.eye(n_assets) * 0.01 if sigma is None else sigma
    n = len(decisions)
    return CovariancePath(
        np.asarray(decisions), np.repeat(sigma[None], n, axis=0), np.ones((n, len(sigma)), bool)
    )


def run(policy, returns, cash, decisions, *, lag=0, rate=0.0):
    """Return the simulation of a policy."""
    return simulate("mine", returns, cash, decisions, policy, cost=TradingCost(rate), execution_lag=lag)

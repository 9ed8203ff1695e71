"""The efficient frontier, 100 points: the critical line algorithm compared with PyPortfolioOpt, cvxcla and skfolio.

For each other library it prints the largest excess of its variance over the exact variance at the same mean.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from allocation.frontier.efficient_frontier import EfficientFrontier
from allocation.frontier.frontier_path import efficient_frontier
from allocation.problem.polytope import Polytope

SIZES = (50, 200)
POINTS = 100


def problem(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return returns, means and covariance."""
    rng = np.random.default_rng(0)
    returns = 0.01 * rng.normal(size=(4 * n, 1)) + 0.02 * rng.normal(size=(4 * n, n)) * rng.uniform(0.5, 2, n)
    returns += rng.normal(size=n) * 0.003
    return returns, returns.mean(axis=0), np.cov(returns.T)


def simplex(n: int) -> Polytope:
    """Return the limits: fully invested, no short positions."""
    one = np.ones(1)
    return Polytope(np.zeros(n), np.ones(n), np.ones((1, n)), one, one, ("budget",))


def cases(n: int) -> dict[str, Callable[[], object]]:
    returns, mu, sigma = problem(n)
    limits = simplex(n)
    runs: dict[str, Callable[[], object]] = {
        "tangency": lambda: efficient_frontier(mu, sigma, limits).points(POINTS)
    }
    for add in (_cvxcla, _pypfopt, _skfolio):
        try:
            runs |= add(n, returns, mu, sigma)
        except ImportError as error:
            print(f"frontier: {add.__name__[1:]} left out, {error.name} is not installed")
    exact = efficient_frontier(mu, sigma, limits)
    for name, run in runs.items():
        print(
            f"frontier {n}: {name}: largest excess of variance {_excess(exact, np.asarray(run())):.1e} of it"
        )
    return runs


def _excess(exact: EfficientFrontier, weights: np.ndarray) -> float:
    """Return the largest relative excess of portfolio variances over the least variances at their means."""
    means = np.minimum(weights @ exact.mu, exact.mean[0])
    best = exact.at_mean(means)
    theirs = np.einsum("ij,jk,ik->i", weights, exact.sigma, weights)
    return float((theirs / np.einsum("ij,jk,ik->i", best, exact.sigma, best) - 1).max())


def _cvxcla(
    n: int, returns: np.ndarray, mu: np.ndarray, sigma: np.ndarray
) -> dict[str, Callable[[], object]]:
    from cvxcla import CLA

    def run() -> object:
        line = CLA(mu, sigma, np.zeros(n), np.ones(n), np.ones((1, n)), np.ones(1))
        corners = np.array([point.weights for point in line.turning_points])
        # Points between corners, as in the other libraries.
        means = corners @ mu
        target_means = np.linspace(means.max(), means.min(), POINTS)
        order = np.argsort(means)
        return np.column_stack([np.interp(target_means, means[order], column) for column in corners[order].T])

    return {"cvxcla": run}


def _pypfopt(
    n: int, returns: np.ndarray, mu: np.ndarray, sigma: np.ndarray
) -> dict[str, Callable[[], object]]:
    from pypfopt import CLA

    if n > 100:
        print(f"frontier: PyPortfolioOpt left out at {n} assets: minutes")
        return {}

    def run() -> object:
        return np.array([w.ravel() for w in CLA(mu, sigma).efficient_frontier(points=POINTS)[2]])

    return {"PyPortfolioOpt": run}


def _skfolio(
    n: int, returns: np.ndarray, mu: np.ndarray, sigma: np.ndarray
) -> dict[str, Callable[[], object]]:
    from skfolio.optimization import MeanRisk

    if n > 100:
        print(f"frontier: skfolio left out at {n} assets: half a minute a round")
        return {}
    return {"skfolio": lambda: MeanRisk(efficient_frontier_size=POINTS).fit(returns).weights_}

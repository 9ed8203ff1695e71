"""The timed problems: a year of daily rebalances on synthetic returns, and single large problems."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from problems import Problem

from allocation.covariance_types import FactorCovariance
from allocation.problem.constraints import Constraints
from foundation.types import Floats

WINDOW, REBALANCES = 504, 250


@dataclass(frozen=True, eq=False)
class Year:
    """Daily returns (WINDOW + REBALANCES, N), expected daily returns (REBALANCES, N), limits and costs."""

    returns: Floats
    mu: Floats
    constraints: Constraints
    cost: Floats
    gamma: float = 5.0

    @property
    def n(self) -> int:
        """The number of assets."""
        return self.returns.shape[1]

    def past(self, t: int) -> Floats:
        """Return the returns that are known at rebalance t."""
        return self.returns[t : t + WINDOW]

    def problem(self, t: int, sigma: Floats, held: Floats) -> Problem:
        """Return the problem of rebalance t."""
        return Problem(self.mu[t], sigma, held, self.gamma, self.cost, self.constraints)

    def drifted(self, t: int, w: Floats) -> Floats:
        """Return the weights after the returns of the next day."""
        grown = w * (1 + self.returns[WINDOW + t])
        return np.asarray(grown / grown.sum())


def year(n: int, seed: int = 1, **limits: float) -> Year:
    """Return synthetic daily returns with fat tails and slowly changing expected returns."""
    rng, k = np.random.default_rng(seed), min(20, n // 2)
    beta = rng.normal(size=(n, k)) * 0.04
    beta[:, 0] = rng.normal(1, 0.3, n) * 0.16
    own = rng.uniform(0.10, 0.35, n)
    rows = WINDOW + REBALANCES
    shocks = rng.standard_t(5, size=(rows, k + n)) * np.sqrt(3 / 5)
    returns = (shocks[:, :k] @ beta.T + shocks[:, k:] * own) / np.sqrt(252)
    signal, mu = rng.normal(size=n), []
    for _ in range(REBALANCES):
        signal = 0.97 * signal + np.sqrt(1 - 0.97**2) * rng.normal(size=n)
        mu.append((0.02 + 0.06 * beta[:, 0] / 0.16 + 0.03 * signal) / 12)
    cap = max(5 / n, 0.05)
    # Monthly expected return and covariance; costs of 10 to 20 basis points per trade.
    return Year(returns, np.array(mu), Constraints(maximum=cap, **limits), rng.uniform(0.001, 0.002, n))


def sampled(data: Year) -> list[Floats]:
    """Return monthly covariances of the windows, shrunk by one tenth towards their diagonals."""
    out = []
    for t in range(REBALANCES):
        S = np.cov(data.past(t).T) * 21
        out.append(0.9 * S + 0.1 * np.diag(np.diag(S)))
    return out


def large(n: int = 3000, factors: int = 20, cost: float = 0.0, seed: int = 0) -> Problem:
    """Return one annual problem with a factor covariance and bounds on weights."""
    rng = np.random.default_rng(1000 * n + seed)
    beta = rng.normal(size=(n, factors)) * 0.04
    beta[:, 0] = rng.normal(1, 0.3, n) * 0.16
    mu = 0.02 + 0.06 * beta[:, 0] / 0.16 + rng.normal(size=n) * 0.03
    held = np.minimum(rng.dirichlet(np.ones(n)), 0.009)
    held += (1 - held.sum()) * (0.01 - held) / (0.01 - held).sum()
    sigma = FactorCovariance(beta, rng.uniform(0.10, 0.35, n) ** 2)
    return Problem(mu, sigma, held, cost=cost, constraints=Constraints(maximum=0.01))


def large_dense(n: int = 3000) -> tuple[Problem, Problem]:
    """Return one dense problem, and the same with slightly different means, as of the next day."""
    base, rng = large(n), np.random.default_rng(7)
    sigma = base.sigma
    X = rng.normal(size=(2 * n + 50, sigma.loadings.shape[1])) @ sigma.loadings.T
    X += rng.normal(size=X.shape) * np.sqrt(sigma.specific)
    first = replace(base, sigma=X.T @ X / len(X))
    return first, replace(first, mu=first.mu + rng.normal(size=n) * 0.002)

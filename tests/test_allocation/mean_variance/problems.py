"""One allocation problem as plain numbers, with its own reading of objective and limits.

Nothing here is computed by the allocator: what it returns is judged by these lines and by `truth.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.mean_variance.allocator import MeanVariance
from allocation.problem.constraints import Constraints


@dataclass(frozen=True, eq=False)
class Problem:
    """Maximise mu'w - gamma/2 w'Sigma w - c'|w - held| - kappa |e w| within the limits.

    With an L2 penalty, Sigma is Sigma plus l2 times the median variance times the identity in the objective alone.
    """

    mu: np.ndarray
    sigma: np.ndarray | FactorCovariance
    held: np.ndarray
    gamma: float = 5.0
    cost: np.ndarray | float = 0.0
    constraints: Constraints = field(default_factory=Constraints)
    universe: np.ndarray | None = None
    kappa: float = 0.0
    error: np.ndarray | None = None
    l2: float = 0.0

    @property
    def n(self):
        return len(self.mu)

    @property
    def assets(self):
        return tuple(f"a{i}" for i in range(self.n))

    @property
    def inside(self):
        return np.ones(self.n, dtype=bool) if self.universe is None else self.universe

    def rates(self):
        return np.broadcast_to(np.asarray(self.cost, dtype=float), (self.n,))

    def bounds(self):
        c = self.constraints
        pairs = [c.overrides.get(asset, (c.minimum, c.maximum)) for asset in self.assets]
        low, high = np.array(pairs, dtype=float).T
        return np.where(self.inside, low, 0.0), np.where(self.inside, high, 0.0)

    def variance(self, w):
        v = w[self.inside]
        if isinstance(self.sigma, FactorCovariance):
            loadings, specific = self.sigma.loadings[self.inside], self.sigma.specific[self.inside]
            return float(np.square(loadings.T @ v).sum() + specific @ v**2)
        return float(v @ self.sigma[np.ix_(self.inside, self.inside)] @ v)

    def parts(self, w):
        """Return the terms of the objective, each 0 or more but the first."""
        kept = self.inside
        terms = [
            self.mu[kept] @ w[kept],
            self.gamma / 2 * self.variance(w),
            self.rates() @ abs(w - self.held),
        ]
        if self.l2:
            terms.append(self.ridge() / 2 * float(w[kept] @ w[kept]))
        if self.kappa:
            terms.append(self.kappa * np.linalg.norm(self.error[kept] * w[kept]))
        return [float(term) for term in terms]

    def ridge(self):
        """Return the curvature of the L2 penalty."""
        variances = np.diag(to_dense(self.sigma))
        return self.gamma * self.l2 * float(np.nanmedian(variances))

    def objective(self, w):
        first, *others = self.parts(w)
        return first - sum(others)

    def size(self, w):
        """Return what the terms of the objective add up to: the yardstick of a relative gap."""
        kept = self.inside
        return float(abs(self.mu[kept]) @ abs(w[kept])) + sum(self.parts(w)[1:])

    def breach(self, w):
        """Return by how much the worst limit is missed: in weight, of deviations and returns as a share."""
        c, (low, high) = self.constraints, self.bounds()
        cash = 1 - w.sum()
        over = [(low - w).max(), (w - high).max(), c.cash_minimum - cash, cash - c.cash_maximum]
        for group in c.groups.values():
            total = sum(w[self.assets.index(asset)] for asset in group.assets)
            over += [group.minimum - total, total - group.maximum]
        for linear in c.linear.values():
            total = sum(a * w[self.assets.index(asset)] for asset, a in linear.coefficients.items())
            size = max(abs(a) for a in linear.coefficients.values())
            over += [(linear.minimum - total) / size, (total - linear.maximum) / size]
        return float(max(*over, *self._breaches_of_sizes(w)))

    def _breaches_of_sizes(self, w):
        c, over = self.constraints, [0.0]
        if c.leverage is not None:
            over.append(abs(w).sum() - c.leverage)
        if c.turnover is not None:
            over.append(abs(w - self.held).sum() - c.turnover)
        if c.volatility is not None:
            over.append(np.sqrt(self.variance(w)) / c.volatility - 1)
        if c.tracking_error is not None:
            over.append(np.sqrt(self.variance(w - self.benchmark())) / c.tracking_error - 1)
        if c.minimum_return is not None:
            kept = self.inside
            over.append((c.minimum_return - self.mu[kept] @ w[kept]) / abs(self.mu[kept]).max())
        return over

    def benchmark(self):
        return np.array([self.constraints.benchmark.get(asset, 0.0) for asset in self.assets])

    def allocator(self):
        return MeanVariance(
            self.assets,
            self.constraints,
            risk_aversion=self.gamma,
            cost=self.cost,
            uncertainty=self.kappa,
            l2_penalty=self.l2,
        )

    def solve(self):
        """Return the allocator's answer."""
        allocator = self.allocator()
        return allocator.solve(0, self.mu, self.sigma, self.held, self.inside, error=self.error)

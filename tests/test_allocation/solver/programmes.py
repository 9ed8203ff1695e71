"""Random programmes, and the numbers that define one, for the tests of the solvers."""

import numpy as np

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.solver.programme import Programme


def programme(seed, n, *, cost=True, impact=False, gross=False, groups=0, short=True, factors=0, unit=1.0):
    """Return a random programme with a budget, bounds and what is asked for."""
    rng = np.random.default_rng(seed)
    if factors:
        sigma = FactorCovariance(rng.normal(size=(n, factors)) * 0.05, rng.uniform(0.01, 0.05, n) ** 2)
    else:
        X = rng.normal(size=(3 * n + 5, n)) * rng.uniform(0.02, 0.08, n)
        sigma = X.T @ X / len(X)
    low = -rng.uniform(0, 0.3, n) * (rng.uniform(size=n) < 0.5) if short else np.zeros(n)
    high = rng.uniform(0.2, 1.0, n)
    high *= max(1.0, 1.05 / high.sum())
    start = np.clip(rng.dirichlet(np.ones(n)), low, high)
    rows, lower, upper = [np.ones(n)], [1.0], [1.0]
    inside = low + (high - low) * (1 - low.sum()) / (high - low).sum()
    for _ in range(groups):
        rows.append((rng.uniform(size=n) < 0.5) * 1.0)
        middle = rows[-1] @ inside
        lower.append(middle - rng.uniform(0, 0.2))
        upper.append(middle + rng.uniform(0, 0.2))
    return Programme(
        mu=rng.normal(0.005, 0.01, n) * unit,
        sigma=sigma if unit == 1 else np.asarray(to_dense(sigma)) * unit,
        gamma=float(rng.uniform(2, 20)),
        cost=rng.uniform(0, 0.004, n) * cost * unit,
        impact=rng.uniform(0, 0.05, n) * impact * unit,
        start=start,
        low=low,
        high=high,
        rows=np.array(rows),
        lower=np.array(lower),
        upper=np.array(upper),
        ridge=np.zeros(n),
        gross=float(rng.uniform(0, 0.004)) * gross * unit,
    )


def objective(p, w):
    trade = w - p.start
    return (
        p.mu @ w
        - p.gamma / 2 * w @ to_dense(p.sigma) @ w
        - w @ (p.ridge * w) / 2
        - p.cost @ np.abs(trade)
        - p.impact @ trade**2
        - p.gross * np.abs(w).sum()
    )

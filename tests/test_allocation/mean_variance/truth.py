"""The best weights found without the allocator: exact fractions, a linear or a cone programme."""

from __future__ import annotations

import warnings
from fractions import Fraction
from itertools import product

import numpy as np

from allocation.covariance_types import to_dense


def by_enumeration(problem):
    """Solve bounds and a budget exactly: every set of assets at a bound, in rational arithmetic.

    For a strictly convex problem of a few assets without costs; whatever the scale of its numbers.
    """
    n, (low, high) = problem.n, problem.bounds()
    mu, gamma = [Fraction(float(x)) for x in problem.mu], Fraction(problem.gamma)
    sigma = [[gamma * Fraction(float(x)) for x in row] for row in problem.sigma]
    best, answer = None, None
    for places in product((0, 1, 2), repeat=n):
        w = [Fraction(float(low[i] if p == 0 else high[i])) for i, p in enumerate(places)]
        free = [i for i, p in enumerate(places) if p == 2]
        fixed = [i for i in range(n) if i not in free]
        budget = 1 - sum((w[i] for i in fixed), Fraction(0))
        if free:
            system = [[sigma[i][j] for j in free] + [Fraction(1)] for i in free]
            system.append([Fraction(1)] * len(free) + [Fraction(0)])
            right = [mu[i] - sum(sigma[i][j] * w[j] for j in fixed) for i in free] + [budget]
            found = _solved(system, right)
            if found is None:
                continue
            for i, value in zip(free, found, strict=False):
                w[i] = value
        elif budget != 0:
            continue
        if all(Fraction(float(low[i])) <= w[i] <= Fraction(float(high[i])) for i in range(n)):
            value = sum(mu[i] * w[i] for i in range(n))
            value -= sum(sigma[i][j] * w[i] * w[j] for i in range(n) for j in range(n)) / 2
            if best is None or value > best:
                best, answer = value, w
    return np.array([float(x) for x in answer])


def _solved(system, right):
    """Solve linear equations by Gauss, in fractions; None if they are singular."""
    rows = [[*row, value] for row, value in zip(system, right, strict=True)]
    for k in range(len(rows)):
        pivot = next((r for r in range(k, len(rows)) if rows[r][k] != 0), None)
        if pivot is None:
            return None
        rows[k], rows[pivot] = rows[pivot], rows[k]
        for r in range(len(rows)):
            if r != k and rows[r][k] != 0:
                factor = rows[r][k] / rows[k][k]
                rows[r] = [a - factor * b for a, b in zip(rows[r], rows[k], strict=True)]
    return [rows[k][-1] / rows[k][k] for k in range(len(rows))]


def by_cones(problem):
    """Solve with cvxpy and Clarabel at tight tolerances, the objective brought to order 1; None if infeasible."""
    import cvxpy as cp

    kept = np.flatnonzero(problem.inside)
    mu, sigma = problem.mu[kept], np.asarray(to_dense(problem.sigma))[np.ix_(kept, kept)]
    values, vectors = np.linalg.eigh((sigma + sigma.T) / 2)
    root = (vectors * np.sqrt(np.maximum(values, 0))).T
    scale = max(abs(mu).max(), problem.gamma * values[-1], problem.rates().max())
    w = cp.Variable(len(kept))
    held, rates = problem.held[kept], problem.rates()[kept]
    utility = (mu / scale) @ w - cp.sum_squares(root * np.sqrt(problem.gamma / 2 / scale) @ w)
    utility -= (rates / scale) @ cp.abs(w - held)
    if problem.l2:
        utility -= problem.ridge() / 2 / scale * cp.sum_squares(w)
    if problem.kappa:
        utility -= problem.kappa / scale * cp.norm(cp.multiply(problem.error[kept], w))
    programme = cp.Problem(cp.Maximize(utility), limits(problem, w, kept, mu, root))
    tight = dict.fromkeys(("tol_gap_abs", "tol_gap_rel", "tol_feas"), 1e-12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tighter than it can always reach: what it reached is judged
        programme.solve(solver=cp.CLARABEL, max_iter=500, **tight)
    if programme.status in ("infeasible", "infeasible_inaccurate"):
        return None
    answer = np.zeros(problem.n)
    answer[kept] = w.value
    return answer


def limits(problem, w, kept, mu, root):
    """Write all limits for cvxpy, deviations and returns as shares of their limits."""
    import cvxpy as cp

    c, (low, high) = problem.constraints, problem.bounds()
    names = np.array(problem.assets)[kept]
    out = [w >= low[kept], w <= high[kept], cp.sum(w) <= 1 - c.cash_minimum, cp.sum(w) >= 1 - c.cash_maximum]
    if c.cash_maximum == c.cash_minimum:
        out = [w >= low[kept], w <= high[kept], cp.sum(w) == 1 - c.cash_minimum]
    for group in c.groups.values():
        row = np.isin(names, group.assets).astype(float)
        out += [row @ w >= group.minimum, row @ w <= group.maximum]
    for linear in c.linear.values():
        row = np.array([linear.coefficients.get(name, 0.0) for name in names])
        size = abs(row).max()
        out += [row / size @ w >= linear.minimum / size] if np.isfinite(linear.minimum) else []
        out += [row / size @ w <= linear.maximum / size] if np.isfinite(linear.maximum) else []
    if c.leverage is not None:
        out.append(cp.norm1(w) <= c.leverage)
    if c.turnover is not None:
        sold = abs(problem.held[~problem.inside]).sum()
        out.append(cp.norm1(w - problem.held[kept]) <= c.turnover - sold)
    if c.volatility is not None:
        out.append(cp.norm(root / c.volatility @ w) <= 1)
    if c.tracking_error is not None:
        out.append(cp.norm(root / c.tracking_error @ (w - problem.benchmark()[kept])) <= 1)
    if c.minimum_return is not None:
        out.append((mu / abs(mu).max()) @ w >= c.minimum_return / abs(mu).max())
    return out

"""cvxpy: the problem stated directly, and stated once with parameters for many decisions."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
from problems import Problem
from truth import limits

from allocation.covariance_types import FactorCovariance
from foundation.types import Floats


def _root(sigma: Floats) -> Floats:
    """Return R with R'R = Sigma; a Cholesky factor fails where Sigma is singular."""
    values, vectors = np.linalg.eigh(sigma)
    return np.asarray((vectors * np.sqrt(np.maximum(values, 0))).T)


def weights(problem: Problem, solver: str = "CLARABEL") -> Floats:
    """Solve once, with a quadratic form."""
    w, c = cp.Variable(problem.n), problem.constraints
    if isinstance(problem.sigma, FactorCovariance):
        B, d = problem.sigma.loadings, problem.sigma.specific
        risk, root = cp.sum_squares(B.T @ w) + cp.sum_squares(cp.multiply(np.sqrt(d), w)), None
    else:
        risk = cp.quad_form(w, problem.sigma)
        root = _root(problem.sigma) if c.volatility or c.tracking_error else None
    utility = problem.mu @ w - problem.gamma / 2 * risk
    if np.any(problem.rates() > 0):
        utility -= problem.rates() @ cp.abs(w - problem.held)
    if problem.kappa:
        utility -= problem.kappa * cp.norm(cp.multiply(problem.error, w))
    programme = cp.Problem(cp.Maximize(utility), limits(problem, w, np.arange(problem.n), problem.mu, root))
    programme.solve(solver=solver)
    if w.value is None:
        raise RuntimeError(programme.status)
    return np.asarray(w.value)


class Parametrised:
    """A problem that is compiled once; mu, the root of Sigma and the holdings are parameters."""

    def __init__(self, problem: Problem, solver: str = "CLARABEL", **options: object) -> None:
        n, c = problem.n, problem.constraints
        self.solver, self.options = solver, options
        self.w, self.mu, self.held = cp.Variable(n), cp.Parameter(n), cp.Parameter(n)
        self.root = cp.Parameter((n, n))
        self.gamma = problem.gamma
        utility = self.mu @ self.w - cp.sum_squares(self.root @ self.w)
        if np.any(problem.rates() > 0):
            utility -= problem.rates() @ cp.abs(self.w - self.held)
        if problem.kappa:
            utility -= problem.kappa * cp.norm(cp.multiply(problem.error, self.w))
        low, high = problem.bounds()
        rows = [self.w >= low, self.w <= high, cp.sum(self.w) == 1]
        half = np.sqrt(problem.gamma / 2)
        if c.turnover is not None:
            rows.append(cp.norm1(self.w - self.held) <= c.turnover)
        if c.leverage is not None:
            rows.append(cp.norm1(self.w) <= c.leverage)
        if c.volatility is not None:
            rows.append(cp.norm(self.root @ self.w) <= c.volatility * half)
        if c.tracking_error is not None:
            rows.append(cp.norm(self.root @ (self.w - problem.benchmark())) <= c.tracking_error * half)
        self.programme = cp.Problem(cp.Maximize(utility), rows)

    def __call__(self, problem: Problem) -> Floats:
        """Solve with new parameters, with a warm start if the solver supports it."""
        self.mu.value, self.held.value = problem.mu, problem.held
        try:
            root = np.linalg.cholesky(problem.sigma).T
        except np.linalg.LinAlgError:
            root = _root(problem.sigma)
        self.root.value = root * np.sqrt(self.gamma / 2)
        self.programme.solve(solver=self.solver, warm_start=True, **self.options)
        if self.w.value is None:
            raise RuntimeError(self.programme.status)
        return np.asarray(self.w.value)

"""PyPortfolioOpt: max_quadratic_utility; other limits are cvxpy expressions, as its manual recommends."""

from __future__ import annotations

import cvxpy as cp
import numpy as np
from problems import Problem
from pypfopt import EfficientFrontier, objective_functions

from allocation.covariance_types import to_dense
from allocators.asking import refuse, sums
from foundation.types import Floats


def frontier(problem: Problem) -> EfficientFrontier:
    refuse(problem, cash="max_quadratic_utility sets the sum of weights to 1")
    c, (low, high) = problem.constraints, problem.bounds()
    one = EfficientFrontier(
        problem.mu, to_dense(problem.sigma), weight_bounds=list(zip(low, high, strict=True))
    )
    if np.any(problem.rates() > 0):
        rates = problem.rates()
        if np.ptp(rates) == 0:
            one.add_objective(objective_functions.transaction_cost, w_prev=problem.held, k=rates[0])
        else:
            one.add_objective(lambda w: rates @ cp.abs(w - problem.held))
    if problem.kappa:
        one.add_objective(lambda w: problem.kappa * cp.norm(cp.multiply(problem.error, w)))
    if c.groups or c.linear:
        A, b = sums(problem)
        one.add_constraint(lambda w: A @ w <= b)
    if c.turnover is not None:
        one.add_constraint(lambda w: cp.norm1(w - problem.held) <= c.turnover)
    if c.leverage is not None:
        one.add_constraint(lambda w: cp.norm1(w) <= c.leverage)
    if c.minimum_return is not None:
        one.add_constraint(lambda w: problem.mu @ w >= c.minimum_return)
    _variances(one, problem)
    return one


def _variances(one: EfficientFrontier, problem: Problem) -> None:
    c, S = problem.constraints, to_dense(problem.sigma)
    if c.volatility is not None:
        one.add_constraint(lambda w: cp.quad_form(w, cp.psd_wrap(S)) <= c.volatility**2)
    if c.tracking_error is not None:
        away = problem.benchmark()
        one.add_constraint(lambda w: cp.quad_form(w - away, cp.psd_wrap(S)) <= c.tracking_error**2)


def weights(problem: Problem) -> Floats:
    one = frontier(problem)
    one.max_quadratic_utility(risk_aversion=problem.gamma)
    return np.asarray(one.weights)

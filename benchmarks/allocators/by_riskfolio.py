"""Riskfolio-Lib: Portfolio.optimization, classic mean-variance utility."""

from __future__ import annotations

import numpy as np
import pandas as pd
import riskfolio
from problems import Problem

from allocation.covariance_types import to_dense
from allocators.asking import CannotExpressError, refuse, sums
from foundation.types import Floats


def weights(problem: Problem) -> Floats:
    refuse(
        problem,
        costs="no transaction costs in the objective",
        turnover="turnover is a limit on each asset, not on the sum",
        tracking="tracking error is measured on past returns, not by the covariance",
        cash="the sum of weights is a number",
        robust="worst cases are boxes and ellipsoids of its own, as a square in the objective",
    )
    c, names = problem.constraints, list(problem.assets)
    one = riskfolio.Portfolio(returns=pd.DataFrame(np.zeros((3, problem.n)), columns=names))
    one.mu = pd.DataFrame(problem.mu[None], columns=names)
    one.cov = pd.DataFrame(to_dense(problem.sigma), names, names)
    low, high = problem.bounds()
    A, b = sums(problem)
    if (
        np.ptp(low) > 0 or np.ptp(high) > 0
    ):  # bounds that differ between assets are rows of the constraint matrix
        A, b = np.vstack([A, np.eye(problem.n), -np.eye(problem.n)]), np.r_[b, high, -low]
    one.upperlng = float(high.max())
    if (low < 0).any():
        if c.leverage is None:
            raise CannotExpressError("shorts need a limit on their sum")
        one.sht, one.uppersht, one.budgetsht = True, float(-low.min()), max((c.leverage - 1) / 2, 0.0)
    elif c.leverage is not None:
        raise CannotExpressError("leverage without shorts")
    if len(A):
        one.ainequality, one.binequality = A, b[:, None]
    one.upperdev, one.lowerret = c.volatility, c.minimum_return
    solution = one.optimization(model="Classic", rm="MV", obj="Utility", l=problem.gamma / 2, hist=True)
    if solution is None:
        raise RuntimeError("None was returned")
    return np.asarray(solution.to_numpy()[:, 0])

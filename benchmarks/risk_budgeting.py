"""Risk parity: Tangency's allocator compared with skfolio, Riskfolio-Lib and riskparityportfolio.

Every contender takes a covariance and returns weights, except skfolio, which estimates the covariance from returns. The
largest error of a risk share is printed for each, because an inaccurate solution is fast. Unlike riskparityportfolio,
the allocator checks its inputs and certifies its solution; the kernel alone is therefore timed as well.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from allocation.covariance_types import FactorCovariance, to_dense
from allocation.risk_based.kernels import minimise_unbounded
from allocation.risk_based.risk_budgeting import RiskBudgeting

SIZES = ("50 dense", "200 dense", "3000 by 20 factors")


def cases(size: str) -> dict[str, Callable[[], object]]:
    n = int(size.split()[0])
    rng = np.random.default_rng(0)
    factors = 20 if "factors" in size else 5
    loadings = np.c_[rng.uniform(0.5, 1.5, n) * 0.04, rng.normal(size=(n, factors - 1)) * 0.015]
    model = FactorCovariance(loadings, rng.uniform(0.02, 0.1, n) ** 2)
    names, everything = [f"a{i}" for i in range(n)], np.ones(n, dtype=bool)
    ours = RiskBudgeting(names)
    if "factors" in size:
        full = to_dense(model)
        runs: dict[str, Callable[[], object]] = {
            "tangency, factors": lambda: ours.solve(0, None, model, None, everything).weights,
            "tangency, dense": lambda: ours.solve(0, None, full, None, everything).weights,
        }
    else:
        returns = rng.normal(size=(3 * n, factors)) @ loadings.T + rng.normal(size=(3 * n, n)) * np.sqrt(
            model.specific
        )
        full = np.cov(returns.T)
        none, variances, budgets = np.empty(0), np.diag(full).copy(), np.full(n, 1 / n)
        runs = {
            "tangency": lambda: ours.solve(0, None, full, None, everything).weights,
            "tangency, kernel alone": lambda: minimise_unbounded(full, none, variances, budgets, 1e-11)[1],
        }
        for add in (_riskparityportfolio, _riskfolio, _skfolio):
            try:
                runs |= add(returns, full)
            except ImportError as error:
                print(f"risk_budgeting: {add.__name__[1:]} left out, {error.name} is not installed")
    for name, run in runs.items():
        w = np.asarray(run()).ravel()
        share = w * (full @ w)
        print(
            f"risk_budgeting {size}: {name}: largest error of a share {np.abs(share / share.sum() - 1 / n).max():.1e}"
        )
    return runs


def _riskparityportfolio(returns: np.ndarray, full: np.ndarray) -> dict[str, Callable[[], object]]:
    import riskparityportfolio

    share, design = np.full(len(full), 1 / len(full)), riskparityportfolio.vanilla.design
    return {
        "riskparityportfolio, as it comes": lambda: design(full, share),
        "riskparityportfolio, tolerance 1e-11": lambda: design(full, share, tol=1e-11, maxiter=1000),
    }


def _riskfolio(returns: np.ndarray, full: np.ndarray) -> dict[str, Callable[[], object]]:
    import pandas as pd
    import riskfolio

    names = [f"a{i}" for i in range(len(full))]
    portfolio = riskfolio.Portfolio(returns=pd.DataFrame(returns, columns=names))
    portfolio.assets_stats(method_mu="hist", method_cov="hist")
    portfolio.cov = pd.DataFrame(full, names, names)
    return {"Riskfolio-Lib": lambda: portfolio.rp_optimization(model="Classic", rm="MV", hist=True)}


def _skfolio(returns: np.ndarray, full: np.ndarray) -> dict[str, Callable[[], object]]:
    from skfolio.optimization import RiskBudgeting as Theirs

    return {"skfolio": lambda: Theirs().fit(returns).weights_}

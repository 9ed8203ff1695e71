"""Kernels: compile them all at once, on all cores, so that no later command waits.

A kernel is compiled on its first call, and cached on disk for later processes. This module calls all code with kernels
on a few random numbers. A kernel missing here is compiled in the first run that needs it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numba.core.event
import numpy as np
import pandas as pd
from joblib import cpu_count

from market.as_of.asset_tables import AssetTable
from market.counterfactual import random_bars
from market.macro import MacroSeries
from market.panel import Panel
from models.parallel.executors import Processes


def compile_all(workers: int | None = None) -> Iterator[tuple[str, int]]:
    """Yield the name of each part when it is done, and the number of functions compiled for it.

    Parameters
    ----------
    workers : int, optional
        Number of processes; all cores by default. More processes than parts have no effect.
    """
    with Processes(min(workers or cpu_count(), len(PARTS))) as executor:
        yield from zip(PARTS, executor.map(_compile_part, None, list(PARTS)), strict=True)


def _compile_part(_: None, name: str) -> int:
    """Compile the kernels of one part, and return the number of compiled functions."""
    with numba.core.event.install_recorder("numba:compile") as recorder:
        PARTS[name]()
    return sum(event.is_start for _, event in recorder.buffer)


def _features() -> None:
    """Compute all features of a panel of bars, in both precisions."""
    from features.building import build_matrix

    panel = _panel(np.random.default_rng(0))
    _read_own_data(panel)
    for dtype in (np.float64, np.float32):
        build_matrix(panel, dtype=dtype, workers=1)


def _read_own_data(panel: Panel) -> None:
    """Read a series and a table as of the dates of a panel."""
    series = MacroSeries("x", panel.market, panel.dates, panel.dates, 10, "log_change_1")
    series.at(panel.dates, "zscore_3")
    asset = np.zeros(len(panel.dates), dtype=np.int64)
    AssetTable("x", panel.assets, asset, panel.dates, panel.dates, panel.market, 10).at(panel.dates, "age")


def _panel(rng: np.random.Generator) -> Panel:
    returns = rng.normal(0, 0.01, (300, 4))
    panel = Panel(
        name="random",
        dates=pd.bdate_range("2000-01-03", periods=300),
        assets=tuple("abcd"),
        returns=returns,
        cash=np.full(300, 1e-4),
        market=returns.mean(axis=1),
        periods_per_year=252,
        volume=rng.lognormal(12, 0.5, returns.shape),
    )
    bars: Mapping[str, Any] = random_bars(rng, np.asarray(50 * np.cumprod(1 + returns, axis=0)))
    return replace(panel, **bars)


def _models() -> None:
    """Fit models and regimes of each kind, estimate covariances of each kind, and run the two-sample tests."""
    from allocation.covariance.choices import COVARIANCES
    from allocation.covariance.path_estimation import covariance_path
    from models.linear.regression import Lasso
    from models.regimes.ahead.forecast import most_probable
    from models.regimes.ahead.transitions import estimate_transitions
    from models.regimes.hmm import HMMRegimes
    from models.regimes.jump import JumpRegimes
    from models.regimes.kmeans import KMeansRegimes
    from models.walk_forward.moments import demean_by_date
    from validation.drift.two_samples import ks_p_value

    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    Lasso().fit(X, X[:, 0] + rng.normal(size=120))
    demean_by_date(X, np.arange(120) // 4)
    for model in (KMeansRegimes(2), HMMRegimes(2), HMMRegimes(2, "diagonal"), JumpRegimes(2)):
        states = model.fit(X).predict_states(X)[0]
        estimate_transitions(states, most_probable(states), 1)
    for estimator in COVARIANCES.values():
        estimator(X)
    covariance_path(X, np.arange(60, 120), window=50, min_history=50, horizon=1)
    ks_p_value(0.2, 30, 40)


def _portfolios() -> None:
    """Solve small problems of each kind."""
    from allocation.cardinality.allocator import Cardinality
    from allocation.frontier.frontier_path import efficient_frontier
    from allocation.mean_variance.allocator import MeanVariance
    from allocation.problem.constraints import Constraints
    from allocation.problem.polytope import make_polytope
    from allocation.risk_based.risk_budgeting import RiskBudgeting

    rng = np.random.default_rng(0)
    assets, held, everything = tuple("abcdef"), np.zeros(6), np.ones(6, dtype=bool)
    returns = rng.normal(size=(60, 6))
    mu, sigma = returns.mean(axis=0), returns.T @ returns / 60
    half, even = Constraints(maximum=0.5), Constraints(maximum=0.17)
    solver = MeanVariance(assets, half, risk_aversion=5.0, cost=0.001, l2_penalty=1.0)
    for allocator in (solver, Cardinality(solver, 3), RiskBudgeting(assets), RiskBudgeting(assets, even)):
        allocator.solve(0, mu, sigma, held, everything)
    efficient_frontier(mu, sigma, make_polytope(half, assets))


PARTS: Mapping[str, Callable[[], None]] = {
    "portfolios": _portfolios,
    "features": _features,
    "models": _models,
}
"""Parts to compile, the slowest first."""

"""Stage `active`: measures active portfolios at each decision, and earns the chain from the forecast to the trade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.covariance_types import FactorCovariance
from backtest.active.geometry import ActiveMeasures, measure_active
from backtest.active.overlays import overlay_gains, overlay_returns
from backtest.active.record import ActiveRecord
from backtest.costs import TradingCost
from backtest.result import BacktestResult
from foundation.types import Bools, Floats, Ints
from market.panel import Panel
from models.forecast import Forecast
from pipeline.config import BASELINES, RunConfig
from pipeline.stages.active.alphas import make_alphas
from pipeline.stages.schedule import Schedule
from pipeline.stages.trading import backtest, forecast_policy

BENCHMARK = "no_forecast"
"""Portfolio that active weights and active returns are measured against: the same allocator without a forecast."""
WITHIN_LIMITS = "within limits"
"""Name of the simulation in which the allocator ignores costs and pays none."""


def simulate_without_costs(
    panel: Panel,
    schedule: Schedule,
    forecasts: Mapping[str, Forecast],
    covariances: CovariancePath,
    results: Mapping[str, BacktestResult],
    config: RunConfig,
) -> BacktestResult:
    """Return the portfolio on the configured forecast as its allocator would hold it if trading were free.

    Raises
    ------
    RunError
        If the allocator cannot decide at some date; the error names the date.
    """
    chosen = config.allocation.forecast
    if not config.cost_rate and not config.impact_rate:
        return results[f"model:{chosen}"]
    policy = forecast_policy(panel, schedule, covariances, forecasts[chosen], config, cost=0.0)
    return backtest(WITHIN_LIMITS, policy, panel, schedule, config, cost=TradingCost(0.0))


@dataclass(frozen=True, eq=False)
class ActiveInputs:
    """What the record of active portfolios is made from.

    Attributes
    ----------
    panel : Panel
    schedule : Schedule
    forecasts : mapping of model name to Forecast
    covariances : CovariancePath
    results : mapping of portfolio name to BacktestResult
    free : BacktestResult
        From `simulate_without_costs`.
    config : RunConfig
    """

    panel: Panel
    schedule: Schedule
    forecasts: Mapping[str, Forecast]
    covariances: CovariancePath
    results: Mapping[str, BacktestResult]
    free: BacktestResult
    config: RunConfig

    @property
    def chain(self) -> tuple[str, ...]:
        """Simulated portfolios of the chain, the traded one last: a strategy comes after the run's own allocator."""
        forecasting, traded = f"model:{self.config.allocation.forecast}", self.config.traded
        return (forecasting,) if traded == forecasting else (forecasting, traded)


def record_active(inputs: ActiveInputs) -> ActiveRecord:
    """Measure every portfolio that is no baseline at each decision, and earn the links of the chain.

    Every portfolio is measured by the weights that it held after the trade of a decision, and by the covariance and the
    forecast of that decision: a model's portfolio by its own forecast, a strategy by the configured one.
    """
    config, results = inputs.config, inputs.results
    benchmark, models = results[BENCHMARK], list(inputs.forecasts)
    decisions, first = _traded_decisions(inputs.schedule.decisions, benchmark, config.target.execution_lag)
    base, alpha = make_alphas(inputs.panel, inputs.schedule, inputs.forecasts, decisions, config)
    sigma, inside = _covariances_at(inputs.covariances, decisions, np.isfinite(base))
    names = [name for name in results if name not in BASELINES]
    chosen = models.index(config.allocation.forecast)
    owner = np.array([_model_of(name, models, chosen) for name in names] + [chosen], dtype=np.int64)
    at = first - benchmark.positions[0]
    held = [*(results[name].weights[at] for name in names), inputs.free.weights[at]]
    active = np.stack(held, axis=1) - benchmark.weights[at][:, None]
    allocation = config.allocation
    full = allocation.cash_minimum == allocation.cash_maximum
    measures = measure_active(sigma, inside, alpha, active, owner, full)
    links, expected, overlays = _chain(inputs, names, measures, active, chosen)
    returns = _earn(inputs, first, overlays)
    traded = results[config.traded]
    return ActiveRecord(
        tuple(names),
        links,
        decisions,
        first,
        inside.sum(axis=1),
        measures.risk[:, :-1],
        measures.transfer[:, :-1],
        measures.bets[:, :-1],
        measures.potential[:, chosen],
        expected,
        benchmark.positions,
        np.column_stack([*returns, traded.gross - benchmark.gross]),
        (traded.gross - traded.net) - (benchmark.gross - benchmark.net),
    )


def _traded_decisions(decisions: Ints, benchmark: BacktestResult, execution_lag: int) -> tuple[Ints, Ints]:
    """Return the decisions whose trade is followed by a return, and the row of that return."""
    first = decisions + execution_lag + 1
    within = (
        first <= benchmark.positions[-1] if len(benchmark.positions) else np.zeros(len(first), dtype=bool)
    )
    return decisions[within], first[within]


def _model_of(portfolio: str, models: Sequence[str], chosen: int) -> int:
    """Return the number of the forecast that a portfolio is held to."""
    kind, _, name = portfolio.partition(":")
    return models.index(name) if kind == "model" else chosen


def _covariances_at(
    path: CovariancePath, decisions: Ints, forecast: Bools
) -> tuple[Floats | tuple[FactorCovariance, ...], Bools]:
    """Return the covariances at decisions, and the eligible assets among those of which something is expected."""
    at = np.searchsorted(path.positions, decisions)
    sigma = tuple(path.sigma[d] for d in at) if isinstance(path.sigma, tuple) else path.sigma[at]
    return sigma, path.eligible[at] & forecast


def _chain(
    inputs: ActiveInputs, names: Sequence[str], measures: ActiveMeasures, active: Floats, chosen: int
) -> tuple[tuple[str, ...], Floats, list[Floats]]:
    """Return the names of the links, their expected active risk (D, L), and the weights (D, N) of all but the last."""
    best, potential = measures.best[:, chosen], measures.potential[:, chosen]
    gamma = inputs.config.allocation.risk_aversion
    traded = measures.risk[:, names.index(inputs.chain[-1])]
    scaled = {"same_risk": (best, potential), "limits": (active[:, -1], measures.risk[:, -1])}
    if len(inputs.chain) > 1:
        own = names.index(inputs.chain[0])
        scaled["allocator"] = (active[:, own], measures.risk[:, own])
    overlays, expected = [best / gamma], [potential / gamma]
    for weights, risk in scaled.values():
        factor = np.divide(traded, risk, out=np.zeros_like(traded), where=risk > 1e-10)
        overlays.append(weights * factor[:, None])
        expected.append(risk * factor)
    return ("unlimited", *scaled, "traded"), np.column_stack([*expected, traded]), overlays


def _earn(inputs: ActiveInputs, first: Ints, overlays: Sequence[Floats]) -> list[Floats]:
    """Return what each overlay earned in each row, shape (R,)."""
    benchmark = inputs.results[BENCHMARK]
    if not len(first):
        return [np.zeros(len(benchmark.positions)) for _ in overlays]
    panel, rows = inputs.panel, benchmark.positions
    gains = overlay_gains(panel.returns, panel.cash, benchmark.gross, rows, first)
    return [overlay_returns(gains, weights, rows, first) for weights in overlays]

"""Trading: from forecasts to portfolios, decided and simulated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from allocation.covariance.estimator import Estimator
from allocation.covariance.path import CovariancePath
from allocation.covariance.path_estimation import covariance_path
from allocation.covariance_types import to_dense
from allocation.decision_status import DecisionStatus
from allocation.errors import AllocationError
from allocation.policies.outsiders import SellOutsiders
from allocation.policies.policy import (
    AllocatorPolicy,
    BuyAndHold,
    EqualWeight,
    KeepClosed,
    Policy,
    TradeDecision,
)
from allocation.policies.portfolio_state import PortfolioState
from allocation.weights import OptimalityCertificate, Weights
from backtest.costs import TradingCost
from backtest.result import BacktestResult
from backtest.simulate import simulate
from foundation.types import Ints
from market.panel import Panel
from models.calibration_metric import CovarianceMetric
from models.forecast import Forecast
from models.regimes.path import RegimePath
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.stages.schedule import Schedule
from pipeline.strategies.allocators import RunAllocators
from pipeline.strategies.builder import StrategyBuilder
from pipeline.strategies.forecast_policies import ForecastPolicies
from validation.forecasts.scores import historical_mean

_PER_HORIZON = 4
"""Covariances in each horizon: labels of nearer dates overlap so much that they add nearly nothing."""


@dataclass(frozen=True, eq=False)
class CalibrationRisk:
    """Covariances at forecast dates from the first on, before the first decision too.

    Attributes
    ----------
    path : CovariancePath
    step : int
        Dates from one covariance to the next.
    """

    path: CovariancePath
    step: int

    def metric(self) -> CovarianceMetric:
        """Return the covariances as plain arrays."""
        return CovarianceMetric(
            self.path.positions, self.step, lambda row: np.asarray(to_dense(self.path.at(row)[0]))
        )


def make_covariances(
    panel: Panel, schedule: Schedule, regimes: RegimePath, config: RunConfig
) -> CovariancePath:
    """Estimate the covariance at each decision and at the last date, for today's target weights."""
    return estimate_covariances(panel, decision_rows(panel, schedule), config, _estimator(regimes, config))


def make_calibration_risk(
    panel: Panel, schedule: Schedule, regimes: RegimePath, config: RunConfig
) -> CalibrationRisk:
    """Estimate the covariance at dates from the first forecast on, as the allocator does at decisions."""
    step = max(1, config.target.horizon // _PER_HORIZON)
    rows = np.arange(int(schedule.folds[0].test[0]), len(panel.dates), step, dtype=np.int64)
    return CalibrationRisk(estimate_covariances(panel, rows, config, _estimator(regimes, config)), step)


def estimate_covariances(panel: Panel, rows: Ints, config: RunConfig, estimator: Estimator) -> CovariancePath:
    """Estimate covariances over one holding period at some rows, from the windows of the run."""
    return covariance_path(
        panel.returns - panel.cash[:, None],
        rows,
        window=config.allocation.covariance_window,
        min_history=config.allocation.min_history,
        horizon=config.target.horizon,
        estimator=estimator,
        closed=panel.closed,
        member=panel.member,
    )


def _estimator(regimes: RegimePath, config: RunConfig) -> Estimator:
    return config.allocation.covariance.estimator(regimes.probabilities, regimes.forecast.probabilities)


def decision_rows(panel: Panel, schedule: Schedule) -> Ints:
    """Return the rows at which weights are decided."""
    return np.union1d(schedule.decisions, [len(panel.dates) - 1]).astype(np.int64)


def make_policies(
    panel: Panel,
    schedule: Schedule,
    forecasts: Mapping[str, Forecast],
    covariances: CovariancePath,
    regimes: RegimePath,
    config: RunConfig,
) -> dict[str, Policy]:
    """Return the baselines, one mean-variance policy per model, and the strategies, by name."""
    closed = panel.closed
    forecasts = {name: forecast.carry_forward(closed) for name, forecast in forecasts.items()}
    allocators = RunAllocators(panel, config.trading_settings())
    limits = allocators.constraints
    past = historical_mean(schedule.labels)
    without = schedule.baseline(config.calibration.own_mean_weight)
    rows = np.arange(len(panel.dates), dtype=np.int64)
    on_forecast = ForecastPolicies(allocators, covariances, without)
    policies: dict[str, Policy] = {
        "equal_weight": EqualWeight(covariances),
        # Without costs: the portfolio that follows from risk alone.
        "minimum_variance": allocators.hold_if_infeasible(
            AllocatorPolicy(allocators.build(limits, 1.0, 0.0, tilt=False), covariances)
        ),
        "buy_and_hold": BuyAndHold(covariances),
        "historical_mean": on_forecast.make(rows, past),
        # The value toward which every forecast is shrunk; the difference in results is the value of forecasting.
        "no_forecast": on_forecast.make(rows, without),
    }
    for name, forecast in forecasts.items():
        policies[f"model:{name}"] = on_forecast.make(forecast.positions, forecast.mean)
    builder = StrategyBuilder(
        panel=panel,
        decisions=schedule.decisions,
        labels=schedule.labels,
        forecasts=forecasts,
        covariances=covariances,
        regimes=regimes,
        settings=config.trading_settings(),
        strategies=config.strategies,
        policies=policies,
        on_forecast=on_forecast,
    )
    whole = policies | builder.build_all()
    return {name: keep_tradable(policy, panel, covariances) for name, policy in whole.items()}


def keep_tradable(policy: Policy, panel: Panel, covariances: CovariancePath) -> Policy:
    """Return a policy that holds nothing outside of the universe, and trades nothing where markets are closed."""
    inside = policy if panel.member is None else SellOutsiders(policy, panel.member, panel.assets)
    return KeepClosed(inside, covariances, panel.assets)


def forecast_policy(
    panel: Panel,
    schedule: Schedule,
    covariances: CovariancePath,
    forecast: Forecast,
    config: RunConfig,
    cost: float | None = None,
) -> Policy:
    """Return the run's allocator on one forecast; with another proportional cost in its objective if it is given."""
    allocators = RunAllocators(panel, config.trading_settings())
    without = schedule.baseline(config.calibration.own_mean_weight)
    forecast = forecast.carry_forward(panel.closed)
    policy = ForecastPolicies(allocators, covariances, without, cost).make(forecast.positions, forecast.mean)
    return keep_tradable(policy, panel, covariances)


def backtest(
    name: str,
    policy: Policy,
    panel: Panel,
    schedule: Schedule,
    config: RunConfig,
    decisions: Ints | None = None,
    cost: TradingCost | None = None,
) -> BacktestResult:
    """Simulate one policy over the evaluation dates, or from the first of the given decisions on.

    It pays the costs of the run, unless others are given.

    Raises
    ------
    RunError
        If the policy cannot decide at some date; the error names the date.
    """

    def dated(position: int, state: PortfolioState) -> TradeDecision:
        try:
            return policy(position, state)
        except AllocationError as error:
            raise RunError(f"portfolio {name}, at {panel.dates[position]:%Y-%m-%d}: {error}") from error

    return simulate(
        name,
        panel.returns,
        panel.cash,
        schedule.decisions if decisions is None else decisions,
        dated,
        cost=cost or TradingCost(config.cost_rate, config.impact_rate),
        execution_lag=config.target.execution_lag,
        closed=panel.closed,
    )


def target_weights(policy: Policy, result: BacktestResult, panel: Panel) -> Weights:
    """Decide at the last date, from the holdings of the simulated portfolio; return them if nothing is traded."""
    last = len(panel.dates) - 1
    decided = policy(last, result.state)
    if isinstance(decided, Weights):
        return decided
    if decided is None:
        status, note = DecisionStatus.UNCHANGED, "no trade"
    else:
        status, note = decided.status, decided.reason
    state = result.state
    return Weights(last, state.weights, state.cash, status, OptimalityCertificate({}, 0.0), note=note)

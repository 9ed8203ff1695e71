"""Trading: from forecasts to portfolios, decided and simulated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.covariance.path_estimation import covariance_path
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
from models.calibration import baseline_mean
from models.forecast import Forecast
from models.regimes.path import RegimePath
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.stages.schedule import Schedule
from pipeline.strategies.allocators import RunAllocators
from pipeline.strategies.builder import StrategyBuilder
from validation.forecasts.scores import historical_mean


def make_covariances(
    panel: Panel, schedule: Schedule, regimes: RegimePath, config: RunConfig
) -> CovariancePath:
    """Estimate the covariance at each decision and at the last date, for today's target weights."""
    return covariance_path(
        panel.returns - panel.cash[:, None],
        decision_rows(panel, schedule),
        window=config.allocation.covariance_window,
        min_history=config.allocation.min_history,
        horizon=config.target.horizon,
        estimator=config.allocation.covariance.estimator(regimes.probabilities),
        closed=panel.closed,
        member=panel.member,
    )


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
    solver = allocators.build(limits)
    past = historical_mean(schedule.labels)
    without = baseline_mean(schedule.labels, config.calibration.own_mean_weight, schedule.target.riskless)
    rows = np.arange(len(panel.dates), dtype=np.int64)
    policies: dict[str, Policy] = {
        "equal_weight": EqualWeight(covariances),
        # Without costs: the portfolio that follows from risk alone.
        "minimum_variance": AllocatorPolicy(allocators.build(limits, 1.0, 0.0, tilt=False), covariances),
        "buy_and_hold": BuyAndHold(covariances),
        "historical_mean": AllocatorPolicy(solver, covariances, rows, past),
        # The value toward which every forecast is shrunk; the difference in results is the value of forecasting.
        "no_forecast": AllocatorPolicy(solver, covariances, rows, without),
    }
    for name, forecast in forecasts.items():
        policies[f"model:{name}"] = AllocatorPolicy(solver, covariances, forecast.positions, forecast.mean)
    policies = {name: allocators.hold_if_infeasible(policy) for name, policy in policies.items()}
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
    )
    whole = policies | builder.build_all()
    return {name: _keep_tradable(policy, panel, covariances) for name, policy in whole.items()}


def _keep_tradable(policy: Policy, panel: Panel, covariances: CovariancePath) -> Policy:
    """Return a policy that holds nothing outside of the universe, and trades nothing where markets are closed."""
    inside = policy if panel.member is None else SellOutsiders(policy, panel.member, panel.assets)
    return KeepClosed(inside, covariances, panel.assets)


def forecast_policy(
    panel: Panel,
    covariances: CovariancePath,
    forecast: Forecast,
    config: RunConfig,
    cost: float | None = None,
) -> Policy:
    """Return the run's allocator on one forecast; with another proportional cost in its objective if it is given."""
    allocators = RunAllocators(panel, config.trading_settings())
    solver = allocators.build(allocators.constraints, cost=cost)
    forecast = forecast.carry_forward(panel.closed)
    policy = allocators.hold_if_infeasible(
        AllocatorPolicy(solver, covariances, forecast.positions, forecast.mean)
    )
    return _keep_tradable(policy, panel, covariances)


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

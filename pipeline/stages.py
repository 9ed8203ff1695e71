"""Stages: pure functions from what was known to what was decided. Their order is in `pipeline/run.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from allocation.constraints import check_feasible
from allocation.errors import AllocationError, InfeasibleError
from allocation.mean_variance import MeanVariance
from allocation.policies import BuyAndHold, EqualWeight, MeanVariancePolicy, MinimumVariance, Policy
from allocation.risk import CovariancePath, covariance_path
from allocation.weights import Weights
from backtest.costs import ProportionalCost
from backtest.simulate import BacktestResult, simulate
from features.matrix import FeatureMatrix, build
from market.calendar import decision_positions, position_of
from market.panel import Panel
from models.base import Progress, WalkResult
from models.calibration import calibrate
from models.combination import mean_combination
from models.dataset import Dataset
from models.forecast import Forecast
from models.regimes import RegimePath, walk_regimes
from models.target import Target, risk_scaled, trailing_risk
from pipeline.config import CombinationModel, Fitted, RunConfig
from pipeline.errors import RunError
from validation.errors import ScheduleError
from validation.labels import Labels, forward_excess_returns
from validation.scores import historical_mean
from validation.walk_forward import Fold, WalkForward

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BASELINES = ("equal_weight", "minimum_variance", "buy_and_hold", "historical_mean")
"""What every portfolio is compared with, on the same dates, assets and costs."""


@dataclass(frozen=True, eq=False)
class Schedule:
    """Who is fitted on what, and when decisions are made.

    Attributes
    ----------
    labels : Labels
    target : Target
    folds : tuple of Fold
        For the models.
    regime_folds : tuple of Fold
        For the regimes, which start earlier: their probabilities are features of the models.
    first_train : int
        First row that a model may be fitted on: every feature is warm.
    decisions : ndarray of int
        Rows at which the portfolio is decided.
    """

    labels: Labels
    target: Target
    folds: tuple[Fold, ...]
    regime_folds: tuple[Fold, ...]
    first_train: int
    decisions: Ints


def make_features(panel: Panel, config: RunConfig) -> FeatureMatrix:
    """Build the features that the configuration names."""
    return build(panel, config.features.include, config.features.exclude)


def make_schedule(panel: Panel, matrix: FeatureMatrix, config: RunConfig) -> Schedule:
    """Derive labels, folds and decision dates from the configuration.

    Raises
    ------
    RunError
        If the dates asked for cannot be met by the panel.
    """
    walk, target = config.walk_forward, config.target
    labels = forward_excess_returns(panel, target.horizon, target.execution_lag)
    first_train = max(matrix.warm, default=0)
    first_test = _row(panel, walk.first_test, "walk_forward.first_test")
    start = _row(panel, config.evaluation.start, "evaluation.start")
    if first_test <= first_train:
        raise RunError(
            f"walk_forward.first_test is {panel.dates[first_test]:%Y-%m-%d}, but the features are warm only from "
            f"{panel.dates[min(first_train, len(panel.dates) - 1)]:%Y-%m-%d}: test later, or leave out the "
            "longest lookbacks"
        )
    try:
        folds = WalkForward(
            labels.end,
            first_test=first_test,
            refit_every=walk.refit_every,
            window=walk.window,
            embargo=walk.embargo,
            first_train=first_train,
            every=walk.train_every,
        ).folds()
    except ScheduleError as error:
        raise RunError(
            f"walk_forward: {error} (row {first_train} is {panel.dates[first_train]:%Y-%m-%d}, row {first_test} "
            f"is {panel.dates[first_test]:%Y-%m-%d})"
        ) from error
    risk = trailing_risk(panel, target.risk_window, target.horizon)
    decisions = decision_positions(len(panel.dates), first=start, every=config.allocation.rebalance_every)
    return Schedule(
        labels,
        risk_scaled(labels, risk, relative=target.relative),
        folds,
        _regime_folds(panel, matrix, config),
        first_train,
        decisions,
    )


def _regime_folds(panel: Panel, matrix: FeatureMatrix, config: RunConfig) -> tuple[Fold, ...]:
    """Return when the regimes are refitted: none if the panel ends before the first fit.

    A regime has no label: it is known at once, and only its own dates must lie before those it tells. Its
    features are warm sooner than the slowest of all, so it starts sooner than the models that use it.

    Raises
    ------
    RunError
        If a regime feature does not exist or differs between assets.
    """
    warm = 0
    for name in config.regimes.features:
        if name not in matrix.names:
            why = matrix.missing.get(name, "it is not among the features of this run")
            raise RunError(f"regimes.features: {name!r} cannot be used: {why}")
        index = matrix.names.index(name)
        if not matrix.common[index]:
            raise RunError(
                f"regimes.features: {name!r} differs between assets; a regime needs market features"
            )
        warm = max(warm, matrix.warm[index])
    first = warm + config.regimes.min_train
    if first >= len(panel.dates):
        return ()
    known = np.arange(len(panel.dates))
    every = config.walk_forward.refit_every
    return WalkForward(known, first_test=first, refit_every=every, first_train=warm).folds()


def _row(panel: Panel, date: object, key: str) -> int:
    wanted = pd.Timestamp(str(date))
    if not panel.dates[0] <= wanted <= panel.dates[-1]:
        raise RunError(
            f"{key} is {wanted:%Y-%m-%d}, outside of the data: {panel.name} runs from "
            f"{panel.dates[0]:%Y-%m-%d} to {panel.dates[-1]:%Y-%m-%d}"
        )
    return position_of(panel.dates, wanted)


def make_regimes(matrix: FeatureMatrix, schedule: Schedule, config: RunConfig) -> RegimePath:
    """Refit the regimes along the walk and tell each date.

    Raises
    ------
    RunError
        If a regime feature has no value at the first fit.
    """
    columns = []
    for name in config.regimes.features:
        columns.append(_first_finite(matrix.values[:, :, matrix.names.index(name)]))
        for fold in schedule.regime_folds[:1]:
            if not np.isfinite(columns[-1][fold.train]).any():
                raise RunError(
                    f"regimes.features: {name!r} has no value before the first fit: leave it out, or raise "
                    "regimes.min_train"
                )
    return walk_regimes(
        np.stack(columns, axis=1),
        schedule.regime_folds,
        config.regimes.features,
        n_states=config.regimes.states,
        seed=config.seed,
    )


def _first_finite(values: Floats) -> Floats:
    """Return the common value of each row, whichever assets are listed, shape (T,)."""
    finite = np.isfinite(values)
    return np.where(finite.any(axis=1), values[np.arange(len(values)), finite.argmax(axis=1)], np.nan)


def make_dataset(panel: Panel, matrix: FeatureMatrix, regimes: RegimePath, schedule: Schedule) -> Dataset:
    """Put features and regime probabilities side by side."""
    n_dates, n_assets, n_features = matrix.values.shape
    n_states = regimes.probabilities.shape[1]
    X = np.empty((n_dates, n_assets, n_features + n_states + 1))
    X[:, :, :n_features] = matrix.values
    X[:, :, n_features:-1] = regimes.probabilities[:, None, :]
    X[:, :, -1] = regimes.anomaly[:, None]
    usable = panel.listed.copy()
    usable[: schedule.first_train] = False
    names = (*matrix.names, *(f"regime_{s}" for s in range(n_states)), "regime_anomaly")
    return Dataset(X, schedule.target.value, schedule.labels.end, usable, names, schedule.target.relative)


def walk_model(
    name: str,
    section: Fitted,
    data: Dataset,
    schedule: Schedule,
    config: RunConfig,
    progress: Progress | None = None,
) -> WalkResult:
    """Refit and forecast with one model along the folds."""
    model = section.make(relative=config.target.relative, seed=config.seed)
    return model.walk_forward(name, data, schedule.folds, progress)


def combine(walks: Mapping[str, WalkResult], config: RunConfig) -> dict[str, WalkResult]:
    """Return all walks, the combinations included, in the order of the configuration."""
    out = {}
    for name, section in config.models.items():
        if isinstance(section, CombinationModel):
            out[name] = mean_combination(name, [walks[member] for member in section.members])
        else:
            out[name] = walks[name]
    return out


def make_forecasts(
    walks: Mapping[str, WalkResult], schedule: Schedule, config: RunConfig
) -> dict[str, Forecast]:
    """Calibrate each walk on its own past."""
    return {
        name: calibrate(
            walk,
            schedule.target,
            schedule.labels,
            prior_periods=config.calibration.prior_periods,
            own_weight=config.calibration.own_mean_weight,
        )
        for name, walk in walks.items()
    }


def make_covariances(panel: Panel, schedule: Schedule, config: RunConfig) -> CovariancePath:
    """Estimate the covariance at each decision and at the last date, for today's target weights."""
    positions = np.union1d(schedule.decisions, [len(panel.dates) - 1]).astype(np.int64)
    return covariance_path(
        panel.returns - panel.cash[:, None],
        positions,
        window=config.allocation.covariance_window,
        min_history=config.allocation.min_history,
        horizon=config.target.horizon,
    )


def check_limits(panel: Panel, covariances: CovariancePath, config: RunConfig) -> None:
    """Find out before anything is fitted whether the limits can be met at every decision.

    Raises
    ------
    RunError
        Naming the date, and the limits in conflict; or if at some decision no asset has enough history.
    LimitError
        If a limit names an asset that does not exist.
    """
    constraints = config.allocation.constraints()
    seen = set()
    for position, universe in zip(covariances.positions, covariances.eligible, strict=True):
        if not universe.any():
            raise RunError(
                f"no asset can be held at {panel.dates[position]:%Y-%m-%d}: none is listed with at least "
                f"{config.allocation.min_history} returns in the last {config.allocation.covariance_window} "
                "(allocation.min_history, allocation.covariance_window)"
            )
        key = universe.tobytes()
        if key not in seen:
            seen.add(key)
            try:
                check_feasible(constraints, panel.assets, universe)
            except InfeasibleError as error:
                raise RunError(f"allocation, at {panel.dates[position]:%Y-%m-%d}: {error}") from error


def make_policies(
    panel: Panel,
    schedule: Schedule,
    forecasts: Mapping[str, Forecast],
    covariances: CovariancePath,
    config: RunConfig,
) -> dict[str, Policy]:
    """Return the baselines and one mean-variance policy a model, by name."""
    settings = config.allocation
    solver = MeanVariance(
        panel.assets,
        settings.constraints(),
        risk_aversion=settings.risk_aversion,
        cost=config.cost_rate / settings.cost_periods,
    )
    past = historical_mean(schedule.labels)
    policies: dict[str, Policy] = {
        "equal_weight": EqualWeight(covariances),
        "minimum_variance": MinimumVariance(solver, covariances),
        "buy_and_hold": BuyAndHold(covariances),
        "historical_mean": MeanVariancePolicy(
            solver, covariances, np.arange(len(panel.dates), dtype=np.int64), past
        ),
    }
    for name, forecast in forecasts.items():
        policies[f"model:{name}"] = MeanVariancePolicy(solver, covariances, forecast.positions, forecast.mean)
    return policies


def backtest(
    name: str, policy: Policy, panel: Panel, schedule: Schedule, config: RunConfig
) -> BacktestResult:
    """Simulate one policy over the evaluation dates.

    Raises
    ------
    RunError
        If the policy cannot decide at some date, which it names.
    """

    def dated(position: int, held: Floats) -> Weights | None:
        try:
            return policy(position, held)
        except AllocationError as error:
            raise RunError(f"portfolio {name}, at {panel.dates[position]:%Y-%m-%d}: {error}") from error

    return simulate(
        name,
        panel.returns,
        panel.cash,
        schedule.decisions,
        dated,
        cost=ProportionalCost(config.cost_rate),
        execution_lag=config.target.execution_lag,
    )


def target_weights(policy: Policy, result: BacktestResult, panel: Panel) -> Weights:
    """Decide at the last date, from what the simulated portfolio then holds.

    Raises
    ------
    RunError
        If the policy does not decide there.
    """
    last = len(panel.dates) - 1
    weights = policy(last, result.final_weights)
    if weights is None:
        raise RunError(f"{result.name} makes no decision at the last date {panel.dates[last]:%Y-%m-%d}")
    return weights

"""Stages: pure functions from past data to forecasts. Their order is in `pipeline/stages/sequence.py`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from features.appending import append_dates
from features.building import build_matrix
from features.matrix import FeatureMatrix
from foundation.types import Bools, Floats
from market.panel import Panel
from market.values.riskless import drop_riskless, find_riskless_in_panel
from models.calibration import calibrate
from models.calibration_metric import CovarianceMetric
from models.combination import combine_walks
from models.dataset import Dataset
from models.dispatch import walk_forward
from models.forecast import Forecast
from models.parallel.executors import Executor
from models.regimes.ahead.forecast import ForecastPlan
from models.regimes.path import RegimePath
from models.regimes.walk import walk_regimes
from models.walk_forward.results import Progress, WalkResult
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.own_data.features import feature_specs
from pipeline.settings.models import CombinationModel, Fitted
from pipeline.stages.schedule import Schedule
from validation.folds.labels import average_uniqueness


def make_features(panel: Panel, config: RunConfig, before: FeatureMatrix | None = None) -> FeatureMatrix:
    """Build the configured features, or extend those of fewer dates, with the same bits.

    Nearly riskless assets have no features while they are so, and do not affect the features of other assets.
    """
    panel = panel_of_features(panel)
    specs, own = feature_specs(panel, config.data)
    if (
        before is not None
        and before.history.assets == panel.assets
        and len(before.values) <= len(panel.dates)
    ):
        return append_dates(before, panel, specs)
    include = (*config.features.include, *own)
    return build_matrix(panel, include, config.features.exclude, specs, extra=config.regimes.states + 1)


def panel_of_features(panel: Panel) -> Panel:
    """Return the panel that features are computed from: without assets where they are nearly riskless."""
    return drop_riskless(panel, find_riskless_in_panel(panel))


def make_regimes(
    matrix: FeatureMatrix, schedule: Schedule, config: RunConfig, before: RegimePath | None = None
) -> RegimePath:
    """Refit the regimes along the walk, classify each date and forecast the regime one horizon ahead.

    A path over fewer dates is continued, if there is one.

    Raises
    ------
    RunError
        If a regime feature has no value at the first fit.
    """
    return walk_regimes(
        np.stack([_regime_feature(matrix, schedule, name) for name in config.regimes.features], axis=1),
        schedule.regime_folds,
        config.regimes.features,
        config.regimes.make(config.seed),
        before,
        _plan_forecast(matrix, config),
    )


def _plan_forecast(matrix: FeatureMatrix, config: RunConfig) -> ForecastPlan:
    """Return how the regime one horizon ahead is forecast; a classifier sees all features that assets share."""
    kind, inputs = config.regimes.forecast, None
    if kind != "transitions":
        inputs = np.stack(
            [_first_finite(matrix.values[:, :, k]) for k in np.flatnonzero(matrix.common)], axis=1
        )
    return ForecastPlan(config.target.horizon, kind, inputs, config.walk_forward.train_every, config.seed)


def _regime_feature(matrix: FeatureMatrix, schedule: Schedule, name: str) -> Floats:
    """Return the values of a market feature, shape (T,); refuse one without a value before the first fit."""
    values = _first_finite(matrix.values[:, :, matrix.names.index(name)])
    for fold in schedule.regime_folds[:1]:
        if not np.isfinite(values[fold.train]).any():
            raise RunError(
                f"regimes.features: {name!r} has no value before the first fit: leave it out, or raise "
                "regimes.min_train"
            )
    return values


def _first_finite(values: Floats) -> Floats:
    """Return the common value of each row, from any listed asset, shape (T,)."""
    finite = np.isfinite(values)
    return np.where(finite.any(axis=1), values[np.arange(len(values)), finite.argmax(axis=1)], np.nan)


def make_dataset(
    panel: Panel, matrix: FeatureMatrix, regimes: RegimePath, schedule: Schedule, config: RunConfig
) -> Dataset:
    """Combine features and regime probabilities."""
    regime_names, regime_values = regime_columns(regimes)
    X = matrix.join_columns(regime_values)
    usable = panel.listed & panel.holdable & ~schedule.target.riskless
    usable[: schedule.first_train] = False
    return Dataset(
        X,
        schedule.target.value,
        schedule.labels.end,
        usable,
        (*matrix.names, *regime_names),
        schedule.target.relative,
        _weights(usable, schedule, config),
    )


def regime_columns(regimes: RegimePath) -> tuple[tuple[str, ...], Floats]:
    """Return the names and values (T, S + 1) of the features derived from regimes."""
    names = name_regime_columns(regimes.probabilities.shape[1])
    return names, np.column_stack([regimes.probabilities, regimes.anomaly])


def name_regime_columns(n_states: int) -> tuple[str, ...]:
    """Return the names of the features derived from so many regimes."""
    return (*(f"regime_{state}" for state in range(n_states)), "regime_anomaly")


def _weights(usable: Bools, schedule: Schedule, config: RunConfig) -> Floats | None:
    """Return the weight of each pair in a fit: equal, equal per date, or by the uniqueness of its label."""
    kind = config.walk_forward.weights
    if kind == "equal":
        return None
    if kind == "dates":
        return np.broadcast_to(1.0 / np.maximum(usable.sum(axis=1, keepdims=True), 1), usable.shape).copy()
    trained = np.zeros_like(usable)
    every = slice(schedule.first_train, None, config.walk_forward.train_every)
    trained[every] = usable[every]
    uniqueness = average_uniqueness(schedule.labels, trained)
    # A date outside every training window, or with a label beyond the panel, is in no fit: its weight has no effect.
    return np.where(np.isfinite(uniqueness), uniqueness, 1.0)


@dataclass(frozen=True)
class Start:
    """What a stage may continue from and report to; nothing in a replay.

    Attributes
    ----------
    before : optional
        Its result for a panel that ended sooner.
    progress : callable, optional
    journal : Path, optional
        File of the trials of a parameter search, which are read and added to.
    """

    before: Any = None
    progress: Progress | None = None
    journal: Path | None = None


NOTHING = Start()


def walk_model(
    name: str,
    section: Fitted,
    data: Dataset,
    schedule: Schedule,
    config: RunConfig,
    executor: Executor | None = None,
    start: Start = NOTHING,
) -> WalkResult:
    """Refit and forecast with one model along the folds."""
    model = section.forecaster(relative=config.target.relative, seed=config.seed, journal=start.journal)
    folds = schedule.folds_for(section.refit_every)
    return walk_forward(model, name, data, folds, start.progress, executor, start.before, section.features)


def combine(walks: Mapping[str, WalkResult], schedule: Schedule, config: RunConfig) -> dict[str, WalkResult]:
    """Return all walks, including the combinations, in the order of the configuration."""
    out = {}
    for name, section in config.models.items():
        if isinstance(section, CombinationModel):
            members = [walks[member] for member in section.members]
            out[name] = combine_walks(
                name,
                members,
                section.method,
                schedule.target,
                schedule.labels.end,
                section.discount,
                schedule.labels.horizon,
                section.deviation,
            )
        else:
            out[name] = walks[name]
    return out


def make_forecasts(
    walks: Mapping[str, WalkResult],
    schedule: Schedule,
    config: RunConfig,
    covariances: CovarianceMetric | None = None,
) -> dict[str, Forecast]:
    """Calibrate each walk on its own past; a calibration in the inverse covariance needs covariances."""
    return {
        name: calibrate(
            walk,
            schedule.target,
            schedule.labels,
            prior_periods=config.calibration.prior_periods,
            own_weight=config.calibration.own_mean_weight,
            metric=config.calibration.metric,
            covariances=covariances,
        )
        for name, walk in walks.items()
    }

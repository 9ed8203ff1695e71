"""Measure drift at one row, from values known at its close."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from allocation.covariance.path import CovariancePath
from backtest.costs import TradingCost
from backtest.result import BacktestResult
from features.matrix import FeatureMatrix
from foundation.types import Floats
from market.panel import Panel
from models.forecast import Forecast
from models.regimes.path import RegimePath
from models.walk_forward.results import FoldFit
from pipeline.drift.drift import Drift, Finding, Watch
from pipeline.drift.features import watch_features
from pipeline.drift.trading import watch_costs, watch_volatility
from pipeline.drift.watches import watch_forecast, watch_regimes
from pipeline.settings.drift import DriftSection
from pipeline.stages.schedule import Schedule
from validation.portfolios.corrections import holm

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated


def _judge(watches: Sequence[Watch], false_alarm: float) -> tuple[Finding, ...]:
    """Return the watches with their alarms; the chance of any false alarm is at most `false_alarm`."""
    corrected = holm([watch.p_value for watch in watches]).tolist()
    return tuple(Finding(watch, p, p <= false_alarm) for watch, p in zip(watches, corrected, strict=True))


@dataclass(frozen=True, eq=False)
class ModelInUse:
    """The model whose drift is measured, and the portfolio that is traded on it.

    Attributes
    ----------
    forecast : Forecast
    trained : tuple of int
        First and last row that the model was trained on.
    importance : ndarray of shape (K,)
        Share of each feature of the matrix in the model.
    regimes : RegimePath
    result : BacktestResult
        Result of the traded portfolio.
    covariances : CovariancePath
        Covariances from which its expected risk was computed.
    cost : TradingCost
        Cost model that its decisions used.
    execution_lag : int
        Rows between a decision and its trade.
    """

    forecast: Forecast
    trained: tuple[int, int]
    importance: Floats
    regimes: RegimePath
    result: BacktestResult
    covariances: CovariancePath
    cost: TradingCost
    execution_lag: int


def measure_drift_at(
    settings: DriftSection,
    panel: Panel,
    matrix: FeatureMatrix,
    schedule: Schedule,
    model: ModelInUse,
    row: int | None = None,
) -> Drift:
    """Measure the drift at one row of a panel, from values known at its close.

    Parameters
    ----------
    settings : DriftSection
    panel : Panel
    matrix : FeatureMatrix
    schedule : Schedule
        Its labels are the outcomes with which the forecast is compared.
    model : ModelInUse
    row : int, optional
        The last row by default.
    """
    row = len(panel.dates) - 1 if row is None else row
    length = settings.recent(panel.periods_per_year)
    watches = [
        *watch_forecast(model.forecast, schedule.target, schedule.labels, row, length),
        watch_regimes(model.regimes, row, length),
        watch_volatility(model.result, model.covariances, schedule.labels.horizon, row, length),
        *watch_costs(model.result, panel.returns, model.cost, model.execution_lag, row, length),
    ]
    features = watch_features(
        matrix,
        panel.listed & panel.holdable,
        model.importance,
        model.trained,
        row,
        length,
        false_discovery=settings.false_discovery,
        psi_limit=settings.psi_limit,
    )
    ended = int(np.searchsorted(schedule.labels.end, row, side="right")) - 1
    as_of, first, last = (f"{panel.dates[at]:%Y-%m-%d}" for at in (row, *model.trained))
    findings = _judge(watches, settings.false_alarm)
    return Drift(as_of, length, (first, last), max(0, ended - model.trained[1]), features, findings)


def measure_run(done: Evaluated, row: int | None = None) -> Drift:
    """Measure the drift of a run at its last row, or at an earlier row without looking at later ones."""
    trained, prepared = done.trained, done.trained.prepared
    config, traded = prepared.config, prepared.config.allocation.forecast
    row = len(prepared.panel.dates) - 1 if row is None else row
    fit = _current_fit(trained.walks[traded].fits, row)
    rows = prepared.schedule.walk.training_rows(fit.first_test)
    model = ModelInUse(
        forecast=trained.forecasts[traded],
        trained=(int(rows[0]), int(rows[-1])),
        importance=fit.importance[: len(prepared.matrix.names)],
        regimes=trained.regimes,
        result=done.results[done.chosen],
        covariances=trained.covariances,
        cost=TradingCost(config.cost_rate, config.impact_rate),
        execution_lag=config.target.execution_lag,
    )
    return measure_drift_at(config.drift, prepared.panel, prepared.matrix, prepared.schedule, model, row)


def _current_fit(fits: Sequence[FoldFit], row: int) -> FoldFit:
    """Return the fit in use at a row, or the first fit if there was none yet."""
    begun = [fit for fit in fits if fit.first_test <= row]
    return begun[-1] if begun else fits[0]

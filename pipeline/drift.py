"""Drift: what no longer is as it was when the model in use was trained."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from allocation.risk import CovariancePath
from backtest.costs import TradingCost
from backtest.simulate import BacktestResult
from features.matrix import FeatureMatrix
from market.panel import Panel
from models.base import FoldFit
from models.forecast import Forecast
from models.regimes import RegimePath
from pipeline.drift_config import DriftSection, Subject
from pipeline.drift_features import FeatureDrift, watch_features
from pipeline.drift_trading import watch_costs, watch_volatility
from pipeline.drift_watches import Watch, watch_forecast, watch_regimes
from pipeline.timetable import Schedule
from validation.corrections import holm

if TYPE_CHECKING:
    from pipeline.run import Evaluated


@dataclass(frozen=True)
class Finding:
    """A watch, judged together with the others.

    Attributes
    ----------
    watch : Watch
    corrected : float
        p-value corrected by Holm for all watches.
    alarm : bool
    """

    watch: Watch
    corrected: float
    alarm: bool


@dataclass(frozen=True)
class Drift:
    """What was found at one date.

    Attributes
    ----------
    as_of : str
        Date, year-month-day.
    window : int
        Recent dates.
    trained : tuple of str
        First and last date that the model in use was trained on.
    untrained : int
        Dates whose labels have ended since: what a retraining would learn from.
    features : tuple of FeatureDrift
        Alarms first.
    findings : tuple of Finding
    """

    as_of: str
    window: int
    trained: tuple[str, str]
    untrained: int
    features: tuple[FeatureDrift, ...]
    findings: tuple[Finding, ...]

    @property
    def shifted_importance(self) -> float:
        """Share of the forecast's importance that rests on features with an alarm."""
        return math.fsum(one.importance for one in self.features if one.alarm)

    def alarms(self, subject: Subject) -> tuple[str, ...]:
        """Return in words what alarmed."""
        if subject != "features":
            return tuple(f.watch.text for f in self.findings if f.alarm and f.watch.subject == subject)
        shifted = [one.name for one in self.features if one.alarm]
        if not shifted:
            return ()
        some = ", ".join(shifted[:3]) + (", ..." if len(shifted) > 3 else "")
        return (
            f"{len(shifted)} of {len(self.features)} features have shifted ({some}), on which "
            f"{self.shifted_importance:.0%} of the forecast rests",
        )

    @property
    def all_alarms(self) -> tuple[str, ...]:
        """What alarmed, in words, all subjects."""
        subjects: tuple[Subject, ...] = ("features", "forecast", "regimes", "volatility", "costs")
        return tuple(chain.from_iterable(self.alarms(subject) for subject in subjects))

    def as_dict(self) -> dict[str, Any]:
        """Return the drift for JSON."""
        return {
            "as_of": self.as_of,
            "window": self.window,
            "trained_from": self.trained[0],
            "trained_to": self.trained[1],
            "untrained": self.untrained,
            "alarms": list(self.all_alarms),
            "shifted_importance": self.shifted_importance,
            "watches": [
                asdict(f.watch) | {"corrected": f.corrected, "alarm": f.alarm} for f in self.findings
            ],
            "features": {
                one.name: {"importance": one.importance}
                | asdict(one.shift)
                | {"corrected": one.corrected, "alarm": one.alarm}
                for one in self.features
            },
        }


def judged(watches: Sequence[Watch], false_alarm: float) -> tuple[Finding, ...]:
    """Return the watches with an alarm where chance would give one, in any of them, no more often than that."""
    corrected = holm([watch.p_value for watch in watches]).tolist()
    return tuple(Finding(watch, p, p <= false_alarm) for watch, p in zip(watches, corrected, strict=True))


def measure(
    settings: DriftSection,
    panel: Panel,
    matrix: FeatureMatrix,
    schedule: Schedule,
    *,
    forecast: Forecast,
    fits: Sequence[FoldFit],
    regimes: RegimePath,
    result: BacktestResult,
    covariances: CovariancePath,
    cost: TradingCost,
    execution_lag: int,
    row: int | None = None,
) -> Drift:
    """Measure the drift at one row of a panel, from what was known at its close.

    Parameters
    ----------
    settings : DriftSection
    panel : Panel
    matrix : FeatureMatrix
    schedule : Schedule
        Whose labels the forecast is held to, and which training rows a fit has.
    forecast : Forecast
        Of the model in use.
    fits : sequence of FoldFit
        Of that model, in time order; importances begin with those of the matrix's features.
    regimes : RegimePath
    result : BacktestResult
        Of the portfolio that is traded.
    covariances : CovariancePath
        That its risk was expected by.
    cost : TradingCost
        That its decisions reckoned with.
    execution_lag : int
    row : int, optional
        The last row by default.
    """
    row = len(panel.dates) - 1 if row is None else row
    length = settings.recent(panel.periods_per_year)
    fit = current_fit(fits, row)
    rows = schedule.walk.training_rows(fit.first_test)
    trained = int(rows[0]), int(rows[-1])
    watches = [
        *watch_forecast(forecast, schedule.target, schedule.labels, row, length),
        watch_regimes(regimes, row, length),
        watch_volatility(result, covariances, schedule.labels.horizon, row, length),
        *watch_costs(result, panel.returns, cost, execution_lag, row, length),
    ]
    features = watch_features(
        matrix,
        panel.listed,
        fit.importance[: len(matrix.names)],
        trained,
        row,
        length,
        false_discovery=settings.false_discovery,
        psi_limit=settings.psi_limit,
    )
    ended = int(np.searchsorted(schedule.labels.end, row, side="right")) - 1
    as_of, first, last = (f"{panel.dates[at]:%Y-%m-%d}" for at in (row, *trained))
    findings = judged(watches, settings.false_alarm)
    return Drift(as_of, length, (first, last), max(0, ended - trained[1]), features, findings)


def measure_run(done: Evaluated, row: int | None = None) -> Drift:
    """Measure the drift of a run at its last row, or at an earlier one: what came after that is not looked at."""
    trained, prepared = done.trained, done.trained.prepared
    config, traded = prepared.config, done.trained.prepared.config.allocation.forecast
    return measure(
        config.drift,
        prepared.panel,
        prepared.matrix,
        prepared.schedule,
        forecast=trained.forecasts[traded],
        fits=trained.walks[traded].fits,
        regimes=trained.regimes,
        result=done.results[done.chosen],
        covariances=trained.covariances,
        cost=TradingCost(config.cost_rate, config.impact_rate),
        execution_lag=config.target.execution_lag,
        row=row,
    )


def current_fit(fits: Sequence[FoldFit], row: int) -> FoldFit:
    """Return the fit in use at a row; the first if there was none yet."""
    begun = [fit for fit in fits if fit.first_test <= row]
    return begun[-1] if begun else fits[0]

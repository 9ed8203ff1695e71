"""Results of a run: prepared, trained and evaluated, each with its inputs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from allocation.covariance.path import CovariancePath
from allocation.weights import Weights
from backtest.active.record import ActiveRecord
from backtest.active.sources import attribute_active, summarise_transfer
from backtest.attribution import attribute
from backtest.performance import compare_results, summarise_result
from backtest.result import BacktestResult
from features.matrix import FeatureMatrix
from foundation.threads import one_thread
from market.findings import Finding
from market.panel import Panel
from models.forecast import Forecast
from models.regimes.path import RegimePath
from models.walk_forward.results import WalkResult
from pipeline.config import BASELINES, RunConfig
from pipeline.stages.active.benchmarks import measure_benchmarks
from pipeline.stages.evaluation import ForecastScore, score_forecast
from pipeline.stages.plausibility import check_portfolio
from pipeline.stages.record import RunRecord, make_record
from pipeline.stages.schedule import Schedule
from pipeline.stages.scores.covariances import CovarianceScores, score_covariances
from pipeline.stages.scores.regimes import RegimeForecastScore, score_regimes


@dataclass(frozen=True, eq=False)
class Prepared:
    """Data, features and schedule: all inputs that need no fit.

    `stages` holds the result of each stage so far by its name, here and in what follows from it.
    """

    config: RunConfig
    panel: Panel
    findings: tuple[Finding, ...]
    matrix: FeatureMatrix
    schedule: Schedule
    stages: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Trained:
    """All fitted models and estimates, and the calibrated forecasts."""

    prepared: Prepared
    regimes: RegimePath
    covariances: CovariancePath
    names: tuple[str, ...]
    walks: Mapping[str, WalkResult]
    forecasts: Mapping[str, Forecast]
    stages: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Evaluated:
    """Forecasts scored, portfolios simulated, and today's target weights.

    Attributes
    ----------
    trained : Trained
    scores : mapping of model name to ForecastScore
    results : mapping of portfolio name to BacktestResult
        The baselines, "model:<name>" for each model, and "strategy:<name>" for each strategy.
    performance : mapping of portfolio name to metrics
    comparisons : mapping of portfolio name to mapping of baseline to metrics
        Against each baseline; "no_forecast" is the same allocator on the value toward which every forecast is shrunk.
    target : Weights
        Decided at the last date, for the portfolio that is traded.
    stages : mapping of str to result
        Result of each stage by its name, in the order of `pipeline.stages.sequence`.
    regime_score : RegimeForecastScore
        Of the forecast of the regime one horizon ahead.
    covariance_scores : CovarianceScores
        Of the covariances as forecasts.
    active : ActiveRecord
        Active portfolios beside `no_forecast`.
    """

    trained: Trained
    scores: Mapping[str, ForecastScore]
    results: Mapping[str, BacktestResult]
    performance: Mapping[str, Mapping[str, float]]
    comparisons: Mapping[str, Mapping[str, Mapping[str, float]]]
    target: Weights
    stages: Mapping[str, Any]
    regime_score: RegimeForecastScore
    covariance_scores: CovarianceScores
    active: ActiveRecord

    @property
    def chosen(self) -> str:
        """Name of the traded portfolio: the configured strategy, or the allocator on the configured forecast."""
        return self.trained.prepared.config.traded

    @property
    def forecasting(self) -> str:
        """Name of the portfolio on the configured forecast; its result measures the value of the forecast."""
        return f"model:{self.trained.prepared.config.allocation.forecast}"

    def attributions(self) -> dict[str, dict[str, dict[str, float]]]:
        """Return the attribution by sleeve of each portfolio that has sleeves."""
        year = self.trained.prepared.panel.periods_per_year
        attributions = {name: attribute(result, year) for name, result in self.results.items()}
        return {name: rows for name, rows in attributions.items() if rows}

    @cached_property
    def benchmarks(self) -> dict[str, dict[str, dict[str, float]]]:
        """Alpha, beta, tracking error and more of each portfolio that is no baseline, by benchmark."""
        prepared = self.trained.prepared
        return measure_benchmarks(self.results, prepared.panel, prepared.config)

    @cached_property
    def transfer(self) -> dict[str, dict[str, float]]:
        """How much of its forecast each portfolio that is no baseline holds, by name."""
        prepared = self.trained.prepared
        horizon = prepared.config.target.horizon
        return summarise_transfer(self.active, prepared.panel.periods_per_year, horizon)

    @cached_property
    def active_return(self) -> dict[str, Any]:
        """Where the active return of the traded portfolio comes from."""
        config, year = self.trained.prepared.config, self.trained.prepared.panel.periods_per_year
        allocation = config.allocation
        ic = self.scores[allocation.forecast].metrics["ic"]
        found = attribute_active(self.active, year, config.target.horizon, allocation.risk_aversion, ic)
        return {
            "portfolio": config.traded,
            "benchmark": "no_forecast",
            "forecast": allocation.forecast,
            **found,
        }

    def record(self) -> RunRecord:
        """Return the record of this run."""
        return make_record(self.trained.prepared.config, self.trained.prepared.panel)


def evaluate_from(done: Evaluated, row: int) -> Evaluated:
    """Return the evaluation of the rows from `row` on only, such as an unsealed holdout."""
    prepared = done.trained.prepared
    own = prepared.config.calibration.own_mean_weight
    with one_thread():
        scores = {
            name: score_forecast(forecast, done.trained.walks[name], prepared.schedule, own, row)
            for name, forecast in done.trained.forecasts.items()
        }
        results = {name: result.since(row) for name, result in done.results.items()}
        performance, comparisons = measure_portfolios(results, prepared.panel)
        regime_score, covariance_scores = score_estimates(done.trained, row)
    return replace(
        done,
        scores=scores,
        results=results,
        performance=performance,
        comparisons=comparisons,
        regime_score=regime_score,
        covariance_scores=covariance_scores,
        active=done.active.since(row),
    )


def score_estimates(trained: Trained, first: int) -> tuple[RegimeForecastScore, CovarianceScores]:
    """Return the scores of regime forecasts and covariances from a row on."""
    panel, config = trained.prepared.panel, trained.prepared.config
    return (
        score_regimes(trained.regimes, config.regimes.forecast, first),
        score_covariances(panel, trained.covariances, config, first),
    )


def measure_portfolios(
    results: Mapping[str, BacktestResult], panel: Panel
) -> tuple[dict[str, dict[str, float]], dict[str, dict[str, dict[str, float]]]]:
    """Return each portfolio's performance, and the comparison of forecast portfolios with each baseline.

    Raises
    ------
    RunError
        If a performance is impossible.
    """
    year = panel.periods_per_year
    performance = {name: summarise_result(result, year) for name, result in results.items()}
    for name, result in results.items():
        check_portfolio(result, performance[name], panel)
    comparisons = {
        name: {base: compare_results(results[name], results[base], year) for base in BASELINES}
        for name in results
        if name not in BASELINES
    }
    return performance, comparisons

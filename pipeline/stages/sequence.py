"""Sequence: the stages of a run in their order. A run and the replays of its audit both execute it.

Add a stage here, with `_stage`. The audit then compares its result without another change.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, Protocol, TypeVar

from allocation.covariance.path import CovariancePath
from allocation.policies.policy import Policy
from backtest.result import BacktestResult
from market.findings import Finding
from market.panel import Panel
from models.parallel.executor_choice import open_executor
from models.parallel.executors import Executor
from models.regimes.path import RegimePath
from models.walk_forward.results import WalkResult
from pipeline.config import RunConfig
from pipeline.settings.models import Fitted
from pipeline.stages import compute, trading
from pipeline.stages import schedule as timetable
from pipeline.stages.active import record as active
from pipeline.stages.compute import Start
from pipeline.stages.results import Prepared, Trained
from pipeline.store import code_digest

T = TypeVar("T")


class RunStage(Protocol):
    """How a stage is run: a run takes it from the store or computes it, a replay compares it."""

    def __call__(self, name: str, make: Callable[[Start], T], done: Mapping[str, Any]) -> T:
        """Return the result of a stage, given its name, its function, and the results of the stages before."""


class Sequence:
    """The stages of one configuration, each run by `run_stage`.

    Parameters
    ----------
    config : RunConfig
    run_stage : RunStage
    """

    def __init__(self, config: RunConfig, run_stage: RunStage) -> None:
        self.config, self.run_stage = config, run_stage
        self.done: dict[str, Any] = {}

    def _stage(self, name: str, make: Callable[[Start], T]) -> T:
        value = self.run_stage(name, make, self.done)
        self.done[name] = value
        return value

    def prepare(self, panel: Panel, findings: tuple[Finding, ...] = ()) -> Prepared:
        """Build features and schedule."""
        self.done, config = {}, self.config
        self._stage("data", lambda _: panel)
        matrix = self._stage("features", lambda start: compute.make_features(panel, config, start.before))
        schedule = self._stage("schedule", lambda _: timetable.make_schedule(panel, matrix, config))
        return Prepared(config, panel, findings, matrix, schedule, self.done)

    def estimate(self, prepared: Prepared) -> tuple[RegimePath, CovariancePath]:
        """Fit the regimes along the walk, and estimate covariances; neither depends on the model."""
        regimes = self._regimes(prepared)
        covariances = self._stage(
            "covariances",
            lambda _: trading.make_covariances(prepared.panel, prepared.schedule, regimes, self.config),
        )
        return regimes, covariances

    def train(self, prepared: Prepared) -> Trained:
        """Fit regimes and models along the walk, calibrate the forecasts, and estimate covariances."""
        config, schedule = self.config, prepared.schedule
        regimes, covariances = self.estimate(prepared)
        names, fitted = self._walks(prepared, regimes)
        walks = compute.combine(fitted, schedule, config)
        risk = self._calibration_risk(prepared, regimes)
        metric = None if risk is None else risk.metric()
        forecasts = self._stage(
            "forecasts", lambda _: compute.make_forecasts(walks, schedule, config, metric)
        )
        return Trained(prepared, regimes, covariances, names, walks, forecasts, self.done)

    def fit(self, prepared: Prepared, names: Collection[str] | None = None) -> None:
        """Fit regimes and models along the walk; by default all models."""
        self._walks(prepared, self._regimes(prepared), names)

    def simulate(self, trained: Trained) -> tuple[dict[str, Policy], dict[str, BacktestResult]]:
        """Return the policies and their simulations, by name of the portfolio."""
        prepared, config = trained.prepared, self.config
        panel, schedule = prepared.panel, prepared.schedule
        self.done = dict(trained.stages)
        policies = trading.make_policies(
            panel, schedule, trained.forecasts, trained.covariances, trained.regimes, config
        )

        def simulate(name: str, policy: Policy, start: Start) -> BacktestResult:
            return trading.backtest(name, policy, panel, schedule, config)

        results = {
            name: self._stage(f"portfolio {name}", partial(simulate, name, policy))
            for name, policy in policies.items()
        }
        self._measure_active(trained, results)
        return policies, results

    def _measure_active(self, trained: Trained, results: Mapping[str, BacktestResult]) -> None:
        """Measure how much of its forecast each portfolio holds, and where the active return comes from."""
        panel, schedule, config = trained.prepared.panel, trained.prepared.schedule, self.config
        forecasts, covariances = trained.forecasts, trained.covariances
        free = self._stage(
            active.WITHIN_LIMITS,
            lambda _: active.simulate_without_costs(panel, schedule, forecasts, covariances, results, config),
        )
        inputs = active.ActiveInputs(panel, schedule, forecasts, covariances, results, free, config)
        self._stage("active", lambda _: active.record_active(inputs))

    def _regimes(self, prepared: Prepared) -> RegimePath:
        self.done = dict(prepared.stages)
        return self._stage(
            "regimes",
            lambda start: compute.make_regimes(prepared.matrix, prepared.schedule, self.config, start.before),
        )

    def _calibration_risk(self, prepared: Prepared, regimes: RegimePath) -> trading.CalibrationRisk | None:
        """Estimate covariances at past forecasts, if the calibration is made in their inverse."""
        if self.config.calibration.metric != "inverse_covariance":
            return None
        return self._stage(
            "calibration covariances",
            lambda _: trading.make_calibration_risk(prepared.panel, prepared.schedule, regimes, self.config),
        )

    def _walks(
        self, prepared: Prepared, regimes: RegimePath, names: Collection[str] | None = None
    ) -> tuple[tuple[str, ...], dict[str, WalkResult]]:
        """Return the feature names of the dataset, and the walk of each fitted model, without combinations."""
        config, schedule = self.config, prepared.schedule
        data = self._stage(
            "dataset",
            lambda _: compute.make_dataset(prepared.panel, prepared.matrix, regimes, schedule, config),
        )

        def walk(name: str, section: Fitted, executor: Executor, start: Start) -> WalkResult:
            return compute.walk_model(name, section, data, schedule, config, executor, start)

        walks = {}
        # Created on first use, so that no cluster is contacted if all results are stored.
        with open_executor(config.executor, config.workers, code_digest) as executor:
            for name, section in config.fitted_models().items():
                if names is None or name in names:
                    walks[name] = self._stage(f"model {name}", partial(walk, name, section, executor))
        return data.names, walks

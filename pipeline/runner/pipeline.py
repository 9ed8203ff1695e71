"""Pipeline: runs the stages in order, stores their results, and collects the result of the run."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection
from functools import partial
from typing import Any

from allocation.covariance.path import CovariancePath
from foundation.counts import format_count
from foundation.json_text import to_json
from foundation.threads import one_thread
from models.dataset import Dataset
from models.parallel.executor_choice import open_executor
from models.parallel.executors import Executor
from models.regimes.path import RegimePath
from models.walk_forward.results import WalkResult
from pipeline.audit.audit import audit, refuse
from pipeline.audit.certificate import Certificate
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.files import write_whole
from pipeline.preflight.coverage import check_coverage
from pipeline.preflight.feasibility import check_limits
from pipeline.preflight.frequency import check_frequency, explain_horizon
from pipeline.preflight.training_data import check_training, schedule_of
from pipeline.progress import Reporter
from pipeline.runner.compilation import Announced
from pipeline.runner.descriptions import describe_backtest, describe_certificate
from pipeline.runner.history_check import check_past
from pipeline.runner.keys import FEATURES, MODEL, REGIMES, features_key, fitting_key, walk_key
from pipeline.settings.models import Fitted
from pipeline.stages import compute, trading
from pipeline.stages.evaluation import score_forecast
from pipeline.stages.loading import Loaded, load_data
from pipeline.stages.plausibility import (
    check_covariances,
    check_forecast,
    check_regimes,
    check_scores,
    check_walk,
    overflow_stops,
)
from pipeline.stages.results import Evaluated, Prepared, Trained, measure_portfolios
from pipeline.stages.run_warnings import feature_warnings, features_line, finding_warnings
from pipeline.store import Store, code_digest, key_of, showing_digest
from pipeline.store.reuse import explained


class Pipeline:
    """Run the stages of one configuration in order, reusing unchanged results.

    Parameters
    ----------
    config : RunConfig
    store : Store
    reporter : Reporter
    earlier : str, optional
        Digest of a panel that ended sooner and is the beginning of the new one. Its stored results are extended instead
        of being computed from the start.
    """

    def __init__(
        self, config: RunConfig, store: Store, reporter: Reporter, *, earlier: str | None = None
    ) -> None:
        self.config = config
        self.store = store
        self.reporter = reporter
        self.earlier = earlier
        self._announced = Announced(reporter)
        reporter.notices(store)

    @explained
    def prepare(self, loaded: Loaded | None = None) -> Prepared:
        """Load and check the data, build features and schedule, and check training data and limits.

        Parameters
        ----------
        loaded : tuple of Panel and tuple of Finding, optional
            The data, if it was already loaded.
        """
        config, reporter = self.config, self.reporter
        panel, findings = loaded or load_data(config, reporter)
        check_frequency(panel)
        digest = panel.digest()
        with self._announced, overflow_stops("features", panel):
            matrix = reporter.stored(
                self.store,
                FEATURES,
                features_key(config, digest),
                lambda: compute.make_features(panel, config, self._before(FEATURES, features_key)),
                features_line,
            )
        for text in feature_warnings(matrix, config.features):
            reporter.warn(text)
        with one_thread(), explain_horizon(panel, config):
            schedule = schedule_of(panel, matrix, config)
            if not schedule.regime_folds:
                raise RunError(
                    f"regimes.min_train is {config.regimes.min_train}, but the data ends before so many dates of "
                    f"{', '.join(config.regimes.features)} are there: {format_count(len(panel.dates), 'date')} in all, "
                    f"{panel.periods_per_year} a year"
                )
            coverage = check_coverage(panel, matrix, schedule, config)
            check_training(panel, matrix, schedule, config)
            check_limits(panel, schedule, config)
        for text in finding_warnings(coverage):
            reporter.warn(text)
        findings = (*findings, *coverage)
        return Prepared(config, panel, findings, matrix, schedule, fitting_key(config, digest))

    def _before(self, stage: str, key: Callable[[RunConfig, str], str]) -> Any | None:
        """Return the stored result for the panel that ended sooner, if there is one."""
        return None if self.earlier is None else self.store.peek(stage, key(self.config, self.earlier))

    @explained
    def estimate(self, prepared: Prepared) -> tuple[RegimePath, CovariancePath]:
        """Fit the regimes along the walk, and estimate covariances; neither depends on the model."""
        config, schedule = self.config, prepared.schedule
        with one_thread(), self._announced, overflow_stops("regimes and covariances", prepared.panel):
            regimes = self._regimes(prepared)
            covariances = self.reporter.stage(
                "covariances",
                partial(trading.make_covariances, prepared.panel, schedule, regimes, config),
                lambda path: (
                    f"{format_count(len(path.positions), 'decision')}, {config.allocation.covariance.kind}"
                ),
            )
        check_covariances(covariances, prepared.panel)
        return regimes, covariances

    @explained
    def train(self, prepared: Prepared) -> Trained:
        """Fit regimes and models along the walk, calibrate the forecasts, and estimate covariances."""
        config, schedule = self.config, prepared.schedule
        regimes, covariances = self.estimate(prepared)
        with one_thread(), self._announced, overflow_stops("models", prepared.panel):
            names, fitted = self._walks(prepared, regimes)
            walks = compute.combine(fitted, schedule, config)
            forecasts = compute.make_forecasts(walks, schedule, config)
        for forecast in forecasts.values():
            check_forecast(forecast, schedule, prepared.panel)
        return Trained(prepared, regimes, covariances, names, walks, forecasts)

    @explained
    def fit(self, prepared: Prepared, names: Collection[str] | None = None) -> None:
        """Fit regimes and models along the walk, and store them; this is the stored part of `train`.

        Parameters
        ----------
        prepared : Prepared
        names : collection of str, optional
            Models to fit; by default all.
        """
        with one_thread(), self._announced, overflow_stops("models", prepared.panel):
            self._walks(prepared, self._regimes(prepared), names)

    def _regimes(self, prepared: Prepared) -> RegimePath:
        config = self.config

        def make() -> RegimePath:
            before = self._before(REGIMES, fitting_key)
            path = compute.make_regimes(prepared.matrix, prepared.schedule, config, before)
            if before is not None:
                check_past(REGIMES, before.probabilities, path.probabilities)
            return path

        path = self.reporter.stored(
            self.store,
            REGIMES,
            prepared.key,
            make,
            lambda path: f"{format_count(len(path.refits), 'refit')} of {config.regimes.states} states",
        )
        check_regimes(path, prepared.panel)
        return path

    def _walks(
        self, prepared: Prepared, regimes: RegimePath, names: Collection[str] | None = None
    ) -> tuple[tuple[str, ...], dict[str, WalkResult]]:
        """Return the feature names of the dataset, and the walk of each fitted model, without combinations."""
        config = self.config
        data = compute.make_dataset(prepared.panel, prepared.matrix, regimes, prepared.schedule, config)
        # Created on first use, so that no cluster is contacted if all results are stored.
        with open_executor(config.executor, config.workers, code_digest) as executor:
            return data.names, {
                name: self._walk(name, section, data, prepared, executor)
                for name, section in config.fitted_models().items()
                if names is None or name in names
            }

    def _walk(
        self, name: str, section: Fitted, data: Dataset, prepared: Prepared, executor: Executor
    ) -> WalkResult:
        key = walk_key(prepared.key, name, section)
        journal = self.store.journal(key) if section.tuning else None

        def earlier(config: RunConfig, digest: str) -> str:
            return walk_key(fitting_key(config, digest), name, section)

        def make() -> WalkResult:
            before = self._before(MODEL, earlier)
            with self.reporter.bar(f"model {name}") as progress:
                schedule = prepared.schedule
                walk = compute.walk_model(
                    name, section, data, schedule, self.config, progress, executor, journal, before
                )
            if before is not None:
                check_past(f"{MODEL} {name}", before.raw, walk.raw)
            return walk

        walk = self.reporter.stored(
            self.store,
            f"{MODEL} {name}",
            key,
            make,
            lambda walk: (
                f"{format_count(len(walk.fits), 'fit')} on {walk.fits[0].n_rows} to {walk.fits[-1].n_rows} rows"
            ),
        )
        check_walk(walk, data.usable, prepared.panel)
        return walk

    @explained
    def evaluate(self, trained: Trained) -> Evaluated:
        """Score the forecasts, simulate the portfolios and decide at the last date."""
        config, prepared = self.config, trained.prepared
        panel, schedule = prepared.panel, prepared.schedule
        own = config.calibration.own_mean_weight
        with one_thread(), overflow_stops("portfolios", panel):
            scores = {
                name: score_forecast(forecast, trained.walks[name], schedule, own)
                for name, forecast in trained.forecasts.items()
            }
            policies = trading.make_policies(
                panel, schedule, trained.forecasts, trained.covariances, trained.regimes, config
            )
            everything = key_of(panel.digest(), config.digest())
            results = {
                name: self.reporter.stored(
                    self.store,
                    f"portfolio {name}",
                    key_of(everything, name),
                    partial(trading.backtest, name, policy, panel, schedule, config),
                    describe_backtest,
                )
                for name, policy in policies.items()
            }
            target = trading.target_weights(policies[config.traded], results[config.traded], panel)
            performance, comparisons = measure_portfolios(results, panel)
        check_scores(scores, panel)
        return Evaluated(trained, scores, results, performance, comparisons, target)

    @explained
    def certify(self, done: Evaluated) -> Certificate | None:
        """Audit the run for look-ahead, and return a certificate; None if there is no cut.

        Raises
        ------
        LeakError
            If a value looked ahead, or a feature depends on a unit (UnitError). The findings are written to the output
            folder.
        """
        if not self.config.audit.cuts:
            self.reporter.line("audit", "none: audit.cuts is 0, so there is no certificate")
            return None

        def make() -> Certificate:
            with self.reporter.bar("audit") as progress:
                return audit(done, progress)

        certificate = self.reporter.stored(
            self.store,
            "audit",
            key_of(
                json.dumps(done.record().as_dict(), sort_keys=True), self.config.digest(), showing_digest()
            ),
            make,
            describe_certificate,
        )
        if not certificate.clean:
            place = self.config.output / f"{self.config.name}-leak.json"
            write_whole(place, to_json(certificate.as_dict()).encode())
            self.reporter.line("", f"all that was found is in {place}")
        refuse(certificate)
        # If the evaluation is too short for a cut, the audit has shown nothing.
        return certificate if certificate.cuts else None

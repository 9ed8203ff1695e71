"""Pipeline: runs the sequence of stages, stores and checks their results, and collects the result of the run."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from typing import Any, TypeVar

from allocation.covariance.path import CovariancePath
from foundation.counts import format_count
from foundation.json_text import to_json
from foundation.threads import one_thread
from market.panel import Panel
from models.regimes.path import RegimePath
from pipeline.audit.audit import audit, refuse
from pipeline.audit.certificate import Certificate
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.files import write_whole
from pipeline.preflight.coverage import check_coverage, check_frequency, explain_horizon
from pipeline.preflight.feasibility import check_limits
from pipeline.preflight.training_data import check_training, explain_early_test
from pipeline.progress import Reporter
from pipeline.runner.compilation import Announced
from pipeline.runner.descriptions import describe_certificate, describe_stage
from pipeline.runner.history_check import check_past
from pipeline.runner.keys import FEATURES, MODEL, REGIMES, stage_key
from pipeline.stages import trading
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
from pipeline.stages.run_warnings import feature_warnings, finding_warnings
from pipeline.stages.sequence import Sequence, Start
from pipeline.store import Store, key_of, showing_digest
from pipeline.store.reuse import explained

T = TypeVar("T")

_OVERFLOWS = {
    FEATURES: "features",
    REGIMES: "regimes and covariances",
    "covariances": "regimes and covariances",
}
"""Name in the message about a number that became too large, by the kind of the stage."""
_EXTENDED = {REGIMES: "probabilities", MODEL: "raw"}
"""Stages that continue a result over fewer dates and must keep its rows: the array that is compared."""


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
        self._sequence = Sequence(config, self._run_stage)
        self._digest: tuple[Panel, str] | None = None
        reporter.notices(store)

    @explained
    def prepare(self, loaded: Loaded | None = None) -> Prepared:
        """Load and check the data, build features and schedule, and check training data and limits.

        Parameters
        ----------
        loaded : tuple of Panel and tuple of Finding, optional
            The data, if it was already loaded.
        """
        config = self.config
        panel, findings = loaded or load_data(config, self.reporter)
        check_frequency(panel)
        with one_thread(), explain_horizon(panel, config):
            prepared = self._sequence.prepare(panel, findings)
            matrix, schedule = prepared.matrix, prepared.schedule
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
            self.reporter.warn(text)
        return replace(prepared, findings=(*findings, *coverage))

    @explained
    def estimate(self, prepared: Prepared) -> tuple[RegimePath, CovariancePath]:
        """Fit the regimes along the walk, and estimate covariances; neither depends on the model."""
        return self._sequence.estimate(prepared)

    @explained
    def train(self, prepared: Prepared) -> Trained:
        """Fit regimes and models along the walk, calibrate the forecasts, and estimate covariances."""
        with self._computing("models", prepared.panel):
            return self._sequence.train(prepared)

    @explained
    def fit(self, prepared: Prepared, names: Collection[str] | None = None) -> None:
        """Fit regimes and models along the walk, and store them; this is the stored part of `train`.

        Parameters
        ----------
        prepared : Prepared
        names : collection of str, optional
            Models to fit; by default all.
        """
        with self._computing("models", prepared.panel):
            self._sequence.fit(prepared, names)

    @explained
    def evaluate(self, trained: Trained) -> Evaluated:
        """Score the forecasts, simulate the portfolios and decide at the last date."""
        config, panel, schedule = self.config, trained.prepared.panel, trained.prepared.schedule
        own = config.calibration.own_mean_weight
        with self._computing("portfolios", panel):
            scores = {
                name: score_forecast(forecast, trained.walks[name], schedule, own)
                for name, forecast in trained.forecasts.items()
            }
            policies, results = self._sequence.simulate(trained)
            target = trading.target_weights(policies[config.traded], results[config.traded], panel)
            performance, comparisons = measure_portfolios(results, panel)
        check_scores(scores, panel)
        done = self._sequence.done
        return Evaluated(trained, scores, results, performance, comparisons, target, done)

    @contextmanager
    def _computing(self, stage: str, panel: Panel) -> Iterator[None]:
        with one_thread(), self._announced, overflow_stops(stage, panel):
            yield

    def _run_stage(self, name: str, make: Callable[[Start], T], done: Mapping[str, Any]) -> T:
        """Take a stage from the store, or compute, report, check and store it."""
        if name == "data":
            return make(Start())
        kind, panel = name.split()[0], done["data"]
        key = stage_key(self.config, self._digest_of(panel), name)

        def describe(value: T) -> str:
            return describe_stage(kind, value, self.config)

        def compute() -> T:
            return self._compute(name, key, make)

        with self._around(kind, done):
            if key is not None:
                value = self.reporter.stored(self.store, name, key, compute, describe)
            elif kind == "covariances":
                value = self.reporter.stage(name, compute, describe)
            else:
                value = compute()
        self._check(kind, value, done)
        return value

    def _compute(self, name: str, key: str | None, make: Callable[[Start], T]) -> T:
        """Compute a stage; a result over fewer dates is continued, and must keep its rows."""
        kind, _, which = name.partition(" ")
        before, journal = None, None
        if self.earlier is not None and kind in (FEATURES, *_EXTENDED):
            before = self.store.peek(kind, stage_key(self.config, self.earlier, name) or "")
        if kind != MODEL:
            value = make(Start(before))
        else:
            if key is not None and self.config.fitted_models()[which].tuning:
                journal = self.store.journal(key)
            with self.reporter.bar(name) as progress:
                value = make(Start(before, progress, journal))
        if before is not None and kind in _EXTENDED:
            check_past(name, getattr(before, _EXTENDED[kind]), getattr(value, _EXTENDED[kind]))
        return value

    def _around(self, kind: str, done: Mapping[str, Any]) -> AbstractContextManager[object]:
        """Return the context that explains the errors of a stage; others have that of their method."""
        if kind in _OVERFLOWS:
            return self._computing(_OVERFLOWS[kind], done["data"])
        if kind == "schedule":
            return explain_early_test(done["data"], done[FEATURES], self.config)
        return nullcontext()

    def _check(self, kind: str, value: Any, done: Mapping[str, Any]) -> None:
        """Warn of what may change a result, and stop the run at an impossible number."""
        panel = done["data"]
        if kind == FEATURES:
            for text in feature_warnings(value, self.config.features):
                self.reporter.warn(text)
        elif kind == REGIMES:
            check_regimes(value, panel)
        elif kind == "covariances":
            check_covariances(value, panel)
        elif kind == MODEL:
            check_walk(value, done["dataset"].usable, panel)
        elif kind == "forecasts":
            for forecast in value.values():
                check_forecast(forecast, done["schedule"], panel)

    def _digest_of(self, panel: Panel) -> str:
        """Return the digest of a panel, computed once for all stages of it."""
        if self._digest is None or self._digest[0] is not panel:
            self._digest = panel, panel.digest()
        return self._digest[1]

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

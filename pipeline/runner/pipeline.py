"""Pipeline: runs the sequence of stages, stores and checks their results, and collects the result of the run."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from allocation.covariance.path import CovariancePath
from foundation.counts import format_count
from foundation.threads import one_thread
from models.regimes.path import RegimePath
from pipeline.audit.certificate import Certificate
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.preflight.coverage import check_coverage
from pipeline.preflight.evaluation_length import check_evaluation_length
from pipeline.preflight.feasibility import check_limits
from pipeline.preflight.frequency import check_frequency, check_relative_target, explain_horizon
from pipeline.preflight.model_features import check_model_features
from pipeline.preflight.training_data import check_training
from pipeline.progress import Reporter
from pipeline.runner.certification import certify
from pipeline.runner.stage_runner import StageRunner
from pipeline.stages import trading
from pipeline.stages.evaluation import score_forecast
from pipeline.stages.loading import Loaded, load_data
from pipeline.stages.plausibility import check_scores
from pipeline.stages.results import Evaluated, Prepared, Trained, measure_portfolios, score_estimates
from pipeline.stages.run_warnings import finding_warnings
from pipeline.stages.sequence import Sequence
from pipeline.store import Store
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
        self._runner = StageRunner(config, store, reporter, earlier)
        self._sequence = Sequence(config, self._runner)
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
        check_relative_target(panel, config)
        with one_thread(), explain_horizon(panel, config):
            prepared = self._sequence.prepare(panel, findings)
            matrix, schedule = prepared.matrix, prepared.schedule
            if not schedule.regime_folds:
                warm = (matrix.warm[matrix.names.index(name)] for name in config.regimes.features)
                most = len(panel.dates) - 1 - max(warm)
                raise RunError(
                    f"regimes.min_train is {config.regimes.min_train}, but the data ends before so many dates of "
                    f"{', '.join(config.regimes.features)} are there: {format_count(len(panel.dates), 'date')} in all, "
                    f"{panel.periods_per_year} a year"
                    f"{f'; the largest that works is {most}' if most > 0 else ''}"
                )
            coverage = (
                *check_coverage(panel, matrix, schedule, config),
                *check_evaluation_length(panel, schedule, config),
            )
            check_model_features(panel, matrix, schedule, config)
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
        with self._runner.computing("models", prepared.panel):
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
        with self._runner.computing("models", prepared.panel):
            self._sequence.fit(prepared, names)

    @explained
    def evaluate(self, trained: Trained) -> Evaluated:
        """Score the forecasts, simulate the portfolios and decide at the last date."""
        config, panel, schedule = self.config, trained.prepared.panel, trained.prepared.schedule
        own = config.calibration.own_mean_weight
        with self._runner.computing("portfolios", panel):
            scores = {
                name: score_forecast(forecast, trained.walks[name], schedule, own)
                for name, forecast in trained.forecasts.items()
            }
            policies, results = self._sequence.simulate(trained)
            target = trading.target_weights(policies[config.traded], results[config.traded], panel)
            performance, comparisons = measure_portfolios(results, panel)
            estimates = score_estimates(trained, int(schedule.decisions[0]))
        check_scores(scores, panel)
        done = self._sequence.done
        return Evaluated(
            trained, scores, results, performance, comparisons, target, done, *estimates, done["active"]
        )

    @explained
    def certify(self, done: Evaluated) -> Certificate | None:
        """Audit the run for look-ahead, and return a certificate; None if there is no cut.

        Raises
        ------
        LeakError
            If a value looked ahead, or a feature depends on a unit (UnitError). The findings are written to the output
            folder.
        """
        return certify(done, self.store, self.reporter)

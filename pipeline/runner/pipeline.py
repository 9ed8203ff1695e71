"""Pipeline: runs the stages in order, stores their results, and collects the result of the run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from allocation.covariance.path import CovariancePath
from allocation.policies.policy import Policy
from backtest.simulate import BacktestResult
from foundation.counts import format_count
from foundation.threads import one_thread
from models.regimes.path import RegimePath
from pipeline.audit.certificate import Certificate
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.preflight.coverage import check_coverage
from pipeline.preflight.feasibility import check_limits
from pipeline.preflight.frequency import check_frequency, explain_horizon
from pipeline.preflight.training_data import check_training, schedule_of
from pipeline.progress import Reporter
from pipeline.runner.certification import certify
from pipeline.runner.compilation import Announced
from pipeline.runner.descriptions import describe_backtest, describe_covariances
from pipeline.runner.fitting import Fitting
from pipeline.runner.keys import FEATURES, features_key, fitting_key
from pipeline.stages import compute, trading
from pipeline.stages.evaluation import score_forecast
from pipeline.stages.loading import Loaded, load_data
from pipeline.stages.plausibility import check_covariances, check_forecast, check_scores, overflow_stops
from pipeline.stages.results import Evaluated, Prepared, Trained, measure_portfolios
from pipeline.stages.run_warnings import feature_warnings, features_line, finding_warnings
from pipeline.store import Store, key_of
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
        self._fitting = Fitting(config, store, reporter, earlier)
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
                lambda: compute.make_features(
                    panel, config, self._fitting.peek_earlier(FEATURES, features_key)
                ),
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

    @explained
    def estimate(self, prepared: Prepared) -> tuple[RegimePath, CovariancePath]:
        """Fit the regimes along the walk, and estimate covariances; neither depends on the model."""
        config, schedule = self.config, prepared.schedule
        with one_thread(), self._announced, overflow_stops("regimes and covariances", prepared.panel):
            regimes = self._fitting.fit_regimes(prepared)
            covariances = self.reporter.stage(
                "covariances",
                partial(trading.make_covariances, prepared.panel, schedule, regimes, config),
                partial(describe_covariances, kind=config.allocation.covariance.kind),
            )
        check_covariances(covariances, prepared.panel)
        return regimes, covariances

    @explained
    def train(self, prepared: Prepared) -> Trained:
        """Fit regimes and models along the walk, calibrate the forecasts, and estimate covariances."""
        config, schedule = self.config, prepared.schedule
        regimes, covariances = self.estimate(prepared)
        with one_thread(), self._announced, overflow_stops("models", prepared.panel):
            names, fitted = self._fitting.fit_models(prepared, regimes)
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
            self._fitting.fit_models(prepared, self._fitting.fit_regimes(prepared), names)

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
            results = self._backtest(policies, prepared)
            target = trading.target_weights(policies[config.traded], results[config.traded], panel)
            performance, comparisons = measure_portfolios(results, panel)
        check_scores(scores, panel)
        return Evaluated(trained, scores, results, performance, comparisons, target)

    def _backtest(self, policies: Mapping[str, Policy], prepared: Prepared) -> dict[str, BacktestResult]:
        """Simulate the portfolio of each policy."""
        everything = key_of(prepared.panel.digest(), self.config.digest())
        return {
            name: self.reporter.stored(
                self.store,
                f"portfolio {name}",
                key_of(everything, name),
                partial(trading.backtest, name, policy, prepared.panel, prepared.schedule, self.config),
                describe_backtest,
            )
            for name, policy in policies.items()
        }

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

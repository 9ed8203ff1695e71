"""Comparison: challenger against champion, by the utility of the allocator's portfolios after costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console

from allocation.covariance.path import CovariancePath
from backtest.result import BacktestResult
from foundation.types import Floats, Ints
from models.forecast import Forecast
from operations.champion.candidate import Candidate
from operations.errors import OperationsError
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.stages import trading
from pipeline.stages.loading import Loaded
from pipeline.stages.results import Prepared
from pipeline.store import Store
from validation.forecasts.scores import hac_mean


@dataclass(frozen=True, eq=False)
class Comparison:
    """The utility of two forecasts for the same allocator on the same dates, after costs.

    Attributes
    ----------
    dates : int
        Number of observations from the first different trade on.
    since : str
        ISO date of the first of these observations; empty if there are none.
    difference : float
        Annual utility of the challenger minus that of the champion, a fraction; 0 if they never differ.
    stderr : float
        HAC standard error of the difference, annual.
    p_worse : float
        One-sided p-value of the hypothesis "no worse": small if the challenger is worse. NaN if there are too few
        dates.
    """

    dates: int
    since: str
    difference: float
    stderr: float
    p_worse: float


def _utility(result: BacktestResult, risk_aversion: float) -> Floats:
    """Return each observation's mean-variance utility, x - gamma/2 x^2, for excess returns x after costs."""
    excess = result.net - result.cash_return
    return np.asarray(excess - risk_aversion / 2 * excess**2)


def _simulate_forecast(prepared: Prepared, covariances: CovariancePath, forecast: Forecast) -> BacktestResult:
    """Simulate the run's allocator with a forecast, from the first date that has one."""
    schedule = prepared.schedule
    decisions = np.intersect1d(schedule.decisions, forecast.positions)
    if not len(decisions):
        raise OperationsError(f"{forecast.model}: no decision has a forecast")
    policy = trading.forecast_policy(prepared.panel, schedule, covariances, forecast, prepared.config)
    return trading.backtest(forecast.model, policy, prepared.panel, schedule, prepared.config, decisions)


def compare_on(loaded: Loaded, store: Store, challenger: Candidate, champion: Candidate) -> Comparison:
    """Compare on all data: each uses its own features and regimes; the challenger's allocator trades both."""
    prepared, covariances, mine = _forecasts(challenger, loaded, store)
    return _compare(prepared, covariances, mine, _forecasts(champion, loaded, store)[2])


def _forecasts(
    candidate: Candidate, loaded: Loaded, store: Store
) -> tuple[Prepared, CovariancePath, Forecast]:
    pipeline = Pipeline(candidate.config, store, Reporter(Console(quiet=True)))
    prepared = pipeline.prepare(loaded)
    regimes, covariances = pipeline.estimate(prepared)
    return prepared, covariances, candidate.forecasts(prepared, regimes)


def _compare(
    prepared: Prepared, covariances: CovariancePath, challenger: Forecast, champion: Forecast
) -> Comparison:
    """Compare two forecasts on their common dates.

    Parameters
    ----------
    prepared : Prepared
        Data, schedule and configuration of the challenger, whose allocator trades both forecasts.
    covariances : CovariancePath
    challenger, champion : Forecast
    """
    both = np.intersect1d(challenger.positions, champion.positions)
    mine, theirs = (_simulate_forecast(prepared, covariances, _at(f, both)) for f in (challenger, champion))
    year = prepared.panel.periods_per_year
    apart = np.flatnonzero((mine.weights != theirs.weights).any(axis=1) | (mine.net != theirs.net))
    if not len(apart):
        return Comparison(0, "", 0.0, 0.0, float("nan"))
    gamma = prepared.config.allocation.risk_aversion
    gain = (_utility(mine, gamma) - _utility(theirs, gamma))[apart[0] :]
    test = hac_mean(gain, prepared.schedule.labels.horizon - 1)
    return Comparison(
        len(gain),
        f"{prepared.panel.dates[mine.positions[apart[0]]]:%Y-%m-%d}",
        test.mean * year,
        test.stderr * year,
        1.0 - test.p_greater if np.isfinite(test.t) else float("nan"),
    )


def _at(forecast: Forecast, positions: Ints) -> Forecast:
    """Return a forecast restricted to the given rows of the panel."""
    kept = np.isin(forecast.positions, positions)
    arrays = ("positions", "mean", "stderr", "raw", "slope", "slope_error")
    return replace(forecast, **{name: getattr(forecast, name)[kept] for name in arrays})

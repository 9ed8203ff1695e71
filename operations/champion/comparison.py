"""Comparison: challenger against champion, by what the allocator makes of their forecasts after costs."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from rich.console import Console

from allocation.covariance.path import CovariancePath
from backtest.simulate import BacktestResult
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
    """What two forecasts were worth to the same allocator on the same dates, after costs.

    Attributes
    ----------
    dates : int
        Observations in which the two could earn something different: from the first different trade on.
    since : str
        ISO date of the first of them; empty if there is none.
    difference : float
        Utility a year of the challenger less that of the champion, a fraction; 0 if they never differ.
    stderr : float
        HAC standard error of the difference, a year.
    p_worse : float
        One-sided p-value against "no worse": small if the challenger is worse. NaN where there are too few dates.
    """

    dates: int
    since: str
    difference: float
    stderr: float
    p_worse: float


def utility(result: BacktestResult, risk_aversion: float) -> Floats:
    """Return what each observation adds to mean-variance utility: x - gamma/2 x^2, of excess returns after costs."""
    excess = result.net - result.cash_return
    return np.asarray(excess - risk_aversion / 2 * excess**2)


def simulate_forecast(prepared: Prepared, covariances: CovariancePath, forecast: Forecast) -> BacktestResult:
    """Return what the run's allocator makes of a forecast, from the first decision for which there is one."""
    schedule = prepared.schedule
    decisions = np.intersect1d(schedule.decisions, forecast.positions)
    if not len(decisions):
        raise OperationsError(f"{forecast.model}: no decision has a forecast")
    policy = trading.forecast_policy(prepared.panel, covariances, forecast, prepared.config)
    return trading.backtest(forecast.model, policy, prepared.panel, schedule, prepared.config, decisions)


def compare_on(loaded: Loaded, store: Store, challenger: Candidate, champion: Candidate) -> Comparison:
    """Compare on all data: each forecasts by its own features and regimes, and the challenger's allocator trades."""
    prepared, covariances, mine = _forecasts(challenger, loaded, store)
    return compare(prepared, covariances, mine, _forecasts(champion, loaded, store)[2])


def _forecasts(
    candidate: Candidate, loaded: Loaded, store: Store
) -> tuple[Prepared, CovariancePath, Forecast]:
    pipeline = Pipeline(candidate.config, store, Reporter(Console(quiet=True)))
    prepared = pipeline.prepare(loaded)
    regimes, covariances = pipeline.estimate(prepared)
    return prepared, covariances, candidate.forecasts(prepared, regimes)


def compare(
    prepared: Prepared, covariances: CovariancePath, challenger: Forecast, champion: Forecast
) -> Comparison:
    """Compare two forecasts on the dates that both have.

    Parameters
    ----------
    prepared : Prepared
        Data, schedule and configuration of the challenger: its allocator trades both.
    covariances : CovariancePath
    challenger, champion : Forecast
    """
    both = np.intersect1d(challenger.positions, champion.positions)
    mine, theirs = (simulate_forecast(prepared, covariances, _at(f, both)) for f in (challenger, champion))
    year = prepared.panel.periods_per_year
    apart = np.flatnonzero((mine.weights != theirs.weights).any(axis=1) | (mine.net != theirs.net))
    if not len(apart):
        return Comparison(0, "", 0.0, 0.0, float("nan"))
    gamma = prepared.config.allocation.risk_aversion
    gain = (utility(mine, gamma) - utility(theirs, gamma))[apart[0] :]
    test = hac_mean(gain, prepared.schedule.labels.horizon - 1)
    return Comparison(
        len(gain),
        f"{prepared.panel.dates[mine.positions[apart[0]]]:%Y-%m-%d}",
        test.mean * year,
        test.stderr * year,
        1.0 - test.p_greater if np.isfinite(test.t) else float("nan"),
    )


def _at(forecast: Forecast, positions: Ints) -> Forecast:
    """Return the part of a forecast at some of its rows."""
    kept = np.isin(forecast.positions, positions)
    arrays = ("positions", "mean", "stderr", "raw", "slope", "slope_error")
    return replace(forecast, **{name: getattr(forecast, name)[kept] for name in arrays})

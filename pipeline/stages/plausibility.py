"""Plausibility: an impossible number stops the run and names stage, column and date; the run gets no verdict.

Required to be finite: covariances of eligible assets; predictions of all usable assets on test dates, and the forecasts
derived from them; returns of portfolios. NaN elsewhere means a missing value (an asset that is not listed, a regime
before the first fit, the rank correlation of a constant forecast) and is legitimate. Infinite values are never allowed.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from math import isfinite, isinf

import numpy as np
import pandas as pd

from allocation.covariance.path import CovariancePath
from allocation.covariance_types import FactorCovariance
from backtest.result import BacktestResult
from foundation.counts import format_count
from foundation.types import Bools
from market.panel import Panel
from models.forecast import Forecast
from models.regimes.path import RegimePath
from models.walk_forward.results import WalkResult
from pipeline.errors import RunError
from pipeline.stages.evaluation import ForecastScore
from pipeline.stages.schedule import Schedule

MOST_SHARPE = 10.0
"""Absolute annual Sharpe ratio above which a result is rejected as implausible."""
MOST_VOLATILITY = 10.0
"""Annual volatility above which a result is rejected as implausible: 1,000 %."""
CERTAIN = 3.0
"""Standard errors by which a Sharpe ratio over less than a year must exceed the limit, since it may be luck."""

OWN = "numpy|market|features|validation|models|allocation|backtest|pipeline|operations"


@contextmanager
def overflow_stops(stage: str, panel: Panel) -> Iterator[None]:
    """Stop the run when a number overflows, in this thread or another.

    Raises
    ------
    RunError
        In place of numpy's warning. It names the largest return of the data, the most likely cause.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "overflow encountered", RuntimeWarning, rf"({OWN})(\.|$)")
        try:
            yield
        except RuntimeWarning as warning:
            size = np.where(panel.listed, np.abs(panel.returns), -np.inf)
            row, asset = divmod(int(np.argmax(size)), len(panel.assets))
            raise RunError(
                f"{stage}: a number became too large ({warning}). The largest return of {panel.name} is "
                f"{panel.returns[row, asset]:+.3g}, of {panel.assets[asset]!r} on {panel.dates[row]:%Y-%m-%d}: is it "
                "real?"
            ) from warning


def check_regimes(path: RegimePath, panel: Panel) -> None:
    """Refuse infinite probabilities, a state without a forecast, and a fit whose centres are not finite."""
    states = [f"state {s}" for s in range(path.probabilities.shape[1])]
    _refuse("regimes", "probability", np.isinf(path.probabilities), panel.dates, states)
    unknown = np.isfinite(path.probabilities) & ~np.isfinite(path.forecast.probabilities)
    _refuse("regimes", "forecast", np.asarray(unknown), panel.dates, states)
    bad = np.asarray(~np.isfinite(path.centres).all(axis=2))
    _refuse("regimes", "centre", bad, panel.dates[path.refits], states)


def check_covariances(path: CovariancePath, panel: Panel) -> None:
    """Refuse covariances of eligible assets that are not finite."""
    bad = np.zeros(path.eligible.shape, dtype=np.bool_)
    for d, eligible in enumerate(path.eligible):
        sigma = path.sigma[d]
        if isinstance(sigma, FactorCovariance):
            bad[d] = eligible & ~(np.isfinite(sigma.loadings).all(axis=1) & np.isfinite(sigma.specific))
        else:
            bad[d, eligible] = ~np.isfinite(sigma[np.ix_(eligible, eligible)]).all(axis=1)
    _refuse("covariances", "covariance", bad, panel.dates[path.positions], panel.assets)


def check_walk(walk: WalkResult, usable: Bools, panel: Panel) -> None:
    """Refuse predictions that are infinite, or missing although their inputs are usable."""
    expected = usable & (np.arange(len(usable)) >= walk.fits[0].first_test)[:, None]
    bad = np.isinf(walk.raw) | (expected & np.isnan(walk.raw))
    _refuse(f"model {walk.model}", "prediction", bad, panel.dates, panel.assets)


def check_forecast(forecast: Forecast, schedule: Schedule, panel: Panel) -> None:
    """Refuse calibrated forecasts that are infinite, or missing although a prediction and a unit of risk exist."""
    risk = schedule.target.risk[forecast.positions]
    expected = np.isfinite(forecast.raw) & np.isfinite(risk)
    bad = np.isinf(forecast.mean) | (expected & np.isnan(forecast.mean))
    dates, stage = panel.dates[forecast.positions], f"forecast {forecast.model}"
    _refuse(stage, "expected return", bad, dates, panel.assets)
    _refuse(stage, "slope", ~np.isfinite(forecast.slope)[:, None], dates, ["all assets"])


def check_scores(scores: Mapping[str, ForecastScore], panel: Panel) -> None:
    """Refuse infinite scores; a score that does not exist is NaN."""
    for name, score in scores.items():
        for metric, value in score.metrics.items():
            if isinf(value):
                raise RunError(
                    f"scores of model {name}: {metric} is {value} over {_span(panel.dates[score.positions])}: a result "
                    "that cannot be. Look for impossible values in the data"
                )


def check_portfolio(result: BacktestResult, performance: Mapping[str, float], panel: Panel) -> None:
    """Refuse returns that are not finite, and an impossible Sharpe ratio or volatility."""
    stage = f"portfolio {result.name}"
    dates = panel.dates[result.positions]
    bad = ~(np.isfinite(result.net) & np.isfinite(result.gross))[:, None]
    _refuse(stage, "return", bad, dates, [_largest_position(result, panel)])
    volatility, sharpe, error = (performance[key] for key in ("volatility", "sharpe", "sharpe_se"))
    what = ""
    if volatility > MOST_VOLATILITY:
        what = f"a volatility of {volatility:,.0%} a year"
    elif abs(sharpe) > MOST_SHARPE:
        luck = CERTAIN * error if len(dates) < panel.periods_per_year and isfinite(error) else 0.0
        if abs(sharpe) - luck > MOST_SHARPE:
            what = f"a Sharpe ratio of {sharpe:,.1f} a year"
    if what:
        row = int(np.argmax(np.abs(result.net - result.cash_return)))
        raise RunError(
            f"{stage}: {what} over {_span(dates)} cannot be. Its largest position is "
            f"{_largest_position(result, panel)}; its largest return is {result.net[row]:+.3g}, on "
            f"{dates[row]:%Y-%m-%d}. Look for prices used as returns, percentages used as fractions, columns that are "
            "no assets, and assets that earn what cash earns while data.cash names none"
        )


def _refuse(stage: str, what: str, bad: Bools, dates: pd.DatetimeIndex, columns: Sequence[str]) -> None:
    """Stop at the first bad place in an array of shape (dates, columns)."""
    if not bad.any():
        return
    row, column = (int(i) for i in np.argwhere(bad)[0])
    more = f" ({int(bad.sum())} such values)" if bad.sum() > 1 else ""
    raise RunError(
        f"{stage}: the {what} of {columns[column]} on {dates[row]:%Y-%m-%d} is no finite number{more}: a result "
        "that cannot be. Look for impossible values in the data before that date"
    )


def _largest_position(result: BacktestResult, panel: Panel) -> str:
    """Return the asset with the largest absolute mean weight, and that weight."""
    mean = np.nanmean(np.abs(result.weights), axis=0)
    asset = int(np.argmax(mean))
    return f"{panel.assets[asset]!r} (mean weight {mean[asset]:.0%})"


def _span(dates: pd.DatetimeIndex) -> str:
    return f"{dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d} ({format_count(len(dates), 'return')})"

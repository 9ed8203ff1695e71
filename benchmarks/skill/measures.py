"""Measures of one panel: gain, information ratio, transfer coefficient, turnover and cost."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.covariance_types import select_covariance, to_dense
from backtest.result import BacktestResult
from foundation.types import Floats, Ints
from validation.portfolios.certainty_equivalent import certainty_equivalent_gain
from validation.portfolios.sharpe import sharpe_ratio

_LEAST_ALPHA = 1e-10
"""Differences between forecasts below this share of their size are rounding."""
_LEAST_WEIGHT = 1e-6
"""Active weights below this are the solver's rounding."""
_LEAST_RETURN = 1e-8
"""Standard deviation of active returns below which two portfolios are the same but for the solver's rounding."""


@dataclass(frozen=True, eq=False)
class Gain:
    """Gain in certainty equivalent over another portfolio.

    Attributes
    ----------
    gain : float
        Per year.
    t : float
        HAC t-statistic; NaN if the two portfolios do not differ.
    p_less : float
        One-sided p-value that the gain is not negative: small if it is.
    influence : ndarray of shape (R,)
        What each observation adds: its mean is the gain of one observation.
    """

    gain: float
    t: float
    p_less: float
    influence: Floats


def measure_gain(result: BacktestResult, other: BacktestResult, risk_aversion: float, year: int) -> Gain:
    """Return the gain of one portfolio over another on the same rows, net of costs.

    It is that of `validation.portfolios.certainty_equivalent`; `year` is the number of observations in a year. It is
    0 without a test if the two are the same but for the solver's rounding.
    """
    a, b = (each.net - each.cash_return for each in (result, other))
    if not _differ(a, b):
        return Gain(0.0, math.nan, math.nan, np.zeros(len(a)))
    test = certainty_equivalent_gain(a, b, risk_aversion)
    worth = [x - risk_aversion / 2 * (x - x.mean()) ** 2 for x in (a, b)]
    return Gain(test.gain * year, test.gain / test.stderr, test.p_less, worth[0] - worth[1])


def transfer_coefficient(active: Floats, alpha: Floats, sigma: Floats, fully_invested: bool) -> float:
    """Return how much of a forecast arrives in the active weights, from -1 to 1.

    Parameters
    ----------
    active : ndarray of shape (N,)
        Weights less those of the portfolio without the forecast.
    alpha : ndarray of shape (N,)
        Forecast less what is expected without it.
    sigma : ndarray of shape (N, N)
    fully_invested : bool
        Whether the sum of the weights is fixed: then only differences of alpha count, and the multiple of 1 that the
        budget takes out of every unconstrained portfolio is taken out of alpha first.

    Returns
    -------
    float
        NaN if there is no alpha; 0 if there is one and no active weight.

    Notes
    -----
    TC = a' alpha / sqrt(a' Sigma a  alpha' Sigma^-1 alpha): the correlation between Sigma^1/2 a and Sigma^-1/2 alpha,
    around 0. It is the share of the largest expected information ratio that the active weights expect: 1 for the
    mean-variance portfolio without limits and costs. The form with the full covariance is that of Clarke, de Silva and
    Thorley (2006), *Journal of Investment Management* 4, 54-72. The diagonal one of their paper of 2002 (*Financial
    Analysts Journal* 58, 48-66) treats assets as uncorrelated and does not give 1 to that portfolio where they are not.
    """
    ones = np.ones(len(alpha))
    solved = np.linalg.solve(sigma, np.column_stack([alpha, ones]))
    if fully_invested:
        size = float(alpha @ solved[:, 0])
        share = float(ones @ solved[:, 0]) / float(ones @ solved[:, 1])
        alpha, best = alpha - share, solved[:, 0] - share * solved[:, 1]
    else:
        size, best = 0.0, solved[:, 0]
    attainable, risk = float(alpha @ best), float(active @ sigma @ active)
    if not attainable > _LEAST_ALPHA * size:
        return math.nan
    if not np.abs(active).max() > _LEAST_WEIGHT:
        return 0.0
    return float(active @ alpha) / math.sqrt(risk * attainable)


def mean_transfer(
    results: tuple[BacktestResult, BacktestResult],
    alpha: Floats,
    decisions: Ints,
    covariances: CovariancePath,
    lag: int,
    *,
    fully_invested: bool,
) -> float:
    """Return the mean transfer coefficient over the decisions that have a forecast.

    Parameters
    ----------
    results : tuple of BacktestResult
        With and without the forecast. Their weights are taken after the trade of each decision, so that one at which
        nothing is traded counts with what is held.
    alpha : ndarray of shape (D, N)
        At each decision; NaN where there is no forecast.
    decisions : ndarray of int, shape (D,)
    covariances : CovariancePath
    lag : int
        Rows from a decision to its trade.
    fully_invested : bool
    """
    with_forecast, without = results
    found = []
    for d, row in enumerate(decisions):
        place = int(with_forecast.positions.searchsorted(row + lag + 1))
        if place == len(with_forecast.positions):
            break
        sigma, eligible = covariances.at(int(row))
        inside = eligible & np.isfinite(alpha[d])
        if inside.sum() < 2:
            continue
        active = (with_forecast.weights[place] - without.weights[place])[inside]
        dense = to_dense(select_covariance(sigma, inside))
        found.append(transfer_coefficient(active, alpha[d, inside], dense, fully_invested))
    return float(np.nanmean(found)) if np.isfinite(found).any() else math.nan


def information_ratio(result: BacktestResult, other: BacktestResult, year: int) -> float:
    """Return the mean net return over another portfolio by its standard deviation, per year; NaN if it is 0."""
    if not _differ(result.net, other.net):
        return math.nan
    active = result.net - other.net
    return float(active.mean() / active.std(ddof=1)) * math.sqrt(year)


def _differ(a: Floats, b: Floats) -> bool:
    return len(a) > 1 and float((a - b).std(ddof=1)) > _LEAST_RETURN


def trading_measures(result: BacktestResult, year: int) -> dict[str, float]:
    """Return turnover and cost a year and the net Sharpe ratio, as `backtest.performance` defines them."""
    years = len(result.net) / year
    return {
        "turnover": float(np.nansum(result.turnover)) / years,
        "cost": float(np.nansum(result.cost)) / years,
        "sharpe": sharpe_ratio(result.net - result.cash_return) * math.sqrt(year),
    }

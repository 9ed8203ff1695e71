"""Benchmark: alpha, beta, tracking error and information ratio of a portfolio against a benchmark."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats

from foundation.types import Floats
from validation.forecasts.calibration_tests import calibration
from validation.forecasts.scores import hac_mean, has_variation
from validation.portfolios.sharpe import sharpe_ratio, sharpe_stderr


def measure_against(excess: Floats, benchmark: Floats, periods_per_year: int) -> dict[str, float]:
    """Return what an allocator reads about a portfolio beside a benchmark.

    Parameters
    ----------
    excess, benchmark : ndarray of shape (R,)
        Returns in excess of cash, of the same rows.
    periods_per_year : int

    Returns
    -------
    dict
        alpha, alpha_stderr : intercept of excess = alpha + beta benchmark + e, times the periods of a year (an
            arithmetic mean, not compounded), and its HAC standard error
        alpha_t, alpha_p : its t-statistic and the two-sided p-value that it is 0
        beta, beta_stderr : slope and its HAC standard error
        r2 : share of the portfolio's variance that the benchmark explains
        residual_volatility : standard deviation of e per year, n - 2 in the denominator
        appraisal_ratio : alpha over the residual volatility, per year
        active_return, active_return_stderr, active_return_t : mean of excess - benchmark per year, HAC
        tracking_error : standard deviation of excess - benchmark per year
        information_ratio, information_ratio_stderr : active return over tracking error, per year; standard error
            after Mertens (2002)
        NaN where a number does not exist (a benchmark that never varies, a portfolio equal to its benchmark).

    Notes
    -----
    Jensen (1968) for alpha, Treynor and Black (1973) for the appraisal ratio, Goodwin (1998), *Financial Analysts
    Journal* 54(4), 34-43, for the information ratio.
    """
    active, root = excess - benchmark, math.sqrt(periods_per_year)
    mean, gap = hac_mean(active), sharpe_ratio(active)
    return _regress(excess, benchmark, periods_per_year) | {
        "active_return": mean.mean * periods_per_year,
        "active_return_stderr": mean.stderr * periods_per_year,
        "active_return_t": mean.t,
        "tracking_error": tracking_error(active) * root,
        "information_ratio": gap * root,
        "information_ratio_stderr": sharpe_stderr(active) * root,
    }


def _regress(excess: Floats, benchmark: Floats, periods_per_year: int) -> dict[str, float]:
    """Return the results of the regression on the benchmark."""
    n, root = len(excess), math.sqrt(periods_per_year)
    line = calibration(benchmark, excess)
    residual = excess - line.intercept - line.slope * benchmark
    unexplained = float(residual @ residual)
    whole = float(np.square(excess - excess.mean()).sum()) if n else math.nan
    noise = math.sqrt(unexplained / (n - 2)) if n > 2 else math.nan
    t = line.intercept / line.intercept_stderr if line.intercept_stderr > 0 else math.nan
    if math.isfinite(noise) and not has_variation(residual, max(1.0, float(np.abs(excess).max()))):
        noise, t = 0.0, math.nan  # only rounding is left, and its ratios say nothing
    return {
        "alpha": line.intercept * periods_per_year,
        "alpha_stderr": line.intercept_stderr * periods_per_year,
        "alpha_t": t,
        "alpha_p": 2 * float(stats.t.sf(abs(t), line.dof)),
        "beta": line.slope,
        "beta_stderr": line.slope_stderr,
        "r2": 1 - unexplained / whole if whole > 0 else math.nan,
        "residual_volatility": noise * root,
        "appraisal_ratio": line.intercept / noise * root if noise > 0 else math.nan,
    }


def tracking_error(active: Floats) -> float:
    """Return the standard deviation of active returns (R,), not annualised; 0 if only rounding varies."""
    if len(active) < 2:
        return math.nan
    varies = has_variation(active - active.mean(), max(1.0, float(np.abs(active).max())))
    return float(active.std(ddof=1)) if varies else 0.0

"""Tests of calibration: the slope of outcomes on forecasts, and the coverage of forecast intervals.

Arrays, NaN and `overlap` are as in `forecast_tests`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from foundation.types import Floats
from validation.forecasts.forecast_tests import as_panel, mean_by_date
from validation.forecasts.scores import hac_lags, hac_mean, has_variation, small_sample
from validation.forecasts.wald import hac_covariance, wald_p_value
from validation.shapes import check_same_shape


@dataclass(frozen=True)
class Calibration:
    """Regression of outcome on forecast, outcome = intercept + slope forecast.

    Attributes
    ----------
    intercept, slope : float
        0 and 1 if calibrated; a slope below 1 is overconfident. NaN if the forecast never varies.
    intercept_stderr, slope_stderr : float
        Clustered by date and HAC.
    p_slope : float
        Two-sided, that the slope is 1.
    p_calibrated : float
        That the intercept is 0 and the slope 1, together.
    n : int
        Number of dates.
    dof : float
        Degrees of freedom of the two tests.
    """

    intercept: float
    slope: float
    intercept_stderr: float
    slope_stderr: float
    p_slope: float
    p_calibrated: float
    n: int
    dof: float


def calibration(forecast: Floats, realised: Floats, overlap: int = 0) -> Calibration:
    """Regress the outcome on the forecast over all pairs.

    Notes
    -----
    Mincer and Zarnowitz (1969). Errors: Driscoll and Kraay (1998), *Review of Economics and Statistics* 80,
    549-560: the scores are summed by date and the sums given a Bartlett covariance.
    """
    check_same_shape(forecast=forecast, realised=realised)
    f, y = as_panel(forecast), as_panel(realised)
    ok = np.isfinite(f) & np.isfinite(y)
    some = ok.any(axis=1)
    f, y, ok = f[some], y[some], ok[some]
    n, pairs = len(f), int(ok.sum())
    centre = float(f[ok].mean()) if pairs else math.nan
    if n < 4 or not has_variation(f[ok] - centre, float(np.abs(f[ok]).max())):
        nan = math.nan
        return Calibration(nan, nan, nan, nan, nan, nan, n, nan)
    x = np.where(ok, f - centre, 0.0)
    energy, level = float((x * x).sum()), float(y[ok].mean())
    slope = float((x * np.where(ok, y, 0.0)).sum()) / energy
    residual = np.where(ok, y - level - slope * x, 0.0)
    # Centred, the two estimates are means of their own series: the level at the centre, and the slope.
    influence = np.column_stack([residual.sum(axis=1) / pairs, (x * residual).sum(axis=1) / energy]) * n
    lags = hac_lags(n, overlap)
    covariance = hac_covariance(influence, lags)
    back = np.array([[1.0, -centre], [0.0, 1.0]])
    covariance = back @ covariance @ back.T
    dof = small_sample(n, lags)[1]
    estimate = np.array([level - slope * centre, slope])
    error = np.sqrt(np.diag(covariance))
    away = estimate - [0.0, 1.0]
    t = float(away[1] / error[1]) if error[1] > 0 else math.nan
    return Calibration(
        float(estimate[0]),
        float(estimate[1]),
        float(error[0]),
        float(error[1]),
        2 * float(stats.t.sf(abs(t), dof)),
        wald_p_value(away, covariance, dof),
        n,
        dof,
    )


@dataclass(frozen=True)
class Coverage:
    """How often the outcome fell inside the forecast's own interval.

    Attributes
    ----------
    level, share : float
        Nominal level, and actual share: mean over dates of the share of assets inside.
    stderr, p_value : float
        HAC error of the share; two-sided test that it is the level, NaN if the share is the same on all dates.
    n : int
        Number of dates.
    """

    level: float
    share: float
    stderr: float
    p_value: float
    n: int


def interval_coverage(
    mean: Floats, stderr: Floats, realised: Floats, level: float = 0.95, overlap: int = 0
) -> Coverage:
    """Return the share of outcomes within mean +- z stderr, the central normal interval of that level."""
    check_same_shape(mean=mean, stderr=stderr, realised=realised)
    half = float(stats.norm.ppf(0.5 + level / 2)) * stderr
    known = np.isfinite(mean) & np.isfinite(stderr) & np.isfinite(realised)
    inside = np.where(known, (np.abs(realised - mean) <= half).astype(np.float64), np.nan)
    test = hac_mean(mean_by_date(inside) - level, overlap)
    return Coverage(level, test.mean + level, test.stderr, test.p_value, test.n)

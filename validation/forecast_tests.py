"""Tests of forecasts that count neither correlated assets nor overlapping outcomes as independent.

Forecasts and outcomes are arrays (D, N), dates by assets, or (D,) for one series; NaN pairs are left out. What is
tested is averaged over the assets of each date first, and the series of dates then has HAC standard errors.
`overlap` is the number of following dates whose outcomes share part of the same period: horizon - 1.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from validation.scores import MeanTest, hac_lags, hac_mean, has_variation, small_sample

Floats = NDArray[np.float64]


def as_panel(values: Floats) -> Floats:
    """Return one series as a panel of one asset, and a panel as it is."""
    return values[:, None] if values.ndim == 1 else values


def mean_by_date(values: Floats) -> Floats:
    """Return the mean of the finite values of each date, shape (D,); NaN where there is none."""
    values = as_panel(values)
    finite = np.isfinite(values)
    count = finite.sum(axis=1)
    return np.where(count > 0, np.where(finite, values, 0.0).sum(axis=1) / np.maximum(count, 1), np.nan)


def clark_west(forecast: Floats, realised: Floats, benchmark: Floats, overlap: int = 0) -> MeanTest:
    """Test whether a forecast beats a benchmark that it nests, such as the historical mean.

    Returns
    -------
    MeanTest
        Mean adjusted gain in squared error; `p_greater` is the test's one-sided p-value.

    Notes
    -----
    Clark and West (2007), *Journal of Econometrics* 138, 291-311. The adjustment (b - f)^2 takes out
    the noise of estimating what the benchmark sets to 0: a forecast can pass with a negative out-of-sample R2,
    which then says that its signal is real and its scale too large.
    """
    gain = (realised - benchmark) ** 2 - (realised - forecast) ** 2 + (benchmark - forecast) ** 2
    return hac_mean(mean_by_date(gain), overlap)


def diebold_mariano(loss_a: Floats, loss_b: Floats, horizon: int = 1) -> MeanTest:
    """Test whether two forecasts have the same expected loss.

    Parameters
    ----------
    loss_a, loss_b : ndarray of shape (D, N) or (D,)
        Losses of the two forecasts, any function of forecast and outcome.
    horizon : int
        Steps ahead: the losses are taken to be correlated up to horizon - 1 dates apart.

    Returns
    -------
    MeanTest
        Mean of loss_a - loss_b (positive: b is better), with n - 1 degrees of freedom. Unknown with fewer than
        horizon + 2 dates.

    Notes
    -----
    Diebold and Mariano (1995) with the correction of Harvey, Leybourne and Newbold (1997), *International Journal
    of Forecasting* 13, 281-291. The rectangular kernel's variance can come out negative; then
    Bartlett's stands in, with its own degrees of freedom.
    """
    gap = mean_by_date(loss_a - loss_b)
    x = gap[np.isfinite(gap)]
    n = len(x)
    if n < horizon + 2:
        return MeanTest(float(x.mean()) if n else math.nan, math.nan, math.nan, n)
    mean = float(x.mean())
    centred = x - mean
    if not has_variation(centred, float(np.abs(x).max())):
        return MeanTest(mean, 0.0, math.nan, n)
    variance = float(centred @ centred) / n
    for lag in range(1, horizon):
        variance += 2 * float(centred[lag:] @ centred[:-lag]) / n
    if variance <= 0:
        return hac_mean(x, horizon - 1)
    stderr = math.sqrt(variance / n / ((n + 1 - 2 * horizon + horizon * (horizon - 1) / n) / n))
    return MeanTest(mean, stderr, mean / stderr, n, n - 1)


@dataclass(frozen=True)
class SignTest:
    """How often the sign was right.

    Attributes
    ----------
    share, expected : float
        Share of pairs with the right sign, and what independent signs of the same frequencies would give.
    statistic, p_value : float
        One-sided: small if signs are right more often than expected. NaN if either sign never changes.
    n : int
        Number of pairs.
    """

    share: float
    expected: float
    statistic: float
    p_value: float
    n: int


def pesaran_timmermann(forecast: Floats, realised: Floats, overlap: int = 0) -> SignTest:
    """Test whether the sign of a forecast tells the sign of the outcome; a sign is "above 0" or not.

    Notes
    -----
    One series without overlap: Pesaran and Timmermann (1992), *Journal of Business & Economic Statistics* 10,
    461-465, against the normal distribution. Otherwise the same difference of shares, which is twice
    the covariance of the two indicators, is a mean over dates of 2 (x - Px)(y - Py), summed over the date's assets,
    and has HAC errors, as Pesaran and Timmermann (2009), *JASA* 104, 325-337, do for one dependent series.
    """
    forecast, realised = as_panel(forecast), as_panel(realised)
    ok = np.isfinite(forecast) & np.isfinite(realised)
    n = int(ok.sum())
    if n < 3:
        return SignTest(math.nan, math.nan, math.nan, math.nan, n)
    up, rose = (forecast > 0) & ok, (realised > 0) & ok
    px, py = float(up.sum()) / n, float(rose.sum()) / n
    share = float(((up == rose) & ok).sum()) / n
    expected = px * py + (1 - px) * (1 - py)
    if not (0 < px < 1 and 0 < py < 1):
        return SignTest(share, expected, math.nan, math.nan, n)
    if overlap == 0 and forecast.shape[1] == 1:
        variance = expected * (1 - expected) / n - _expected_share_variance(px, py, n)
        statistic = (share - expected) / math.sqrt(variance) if variance > 0 else math.nan
        return SignTest(share, expected, statistic, float(stats.norm.sf(statistic)), n)
    product = np.where(ok, 2 * (up - px) * (rose - py), 0.0).sum(axis=1)
    some = ok.any(axis=1)
    test = hac_mean(product[some] * (some.sum() / n), overlap)
    return SignTest(share, expected, test.t, test.p_greater, n)


def _expected_share_variance(px: float, py: float, n: int) -> float:
    alone = ((2 * py - 1) ** 2 * px * (1 - px) + (2 * px - 1) ** 2 * py * (1 - py)) / n
    return alone + 4 * px * py * (1 - px) * (1 - py) / n**2


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


def hac_covariance(scores: Floats, lags: int) -> Floats:
    """Return the covariance of the mean of serially correlated vectors of mean 0, shape (K, K) from (n, K).

    The matrix form of `hac_stderr`, with the same correction; NaN where that leaves nothing.
    """
    n = len(scores)
    total = scores.T @ scores
    for lag in range(1, lags + 1):
        cross = scores[lag:].T @ scores[:-lag]
        total += (1 - lag / (lags + 1)) * (cross + cross.T)
    share = small_sample(n, lags)[0]
    return total / n**2 / share if share > 0 else np.full_like(total, np.nan)


def wald_p_value(away: Floats, covariance: Floats, dof: float) -> float:
    """Return the p-value that a vector of estimates is 0 given its HAC covariance; NaN if that is singular.

    Notes
    -----
    Hotelling's T2 with the covariance's degrees of freedom, as Sun (2013), *Econometrics Journal* 16, 1-26:
    T2 (dof - q + 1) / (dof q) against F(q, dof - q + 1).
    """
    q = len(away)
    if dof <= q or not np.isfinite(covariance).all() or np.linalg.matrix_rank(covariance, hermitian=True) < q:
        return math.nan
    distance = float(away @ np.linalg.solve(covariance, away))
    return float(stats.f.sf(distance * (dof - q + 1) / (dof * q), q, dof - q + 1))


@dataclass(frozen=True)
class Coverage:
    """How often the outcome fell inside the forecast's own interval.

    Attributes
    ----------
    level, share : float
        Asked for, and found: mean over dates of the share of assets inside.
    stderr, p_value : float
        HAC error of the share; two-sided test that it is the level.
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
    half = float(stats.norm.ppf(0.5 + level / 2)) * stderr
    known = np.isfinite(mean) & np.isfinite(stderr) & np.isfinite(realised)
    inside = np.where(known, (np.abs(realised - mean) <= half).astype(np.float64), np.nan)
    test = hac_mean(mean_by_date(inside) - level, overlap)
    return Coverage(level, test.mean + level, test.stderr, test.p_value, test.n)

"""Tests of forecasts that count neither correlated assets nor overlapping outcomes as independent.

Forecasts and outcomes are arrays (D, N), dates by assets, or (D,) for one series; NaN pairs are left out. What is
tested is averaged over the assets of each date first, and the series of dates then has HAC standard errors.
`overlap` is the number of following dates whose outcomes share part of the same period: horizon - 1. Arrays of
different shapes are refused with a StatisticError.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from foundation.types import Floats
from validation.forecasts.scores import MeanTest, hac_mean, has_variation, null_lags
from validation.shapes import check_same_shape


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
    which then says that its signal is real and its scale too large. The adjusted gain is 2 (y - b)(f - b),
    uncorrelated beyond the overlap if the benchmark is the truth.
    """
    check_same_shape(forecast=forecast, realised=realised, benchmark=benchmark)
    gain = (realised - benchmark) ** 2 - (realised - forecast) ** 2 + (benchmark - forecast) ** 2
    return hac_mean(mean_by_date(gain), overlap, null_lags(overlap))


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
    check_same_shape(loss_a=loss_a, loss_b=loss_b)
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
    """Test whether the sign of a forecast predicts the sign of the outcome; a sign is "above 0" or not.

    Notes
    -----
    One series without overlap: Pesaran and Timmermann (1992), *Journal of Business & Economic Statistics* 10,
    461-465, against the normal distribution. Otherwise the same difference of shares, which is twice
    the covariance of the two indicators, is a mean over dates of 2 (x - Px)(y - Py), summed over the date's assets,
    and has HAC errors, as Pesaran and Timmermann (2009), *JASA* 104, 325-337, do for one dependent series.
    """
    check_same_shape(forecast=forecast, realised=realised)
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


def cumulative_gain(forecast: Floats, realised: Floats, benchmark: Floats) -> Floats:
    """Return the running sum of the benchmark's squared error less the forecast's, shape (D,).

    It rises while the forecast is better. Errors of (D, N) are averaged over each date's assets; a date with none
    adds 0.

    Notes
    -----
    Goyal and Welch (2008), *Review of Financial Studies* 21, 1455-1508, figure 1.
    """
    check_same_shape(forecast=forecast, realised=realised, benchmark=benchmark)
    gain = mean_by_date((realised - benchmark) ** 2 - (realised - forecast) ** 2)
    return np.cumsum(np.where(np.isfinite(gain), gain, 0.0))

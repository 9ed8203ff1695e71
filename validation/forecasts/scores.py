"""Scores of forecasts: information coefficient, out-of-sample R2, and means with HAC standard errors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from foundation.types import Floats
from validation.folds.labels import Labels


@dataclass(frozen=True)
class MeanTest:
    """A mean with its HAC standard error.

    Attributes
    ----------
    mean, stderr, t : float
        NaN where they cannot be had (fewer than 3 values, no variation).
    n : int
        Number of finite values.
    dof : float
        Degrees of freedom of Student's distribution that t is compared with: the fewer, the more lags the
        standard error is made of.
    """

    mean: float
    stderr: float
    t: float
    n: int
    dof: float = np.nan

    @property
    def p_value(self) -> float:
        """Two-sided p-value, that the mean is 0."""
        return 2 * float(stats.t.sf(abs(self.t), self.dof))

    @property
    def p_greater(self) -> float:
        """One-sided p-value, that the mean is at most 0: small if it is above."""
        return float(stats.t.sf(self.t, self.dof))

    @property
    def interval(self) -> tuple[float, float]:
        """Two-sided 95 % interval."""
        half = float(stats.t.ppf(0.975, self.dof)) * self.stderr
        return self.mean - half, self.mean + half


def hac_lags(n: int, overlap: int) -> int:
    """Return the number of lags: 1.3 sqrt(n), or three times what overlapping labels force if that is more.

    Lazarus, Lewis, Stock and Watson (2018), *Journal of Business & Economic Statistics* 36, 541-559, equation 3.
    Bartlett's weights fall to 0 at the last lag: with just the overlap, the standard error of a sum of 21
    independent terms comes out a fifth too small.
    """
    return min(max(3 * overlap, math.ceil(1.3 * math.sqrt(n))), max(0, n - 1))


def null_lags(overlap: int) -> int:
    """Return the lags that are correlated if nothing can be forecast: those of overlapping labels, times three.

    Whatever a forecast's persistence, its products with unpredictable outcomes are uncorrelated beyond the
    overlap. `hac_lags` allows for the correlation that real skill, coming and going, would add: an interval needs
    that, a test against no skill does not, and is far less sharp with it.
    """
    return 3 * overlap


def small_sample(n: int, lags: int) -> tuple[float, float]:
    """Return by what a Bartlett variance of n independent values falls short, and its degrees of freedom.

    Notes
    -----
    Subtracting the sample mean makes each autocovariance too small by about 1/n: the expected share of the
    variance that is left is exact for white noise. The degrees of freedom are Tukey's, (n - 1) / sum of squared
    weights. Together they come within 5 % of the fixed-b critical values of Kiefer and Vogelsang (2005),
    *Econometric Theory* 21, 1130-1164; without lags they are those of Student's test.
    """
    lag = np.arange(1, lags + 1)
    weight = 1 - lag / (lags + 1)
    share = 1 - (1 + 2 * float((weight * (1 - lag / n)).sum())) / n
    return share, (n - 1) / (1 + 2 * float((weight**2).sum()))


def hac_stderr(centred: Floats, lags: int) -> float:
    """Return the standard error of the mean of a serially correlated series whose mean was subtracted.

    Notes
    -----
    Bartlett kernel: Newey and West (1987), *Econometrica* 55, 703-708, equation 5, with the small-sample
    correction of `small_sample`.
    """
    n = len(centred)
    variance = float(centred @ centred) / n
    for lag in range(1, lags + 1):
        variance += 2 * (1 - lag / (lags + 1)) * float(centred[lag:] @ centred[:-lag]) / n
    share = small_sample(n, lags)[0]
    return math.sqrt(max(variance, 0.0) / n / share) if share > 0 else math.nan


def hac_mean(values: Floats, overlap: int = 0, lags: int | None = None) -> MeanTest:
    """Test whether a serially correlated series has mean 0.

    Parameters
    ----------
    values : ndarray of shape (n,)
        NaN are left out.
    overlap : int
        Lags that are correlated by construction: horizon - 1 for forecasts of each date.
    lags : int, optional
        Of the standard error; by `hac_lags` if None. A test needs no more than its null makes: `null_lags`.
    """
    x = values[np.isfinite(values)]
    n = len(x)
    mean = float(x.mean()) if n else math.nan
    if n < 3:
        return MeanTest(mean, math.nan, math.nan, n)
    lags = hac_lags(n, overlap) if lags is None else min(lags, n - 1)
    centred = x - mean
    if not has_variation(centred, float(np.abs(x).max())):
        return MeanTest(mean, 0.0, math.nan, n)
    stderr = hac_stderr(centred, lags)
    t = mean / stderr if stderr > 0 else math.nan
    return MeanTest(mean, stderr, t, n, small_sample(n, lags)[1])


def has_variation(centred: Floats, scale: float) -> bool:
    """Return whether a series whose mean was subtracted is more than rounding of numbers of this scale."""
    return bool(np.abs(centred).max() > 1e-14 * scale)


def _correlation_by_row(a: Floats, b: Floats, minimum: int) -> Floats:
    both = np.isfinite(a) & np.isfinite(b)
    n = both.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        a = np.where(both, a, 0.0)
        b = np.where(both, b, 0.0)
        a = np.where(both, a - a.sum(axis=1, keepdims=True) / n[:, None], 0.0)
        b = np.where(both, b - b.sum(axis=1, keepdims=True) / n[:, None], 0.0)
        norm = np.sqrt((a * a).sum(axis=1) * (b * b).sum(axis=1))
        usable = (n >= minimum) & (norm > 1e-300)
        return np.where(usable, (a * b).sum(axis=1) / norm, np.nan)


def information_coefficient(forecast: Floats, realised: Floats, *, rank: bool = True) -> Floats:
    """Return the correlation across assets of forecast and outcome, for each date.

    Parameters
    ----------
    forecast, realised : ndarray of shape (D, N)
        NaN pairs are left out.
    rank : bool
        Spearman's correlation (mean ranks for ties) if True, Pearson's otherwise.

    Returns
    -------
    ndarray of shape (D,)
        NaN where fewer than 3 assets or no variation is left.
    """
    if rank:
        both = np.isfinite(forecast) & np.isfinite(realised)
        forecast = stats.rankdata(np.where(both, forecast, np.nan), axis=1, nan_policy="omit")
        realised = stats.rankdata(np.where(both, realised, np.nan), axis=1, nan_policy="omit")
    return _correlation_by_row(forecast, realised, minimum=3)


def historical_mean(labels: Labels) -> Floats:
    """Return each asset's mean label among those that had ended by each date, shape (T, N).

    The usual benchmark of return forecasts (Goyal and Welch, 2008).
    """
    return _matured_mean(labels.value, labels.end)


def _matured_mean(value: Floats, end: NDArray[np.int64]) -> Floats:
    finite = np.isfinite(value)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.cumsum(np.where(finite, value, 0.0), axis=0) / np.cumsum(finite, axis=0)
    mean[~np.isfinite(mean)] = np.nan
    matured = np.searchsorted(end, np.arange(len(end)), side="right") - 1
    return np.where((matured >= 0)[:, None], mean[np.maximum(matured, 0)], np.nan)


def r2_out_of_sample(forecast: Floats, realised: Floats, benchmark: Floats) -> float:
    """Return 1 - sum (y - f)^2 / sum (y - b)^2 over all pairs where the three are finite.

    Notes
    -----
    Campbell and Thompson (2008), *Review of Financial Studies* 21, 1509-1531, equation 2.
    """
    ok = np.isfinite(forecast) & np.isfinite(realised) & np.isfinite(benchmark)
    against = float(((realised - benchmark)[ok] ** 2).sum())
    if against == 0:
        return np.nan
    return 1 - float(((realised - forecast)[ok] ** 2).sum()) / against

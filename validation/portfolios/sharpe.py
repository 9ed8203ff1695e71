"""The Sharpe ratio: standard errors, and the ratio to expect by luck.

Ratios are of returns in excess of cash, per observation: an annual ratio divided by the square root of the number
of observations a year. What does not exist (too few observations, no variation) is NaN.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from foundation.types import Floats
from validation.forecasts.scores import hac_lags, hac_stderr, has_variation


@dataclass(frozen=True)
class SharpeEstimate:
    """A Sharpe ratio per observation and its standard errors.

    Attributes
    ----------
    ratio : float
        Mean over standard deviation (n - 1 in the denominator).
    stderr_normal : float
        For independent normal returns: Lo (2002), *Financial Analysts Journal* 58(4), 36-52.
    stderr_mertens : float
        For independent returns of any skewness and kurtosis: Mertens (2002).
    stderr_hac : float
        Under serial correlation, changing volatility and fat tails too: delta method with a Bartlett covariance,
        Lo (2002), appendix; Ledoit and Wolf (2008), section 3.1.
    skewness, kurtosis : float
        Of the returns; kurtosis is 3 for the normal.
    n : int
    """

    ratio: float
    stderr_normal: float
    stderr_mertens: float
    stderr_hac: float
    skewness: float
    kurtosis: float
    n: int


def sharpe_ratio(excess: Floats) -> float:
    """Return mean over standard deviation of excess returns, shape (n,); NaN if there is no variation."""
    if len(excess) < 2:
        return math.nan
    centred = excess - excess.mean()
    if not has_variation(centred, max(1.0, float(np.abs(excess).max()))):
        return math.nan
    return float(excess.mean()) / float(excess.std(ddof=1))


def sharpe_influence(excess: Floats) -> Floats:
    """Return the influence of each observation on the Sharpe ratio, z - SR/2 (z^2 - 1), shape (n,), mean 0.

    The standard error of the ratio is that of the mean of this series, to first order.
    """
    z = (excess - excess.mean()) / excess.std()
    return np.asarray(z - float(excess.mean()) / float(excess.std()) / 2 * (z * z - 1), dtype=np.float64)


def estimate_sharpe(excess: Floats) -> SharpeEstimate:
    """Return the Sharpe ratio of excess returns, shape (n,), with three standard errors."""
    n, ratio = len(excess), sharpe_ratio(excess)
    if n < 3 or not math.isfinite(ratio):
        return SharpeEstimate(ratio, math.nan, math.nan, math.nan, math.nan, math.nan, n)
    skewness, kurtosis = float(stats.skew(excess)), float(stats.kurtosis(excess, fisher=False))
    return SharpeEstimate(
        ratio,
        math.sqrt((1 + ratio**2 / 2) / n),
        math.sqrt(max(_spread_of_ratio(ratio, skewness, kurtosis), 0.0) / n),
        hac_stderr(sharpe_influence(excess), hac_lags(n, 0)),
        skewness,
        kurtosis,
        n,
    )


def sharpe_stderr(excess: Floats) -> float:
    """Return the standard error of the Sharpe ratio per observation after Mertens (2002); NaN if there is none."""
    return estimate_sharpe(excess).stderr_mertens


def _spread_of_ratio(ratio: float, skewness: float, kurtosis: float) -> float:
    """Return n times the variance: Bailey and López de Prado (2012), *Journal of Risk* 15(2), equation 7."""
    return 1 - skewness * ratio + (kurtosis - 1) / 4 * ratio**2


def probabilistic_sharpe(
    ratio: float,
    benchmark: float,
    n: float,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
    stderr: float | None = None,
) -> float:
    """Return the probability that the true Sharpe ratio is above a benchmark, all per observation.

    Parameters
    ----------
    ratio, benchmark : float
    n : float
        Observations.
    skewness, kurtosis : float
        Of the returns; kurtosis is 3 for the normal.
    stderr : float, optional
        Standard error to use in place of the paper's, which takes returns to be independent:
        `SharpeEstimate.stderr_hac`.

    Notes
    -----
    Bailey and López de Prado (2012), *Journal of Risk* 15(2), 3-44.
    """
    if stderr is None:
        spread = _spread_of_ratio(ratio, skewness, kurtosis)
        stderr = math.sqrt(spread / (n - 1)) if n > 1 and spread > 0 else math.nan
    return float(stats.norm.cdf((ratio - benchmark) / stderr)) if stderr > 0 else math.nan


def _expected_maximum_sharpe(n_trials: float, variance: float) -> float:
    """Return the best Sharpe ratio to be expected of trials none of which has skill.

    Parameters
    ----------
    n_trials : float
        Independent trials; 1 gives 0, less than 1 NaN.
    variance : float
        Variance of the trials' ratios, in the unit of the result squared.

    Notes
    -----
    Bailey and López de Prado (2014), *Journal of Portfolio Management* 40(5), 94-107.
    """
    if not (n_trials >= 1 and variance >= 0):
        return math.nan
    if n_trials == 1:
        return 0.0
    low, high = stats.norm.ppf(1 - 1 / n_trials), stats.norm.ppf(1 - 1 / (n_trials * math.e))
    return max(0.0, math.sqrt(variance) * float((1 - np.euler_gamma) * low + np.euler_gamma * high))


def deflated_sharpe(
    ratio: float,
    n: float,
    n_trials: float,
    variance: float,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
    stderr: float | None = None,
) -> float:
    """Return the probability that the true Sharpe ratio is above what the best of n_trials gives by luck.

    Parameters as for `probabilistic_sharpe` and `_expected_maximum_sharpe`, all per observation.

    Notes
    -----
    Bailey and López de Prado (2014), *Journal of Portfolio Management* 40(5), 94-107.
    """
    lucky = _expected_maximum_sharpe(n_trials, variance)
    return probabilistic_sharpe(ratio, lucky, n, skewness, kurtosis, stderr)


def minimum_track_record_length(
    ratio: float,
    benchmark: float = 0.0,
    skewness: float = 0.0,
    kurtosis: float = 3.0,
    confidence: float = 0.95,
) -> float:
    """Return the observations needed before the ratio is above the benchmark with that confidence.

    Infinite if the ratio is not above it.

    Notes
    -----
    Bailey and López de Prado (2012), *Journal of Risk* 15(2), 3-44.
    """
    spread = _spread_of_ratio(ratio, skewness, kurtosis)
    if not (math.isfinite(ratio) and math.isfinite(benchmark) and spread > 0):
        return math.nan
    if ratio <= benchmark:
        return math.inf
    return 1 + spread * (float(stats.norm.ppf(confidence)) / (ratio - benchmark)) ** 2

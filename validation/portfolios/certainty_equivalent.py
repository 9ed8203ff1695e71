"""Certainty equivalents: the gain of one portfolio over another for a risk-averse investor, with a test."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats

from foundation.types import Floats
from validation.forecasts.scores import hac_mean
from validation.portfolios.block_length import block_length
from validation.shapes import check_same_shape


@dataclass(frozen=True)
class CertaintyEquivalentGain:
    """Difference of two certainty equivalents, per observation.

    Attributes
    ----------
    gain, stderr : float
        Certainty equivalent of `a` less that of `b`, a return, and its HAC standard error.
    p_greater, p_less : float
        One-sided p-values: small if the gain is above 0, and if it is below.
    interval : tuple of float
        95 % interval, with 2.5 % on each side; it need not be symmetric.
    skewness : float
        Of the estimated gain: 0 leaves Student's test.
    dof : float
        Degrees of freedom of Student's distribution.
    """

    gain: float
    stderr: float
    p_greater: float
    p_less: float
    interval: tuple[float, float]
    skewness: float
    dof: float


def certainty_equivalent_gain(a: Floats, b: Floats, risk_aversion: float) -> CertaintyEquivalentGain:
    """Return by how much the certainty equivalent of `a` exceeds that of `b`, and how sure that is.

    The certainty equivalent is the mean less risk_aversion / 2 times the variance.

    Parameters
    ----------
    a, b : ndarray of shape (n,)
        Returns in excess of cash on the same dates.
    risk_aversion : float

    Returns
    -------
    CertaintyEquivalentGain
        Below 10 observations, and where the two do not differ, only the gain is a number.

    Raises
    ------
    StatisticError
        If the shapes differ.

    Notes
    -----
    DeMiguel, Garlappi and Uppal (2009), *Review of Financial Studies* 22, 1915-1953. The gain is the mean of a series
    that squared returns make skewed wherever one portfolio is riskier than the other: Student's test would reject a
    true null too often on one side and too seldom on the other. The t-statistic, with a HAC standard error, therefore
    goes through the transformation that removes its skewness: Hall (1992), *Journal of the Royal Statistical Society
    B* 54, 221-228. The skewness is that of sums over overlapping blocks, to allow for dependence. A studentised block
    bootstrap has the same size and a long run time, and its intervals explode where few dates differ.
    """
    check_same_shape(a=a, b=b)
    worth = [x - risk_aversion / 2 * (x - x.mean()) ** 2 if len(x) else x for x in (a, b)]
    series = worth[0] - worth[1]
    test = hac_mean(series)
    if test.n < 10 or not math.isfinite(test.t):
        nothing = math.nan
        return CertaintyEquivalentGain(
            test.mean, nothing, nothing, nothing, (nothing, nothing), nothing, nothing
        )
    skewness = _skewness_of_mean(series - test.mean)
    t = _remove_skewness(test.t, skewness)
    quantile = float(stats.t.ppf(0.975, test.dof))
    low, high = (test.mean - test.stderr * _restore_skewness(q, skewness) for q in (quantile, -quantile))
    p_greater, p_less = (float(stats.t.sf(side * t, test.dof)) for side in (1, -1))
    return CertaintyEquivalentGain(test.mean, test.stderr, p_greater, p_less, (low, high), skewness, test.dof)


def length_to_show(found: CertaintyEquivalentGain, level: float, power: float) -> float:
    """Return how many times as many observations would show a gain of the size that was found.

    Parameters
    ----------
    found : CertaintyEquivalentGain
    level : float
        One-sided level of the test.
    power : float
        Probability with which the test then rejects, between 0.5 and 1.

    Returns
    -------
    float
        Multiple of the observations that were seen; infinite for a gain of at most 0, NaN without a test.

    Notes
    -----
    The gain found is taken as the true one, its error and skewness shrink with the square root of the length, and
    the quantiles of Student's distribution stay those of today's length, which is slightly too strict. For k times
    the length the transformed t-statistic is centred at sqrt(k) a + s / (6 sqrt(k)), where s is the skewness and
    a + s / 6 is today's. It has to reach the quantile of the level plus that of the power. Without skewness,
    k = (q / t)^2.
    """
    if not math.isfinite(found.stderr):
        return math.nan
    if found.gain <= 0:
        return math.inf
    wanted = float(stats.t.isf(level, found.dof) + stats.t.ppf(power, found.dof))
    s = found.skewness
    centre = _remove_skewness(found.gain / found.stderr, s) - s / 6
    root = wanted**2 - 4 * centre * s / 6
    return ((wanted + math.sqrt(max(root, 0.0))) / (2 * centre)) ** 2


def _skewness_of_mean(centred: Floats) -> float:
    """Return the skewness of the mean of a dependent series whose mean was subtracted."""
    n = len(centred)
    block = min(block_length(centred)[1], n // 3)
    total = np.concatenate([[0.0], np.cumsum(np.concatenate([centred, centred[: block - 1]]))])
    sums = total[block:] - total[:-block]
    variance = float((sums**2).mean()) / block
    return float((sums**3).mean()) / block / variance**1.5 / math.sqrt(n) if variance > 0 else 0.0


def _remove_skewness(t: float, skewness: float) -> float:
    """Return Hall's monotone transformation of a t-statistic: t + s t^2 / 3 + s^2 t^3 / 27 + s / 6."""
    return t + skewness * t**2 / 3 + skewness**2 * t**3 / 27 + skewness / 6


def _restore_skewness(value: float, skewness: float) -> float:
    """Return the t-statistic whose transformation is a value."""
    if abs(skewness) < 1e-6:
        return value - skewness / 6
    return 3 / skewness * (math.cbrt(1 + skewness * (value - skewness / 6)) - 1)

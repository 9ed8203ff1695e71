"""Technical indicators of the total return index, with windows in rows; they need only prices.

For panels without bars they cover horizons that are shorter than the monthly windows of other stages. All are ratios,
and do not depend on the scale of the index.
"""

from __future__ import annotations

import numpy as np

from features.kernels.rolling import (
    TINY,
    divide,
    ewm,
    lag,
    rolling_correlation,
    rolling_kurtosis,
    rolling_mean,
    rolling_std,
    rolling_sum,
    running_max,
)
from features.spec import feature
from foundation.types import Floats


@feature(stage="bar", rows=15, unit="share")
def rsi_14(level: Floats) -> Floats:
    """Relative strength: share of the rises in the moves of the index, weights fading by 1/14 a row (Wilder 1978)."""
    move = level - lag(level, 1)
    return divide(ewm(np.maximum(move, 0.0), alpha=1 / 14), ewm(np.abs(move), alpha=1 / 14), floor=0.0)


@feature(stage="bar", rows=26, unit="fraction")
def macd_12_26(level: Floats) -> Floats:
    """Exponential mean of the index of span 12 less that of span 26, relative to the index (Appel 2005)."""
    return divide(ewm(level, span=12) - ewm(level, span=26), level)


@feature(stage="bar", rows=9, unit="fraction")
def macd_signal_9(macd_12_26: Floats, level: Floats) -> Floats:
    """Signal line: exponential mean of span 9 of the difference behind `macd_12_26`, relative to the index."""
    return divide(ewm(macd_12_26 * level, span=9), level)


@feature(stage="bar", rows=20, unit="standard deviations")
def bollinger_20(level: Floats) -> Floats:
    """Index less its mean of 20 rows, in its standard deviations of 20 rows (Bollinger 2001)."""
    return divide(divide(level - rolling_mean(level, 20), level), divide(rolling_std(level, 20), level))


@feature(stage="bar", unit="fraction")
def drawdown(level: Floats) -> Floats:
    """Total return since the highest index so far, 0 at the high."""
    return divide(level, running_max(level)) - 1.0


@feature(stage="bar", rows=60, unit="excess kurtosis")
def kurtosis_60(returns: Floats) -> Floats:
    """Excess kurtosis of the returns of 60 rows, without bias."""
    return rolling_kurtosis(returns, 60)


@feature(stage="bar", rows=61, unit="correlation")
def autocorrelation_60(returns: Floats) -> Floats:
    """Correlation of the returns of 60 rows with those of the row before each."""
    return rolling_correlation(returns, lag(returns, 1), 60)


@feature(stage="bar", rows=64, unit="ratio")
def variance_ratio_5_60(log_returns: Floats) -> Floats:
    """Variance over 60 rows of the log returns of 5 rows, relative to 5 times that of one row (Lo, MacKinlay 1988)."""
    return (
        divide(rolling_std(rolling_sum(log_returns, 5), 60), np.sqrt(5.0) * rolling_std(log_returns, 60)) ** 2
    )


@feature(stage="bar", rows=60, unit="beta")
def downside_beta_60(excess: Floats, market: Floats, cash: Floats) -> Floats:
    """Co-movement with the market's losses, over their mean square, in 60 rows (Bawa and Lindenberg 1977).

    The lower partial co-moment with cash as the target: the mean of excess return times the market's excess return
    where that is negative, divided by the mean square of the latter.
    """
    loss = np.minimum(market - cash, 0.0)[:, None]
    there = np.where(np.isfinite(excess), loss, np.nan)
    return divide(rolling_mean(excess * there, 60), rolling_mean(there * there, 60))


@feature(stage="bar", rows=60, unit="coskewness")
def coskewness_60(excess: Floats, market: Floats, cash: Floats) -> Floats:
    """Coskewness: the mean product of the deviations of the asset and, squared, the market, standardised, of 60 rows.

    After Harvey and Siddique (2000): E[(r - Er)(m - Em)^2] / (std r var m) of the excess returns r and m, with
    standard deviations of divisor n.
    """
    r = excess
    m = np.where(np.isfinite(r), (market - cash)[:, None], np.nan)
    r_mean, m_mean = rolling_mean(r, 60), rolling_mean(m, 60)
    rm, mm = rolling_mean(r * m, 60), rolling_mean(m * m, 60)
    together = rolling_mean(r * m * m, 60) - 2.0 * m_mean * (rm - r_mean * m_mean) - r_mean * mm
    rr = rolling_mean(r * r, 60)
    r_variance, m_variance = rr - r_mean * r_mean, mm - m_mean * m_mean
    # The difference of two numbers that agree to 12 digits is a rounding error.
    varies = (r_variance > TINY * rr) & (m_variance > TINY * mm)
    scale = np.sqrt(np.where(varies, r_variance, np.nan)) * m_variance
    return divide(together, scale, floor=0.0)

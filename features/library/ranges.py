"""Volatility from the range of the bar, and liquidity from the traded value."""

from __future__ import annotations

import numpy as np

from features.kernels.rolling import divide, divide_less_one, lag, rolling_mean, rolling_std, rolling_sum
from features.spec import feature
from foundation.types import Floats


@feature(stage="bar", rows=20, unit="fraction per row")
def parkinson_20(high: Floats, low: Floats) -> Floats:
    """Volatility from the log ranges between high and low of 20 rows (Parkinson 1980)."""
    span = np.log(high / low)
    volatility: Floats = np.sqrt(rolling_mean(span * span, 20) / (4.0 * np.log(2.0)))
    return volatility


@feature(stage="bar", rows=20, unit="fraction per row")
def garman_klass_20(open: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Volatility from log ranges and moves from open to close of 20 rows (Garman and Klass 1980)."""
    span, body = np.log(high / low), np.log(close / open)
    return np.sqrt(np.maximum(rolling_mean(0.5 * span**2 - (2.0 * np.log(2.0) - 1.0) * body**2, 20), 0.0))


@feature(stage="bar", rows=21, unit="fraction per row")
def yang_zhang_20(open: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Volatility from overnight moves, moves from open to close and ranges of 20 rows (Yang and Zhang 2000)."""
    n = 20
    night, day = np.log(open / lag(close, 1)), np.log(close / open)
    up, down = np.log(high / open), np.log(low / open)
    # The range part is the estimator of Rogers and Satchell (1991), which is unbiased under drift.
    inner = rolling_mean(up * (up - day) + down * (down - day), n)
    k = 0.34 / (1.34 + (n + 1) / (n - 1))
    variance = rolling_std(night, n) ** 2 + k * rolling_std(day, n) ** 2 + (1.0 - k) * inner
    return np.sqrt(np.maximum(variance, 0.0))


@feature(stage="bar", rows=21, unit="fraction")
def overnight_return_20(open: Floats, close: Floats) -> Floats:
    """Log return from each close to the next open, summed over 20 rows (Lou, Polk and Skouras 2019)."""
    return rolling_sum(np.log(open / lag(close, 1)), 20)


@feature(stage="bar", rows=60, unit="ratio")
def illiquidity_ratio_20_60(returns: Floats, close: Floats, volume: Floats) -> Floats:
    """Illiquidity, the mean size of the return over the money traded (Amihud 2002), of 20 rows relative to 60, less 1.

    Amihud's measure itself is in units of money, in which neither volumes of another unit nor prices that a later
    dividend adjusts can be stated without changing it.
    """
    impact = divide(np.abs(returns), close * volume, floor=0.0)
    return divide_less_one(rolling_mean(impact, 20), rolling_mean(impact, 60), floor=0.0)

"""Each asset relative to its own recent past.

The distance to the high is `drawdown_12` in `features.library.risk`; this module has the position between low and high.
"""

from __future__ import annotations

import numpy as np

from features.kernels.rolling import (
    divide,
    divide_less_one,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_std,
)
from features.sharing import cached
from features.spec import feature
from foundation.types import Floats


@feature(stage="asset", lookback=3, unit="fraction")
def level_to_mean_3(level: Floats, month: int) -> Floats:
    """Total return index relative to its mean of 3 months, less 1."""
    return divide_less_one(level, cached(rolling_mean, level, 3 * month))


@feature(stage="asset", lookback=10, unit="fraction")
def level_to_mean_10(level: Floats, month: int) -> Floats:
    """Total return index relative to its mean of 10 months, less 1 (Faber 2007)."""
    return divide_less_one(level, rolling_mean(level, 10 * month))


@feature(stage="asset", lookback=12, quarters=True, unit="fraction")
def level_to_mean_12(level: Floats, month: int) -> Floats:
    """Total return index relative to its mean of 12 months, less 1."""
    return divide_less_one(level, cached(rolling_mean, level, 12 * month))


@feature(stage="asset", lookback=12, quarters=True, unit="fraction")
def crossover_3_12(level: Floats, month: int) -> Floats:
    """Mean of the total return index over 3 months relative to that over 12, less 1."""
    return divide_less_one(cached(rolling_mean, level, 3 * month), cached(rolling_mean, level, 12 * month))


@feature(stage="asset", lookback=12, quarters=True, unit="share")
def range_position_12(level: Floats, month: int) -> Floats:
    """Place of the total return index between its low (0) and its high (1) of 12 months."""
    low, high = rolling_min(level, 12 * month), cached(rolling_max, level, 12 * month)
    # Relative to the high, so that the test of low against high does not depend on the scale of the index.
    return divide(divide(level - low, high), divide(high - low, high))


@feature(stage="asset", lookback=12, quarters=True, unit="standard deviations of an observation")
def risk_adjusted_momentum_12(excess: Floats, month: int) -> Floats:
    """Mean excess return of 12 months divided by their standard deviation."""
    return divide(rolling_mean(excess, 12 * month), rolling_std(excess, 12 * month))


@feature(stage="asset", lookback=12, quarters=True, unit="share")
def trend_consistency_12(excess: Floats, month: int) -> Floats:
    """Share of the returns of 12 months that beat cash."""
    beaten = np.where(np.isfinite(excess), excess > 0.0, np.nan)
    return rolling_mean(beaten, 12 * month)

"""Trading volume of each asset; only for panels with volume."""

from __future__ import annotations

from features.kernels.rolling import divide, divide_less_one, rolling_mean, rolling_std
from features.spec import feature
from foundation.types import Floats


@feature(stage="asset", lookback=12, unit="ratio")
def volume_ratio_1_12(volume: Floats, month: int) -> Floats:
    """Mean volume of the last month divided by that of 12 months, less 1."""
    return divide_less_one(rolling_mean(volume, month), rolling_mean(volume, 12 * month), floor=0.0)


@feature(stage="asset", lookback=12, quarters=True, unit="ratio")
def volume_variation_12(volume: Floats, month: int) -> Floats:
    """Coefficient of variation of the volume of 12 months."""
    return divide(rolling_std(volume, 12 * month), rolling_mean(volume, 12 * month), floor=0.0)

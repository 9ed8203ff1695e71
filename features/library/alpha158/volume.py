"""Volume features over trailing windows: the 8 families of Qlib's Alpha158 that need volume.

Names and definitions follow Alpha158 in Qlib (Yang, Liu, Zhou, Bian and Liu 2020), file `qlib/contrib/data/loader.py`;
a window of d covers d rows. There are two differences. Qlib accepts any number of values in a window, whereas four
fifths must be present here. If a volume is 0, its logarithm and ratios to it are missing here, whereas Qlib takes the
logarithm of 1 + volume and adds 1e-12 to the divisor, so that both depend on the unit of volume.
"""

# ruff: noqa: N802 - the names are Qlib's.
from __future__ import annotations

import numpy as np

from features.kernels.rolling import (
    divide,
    divide_or_zero,
    lag,
    rolling_correlation,
    rolling_mean,
    rolling_std,
)
from features.library.alpha158.price import WINDOWS, shares_of_moves
from features.sharing import cached
from features.spec import feature
from foundation.types import Floats


@feature(stage="bar", windows=WINDOWS, unit="correlation")
def CORR(close: Floats, volume: Floats, window: int) -> Floats:
    """Correlation of the close with the log of the volume over {window} rows, without rows of volume 0."""
    return rolling_correlation(close, cached(_log, volume), window, sizes=(0.0, 1.0))


@feature(stage="bar", windows=WINDOWS, rows=1, unit="correlation")
def CORD(close: Floats, volume: Floats, window: int) -> Floats:
    """Correlation over {window} rows of the close with the log of 1 + volume, both relative to the row before."""
    price, traded = cached(_growth, close, volume)
    return rolling_correlation(price, traded, window)


@feature(stage="bar", windows=WINDOWS, unit="ratio")
def VMA(volume: Floats, window: int) -> Floats:
    """Mean volume of {window} rows divided by the volume."""
    return divide(rolling_mean(volume, window), volume, floor=0.0)


@feature(stage="bar", windows=WINDOWS, unit="ratio")
def VSTD(volume: Floats, window: int) -> Floats:
    """Dispersion: the standard deviation of the volumes of {window} rows divided by the volume."""
    return divide(rolling_std(volume, window), volume, floor=0.0)


@feature(stage="bar", windows=WINDOWS, rows=1, unit="ratio")
def WVMA(close: Floats, volume: Floats, window: int) -> Floats:
    """Coefficient of variation over {window} rows of the size of the close's return times the volume."""
    weighted = cached(_weighted, close, volume)
    return divide_or_zero(rolling_std(weighted, window), rolling_mean(weighted, window))


@feature(stage="bar", windows=WINDOWS, rows=1, unit="share")
def VSUMP(volume: Floats, window: int) -> Floats:
    """Sum of the rises of the volume in {window} rows as a share of all its changes."""
    return cached(shares_of_moves, volume, window)[0]


@feature(stage="bar", windows=WINDOWS, rows=1, unit="share")
def VSUMN(volume: Floats, window: int) -> Floats:
    """Sum of the falls of the volume in {window} rows as a share of all its changes."""
    return cached(shares_of_moves, volume, window)[1]


@feature(stage="bar", windows=WINDOWS, unit="share")
def VSUMD(VSUMP: Floats, VSUMN: Floats) -> Floats:
    """Sum of the rises less that of the falls of the volume in {window} rows, as a share of all its changes."""
    return VSUMP - VSUMN


def _log(volume: Floats) -> Floats:
    """Return the log of the volume; missing if the volume is 0."""
    return np.log(np.where(volume > 0.0, volume, np.nan))


def _growth(close: Floats, volume: Floats) -> tuple[Floats, Floats]:
    """Return the ratio of the close to that of the previous row, and log(1 + the same ratio of volumes)."""
    return close / lag(close, 1), np.log(divide(volume, lag(volume, 1), floor=0.0) + 1.0)


def _weighted(close: Floats, volume: Floats) -> Floats:
    """Return the absolute return of the close times the volume."""
    return np.abs(close / lag(close, 1) - 1.0) * volume

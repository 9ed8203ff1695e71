"""Price features over trailing windows: the 21 families of Qlib's Alpha158 that need no volume.

Names and definitions follow Alpha158 in Qlib (Yang, Liu, Zhou, Bian and Liu 2020), file `qlib/contrib/data/loader.py`;
a window of d covers d rows. A later adjustment, which multiplies the prices of a window by one number, does not change
these features. There are two differences: Qlib accepts any number of values in a window, whereas four fifths must be
present here; and Qlib adds 1e-12 to divisors, whereas 0 / 0 is 0 here.
"""

# ruff: noqa: N802 - the names are Qlib's.
from __future__ import annotations

import numpy as np

from features.kernels.rolling import (
    divide_or_zero,
    lag,
    rolling_argmax,
    rolling_argmin,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_quantiles,
    rolling_rank,
    rolling_std,
    rolling_sum,
    rolling_trend,
)
from features.sharing import cached
from features.spec import feature
from foundation.types import Floats

WINDOWS = (5, 10, 20, 30, 60)


@feature(stage="bar", windows=WINDOWS, rows=1, unit="ratio")
def ROC(close: Floats, window: int) -> Floats:
    """Close of {window} rows ago divided by the close."""
    return lag(close, window) / close


@feature(stage="bar", windows=WINDOWS, unit="ratio")
def MA(close: Floats, window: int) -> Floats:
    """Mean close of {window} rows divided by the close."""
    return rolling_mean(close, window) / close


@feature(stage="bar", windows=WINDOWS, unit="ratio")
def STD(close: Floats, window: int) -> Floats:
    """Dispersion: the standard deviation of the closes of {window} rows divided by the close."""
    return rolling_std(close, window) / close


@feature(stage="bar", windows=WINDOWS, unit="fraction per row")
def BETA(close: Floats, window: int) -> Floats:
    """Slope of the closes of {window} rows on their row numbers, divided by the close."""
    return cached(rolling_trend, close, window)[0] / close


@feature(stage="bar", windows=WINDOWS, unit="share")
def RSQR(close: Floats, window: int) -> Floats:
    """R2 of the regression of the closes of {window} rows on their row numbers."""
    return cached(rolling_trend, close, window)[1]


@feature(stage="bar", windows=WINDOWS, unit="fraction")
def RESI(close: Floats, window: int) -> Floats:
    """Close less what the regression of {window} rows on row numbers gives for it, divided by the close."""
    return cached(rolling_trend, close, window)[2] / close


@feature(stage="bar", windows=WINDOWS, unit="ratio")
def MAX(high: Floats, close: Floats, window: int) -> Floats:
    """Highest high of {window} rows divided by the close."""
    return rolling_max(high, window) / close


@feature(stage="bar", windows=WINDOWS, unit="ratio")
def MIN(low: Floats, close: Floats, window: int) -> Floats:
    """Lowest low of {window} rows divided by the close."""
    return rolling_min(low, window) / close


@feature(stage="bar", windows=WINDOWS, unit="ratio")
def QTLU(close: Floats, window: int) -> Floats:
    """Quantile 0.8 of the closes of {window} rows divided by the close."""
    return cached(_outer_quantiles, close, window)[0] / close


@feature(stage="bar", windows=WINDOWS, unit="ratio")
def QTLD(close: Floats, window: int) -> Floats:
    """Quantile 0.2 of the closes of {window} rows divided by the close."""
    return cached(_outer_quantiles, close, window)[1] / close


@feature(stage="bar", windows=WINDOWS, unit="share")
def RANK(close: Floats, window: int) -> Floats:
    """Rank of the close among those of {window} rows, as a share of their number; 1 is the highest."""
    return rolling_rank(close, window)


@feature(stage="bar", windows=WINDOWS, unit="share")
def RSV(MAX: Floats, MIN: Floats) -> Floats:
    """Place of the close between lowest low (0) and highest high (1) of {window} rows."""
    return divide_or_zero(1.0 - MIN, MAX - MIN, MAX)


@feature(stage="bar", windows=WINDOWS, unit="share")
def IMAX(high: Floats, window: int) -> Floats:
    """Place of the highest high in {window} rows as a share of them: 1 if it is the newest (Aroon)."""
    return rolling_argmax(high, window) / window


@feature(stage="bar", windows=WINDOWS, unit="share")
def IMIN(low: Floats, window: int) -> Floats:
    """Place of the lowest low in {window} rows as a share of them: 1 if it is the newest (Aroon)."""
    return rolling_argmin(low, window) / window


@feature(stage="bar", windows=WINDOWS, unit="share")
def IMXD(IMAX: Floats, IMIN: Floats) -> Floats:
    """Rows by which the highest high comes after the lowest low, as a share of {window} rows."""
    return IMAX - IMIN


@feature(stage="bar", windows=WINDOWS, rows=1, unit="share")
def CNTP(close: Floats, window: int) -> Floats:
    """Share of {window} rows in which the close rose."""
    return rolling_mean(cached(_mark_rises, close), window)


@feature(stage="bar", windows=WINDOWS, rows=1, unit="share")
def CNTN(close: Floats, window: int) -> Floats:
    """Share of {window} rows in which the close fell."""
    return rolling_mean(cached(_mark_falls, close), window)


@feature(stage="bar", windows=WINDOWS, unit="share")
def CNTD(CNTP: Floats, CNTN: Floats) -> Floats:
    """Share of {window} rows in which the close rose, less that in which it fell."""
    return CNTP - CNTN


@feature(stage="bar", windows=WINDOWS, rows=1, unit="share")
def SUMP(close: Floats, window: int) -> Floats:
    """Sum of the rises of the close in {window} rows as a share of all its moves (Wilder's RSI, with equal weights)."""
    return cached(shares_of_moves, close, window)[0]


@feature(stage="bar", windows=WINDOWS, rows=1, unit="share")
def SUMN(close: Floats, window: int) -> Floats:
    """Sum of the falls of the close in {window} rows as a share of all its moves."""
    return cached(shares_of_moves, close, window)[1]


@feature(stage="bar", windows=WINDOWS, unit="share")
def SUMD(SUMP: Floats, SUMN: Floats) -> Floats:
    """Sum of the rises less that of the falls of the close in {window} rows, as a share of all its moves."""
    return SUMP - SUMN


def shares_of_moves(x: Floats, window: int) -> tuple[Floats, Floats]:
    """Return the sums of rises and of falls in a window, as fractions of the sum of all moves; 0 without moves."""
    change = x - lag(x, 1)
    moves = rolling_sum(np.abs(change), window)
    rises, falls = (rolling_sum(np.maximum(part, 0.0), window) for part in (change, -change))
    return divide_or_zero(rises, moves), divide_or_zero(falls, moves)


def _mark_rises(x: Floats) -> Floats:
    """Return 1 if a value is above that of the previous row, 0 if it is not, NaN if either is missing."""
    change = x - lag(x, 1)
    return np.where(np.isfinite(change), change > 0.0, np.nan)


def _mark_falls(x: Floats) -> Floats:
    """Return 1 if a value is below that of the previous row, 0 if it is not, NaN if either is missing."""
    change = x - lag(x, 1)
    return np.where(np.isfinite(change), change < 0.0, np.nan)


def _outer_quantiles(x: Floats, window: int) -> tuple[Floats, Floats]:
    """Return the quantiles 0.8 and 0.2."""
    upper, lower = rolling_quantiles(x, window, (0.8, 0.2))
    return upper, lower

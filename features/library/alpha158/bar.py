"""Bar features: the 13 features of Qlib's Alpha158 that need no window.

Names and definitions follow Alpha158 in Qlib (Yang, Liu, Zhou, Bian and Liu 2020), file `qlib/contrib/data/loader.py`.
All are ratios of prices of one row, so a later adjustment of prices does not change them. Qlib adds 1e-12 to the length
of the bar; here a bar of length 0 gives 0.
"""

# ruff: noqa: N802 - the names are Qlib's.
from __future__ import annotations

import numpy as np

from features.kernels.rolling import divide_or_zero
from features.spec import feature
from foundation.types import Floats


@feature(stage="bar", unit="fraction")
def KMID(open: Floats, close: Floats) -> Floats:
    """Body of the bar: close less open, relative to the open."""
    return (close - open) / open


@feature(stage="bar", unit="fraction")
def KLEN(open: Floats, high: Floats, low: Floats) -> Floats:
    """Length of the bar: high less low, relative to the open."""
    return (high - low) / open


@feature(stage="bar", unit="share")
def KMID2(open: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Body of the bar, close less open, as a share of its length."""
    return divide_or_zero(close - open, high - low, high)


@feature(stage="bar", unit="fraction")
def KUP(open: Floats, high: Floats, close: Floats) -> Floats:
    """Upper shadow: high less the higher of open and close, relative to the open."""
    return (high - np.maximum(open, close)) / open


@feature(stage="bar", unit="share")
def KUP2(open: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Upper shadow, high less the higher of open and close, as a share of the bar's length."""
    return divide_or_zero(high - np.maximum(open, close), high - low, high)


@feature(stage="bar", unit="fraction")
def KLOW(open: Floats, low: Floats, close: Floats) -> Floats:
    """Lower shadow: the lower of open and close less the low, relative to the open."""
    return (np.minimum(open, close) - low) / open


@feature(stage="bar", unit="share")
def KLOW2(open: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Lower shadow, the lower of open and close less the low, as a share of the bar's length."""
    return divide_or_zero(np.minimum(open, close) - low, high - low, high)


@feature(stage="bar", unit="fraction")
def KSFT(open: Floats, high: Floats, low: Floats, close: Floats) -> Floats:
    """Shift of the close: twice the close less high and low, relative to the open."""
    return (2.0 * close - high - low) / open


@feature(stage="bar", unit="share")
def KSFT2(high: Floats, low: Floats, close: Floats) -> Floats:
    """Shift of the close, twice the close less high and low, as a share of the bar's length."""
    return divide_or_zero(2.0 * close - high - low, high - low, high)


@feature(stage="bar", unit="ratio")
def OPEN0(open: Floats, close: Floats) -> Floats:
    """Open divided by the close."""
    return open / close


@feature(stage="bar", unit="ratio")
def HIGH0(high: Floats, close: Floats) -> Floats:
    """High divided by the close."""
    return high / close


@feature(stage="bar", unit="ratio")
def LOW0(low: Floats, close: Floats) -> Floats:
    """Low divided by the close."""
    return low / close


@feature(stage="bar", unit="ratio")
def VWAP0(vwap: Floats, close: Floats) -> Floats:
    """Volume-weighted mean price of the step divided by the close."""
    return vwap / close

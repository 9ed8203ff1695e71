"""Features shared by all assets: arrays (T,) from the market, cash and all assets together."""

from __future__ import annotations

import numpy as np

from features.kernels import across
from features.kernels.rolling import (
    divide,
    divide_less_one,
    rolling_max,
    rolling_mean,
    rolling_std,
    rolling_sum,
)
from features.library.returns import compound_window, wealth
from features.spec import feature
from foundation.types import Floats


@feature(stage="market", lookback=1, unit="fraction")
def market_return_1(market: Floats, month: int) -> Floats:
    """Return of the market over the last month."""
    return compound_window(np.log1p(market), month)


@feature(stage="market", lookback=12, quarters=True, unit="fraction")
def market_return_12(market: Floats, month: int) -> Floats:
    """Return of the market over the last 12 months."""
    return compound_window(np.log1p(market), 12 * month)


@feature(stage="market", lookback=3, unit="fraction per observation")
def market_volatility_3(market: Floats, month: int) -> Floats:
    """Volatility of the market: the standard deviation of its returns of 3 months."""
    return rolling_std(market, 3 * month)


@feature(stage="market", lookback=12, quarters=True, unit="fraction per observation")
def market_volatility_12(market: Floats, month: int) -> Floats:
    """Volatility of the market: the standard deviation of its returns of 12 months."""
    return rolling_std(market, 12 * month)


@feature(stage="market", lookback=10, unit="fraction")
def market_trend_10(market: Floats, month: int) -> Floats:
    """Market's total return index relative to its mean of 10 months, less 1."""
    level = wealth(market)
    return divide_less_one(level, rolling_mean(level, 10 * month))


@feature(stage="market", lookback=12, quarters=True, unit="fraction")
def market_drawdown_12(market: Floats, month: int) -> Floats:
    """Market's total return since its high of 12 months, 0 at the high."""
    level = wealth(market)
    return divide(level, rolling_max(level, 12 * month)) - 1.0


@feature(stage="market", unit="share")
def breadth_10(level_to_mean_10: Floats) -> Floats:
    """Share of the listed assets that stand above their own mean of 10 months."""
    present = np.isfinite(level_to_mean_10)
    return across.mean(np.where(present, level_to_mean_10 > 0.0, np.nan))


@feature(stage="market", unit="fraction")
def dispersion_1(return_1: Floats) -> Floats:
    """Dispersion: the standard deviation of the last month's returns across the listed assets."""
    return across.std(return_1)


@feature(stage="market", lookback=12, quarters=True, unit="correlation")
def average_correlation_12(returns: Floats, volatility_12: Floats, month: int) -> Floats:
    """Average correlation of all pairs of listed assets over 12 months.

    After the estimator of Engle and Kelly (2012): returns are standardised with the mean and volatility that
    each asset has over the 12 months up to that date, and the mean product of all pairs of different assets is
    divided by the mean square. The products of all pairs are the square of the sum less the sum of the
    squares, so there is no loop over pairs, and assets may come and go.
    """
    window = 12 * month
    z = divide(returns - rolling_mean(returns, window), volatility_12)
    n = across.count(z)
    z[~np.isfinite(z)] = 0.0
    total = z.sum(axis=1)
    squares = np.square(z, out=z).sum(axis=1)
    pairs = np.where(n > 1, (total * total - squares) / np.maximum(n * (n - 1.0), 1.0), np.nan)
    variance = np.where(n > 1, squares / np.maximum(n, 1.0), np.nan)
    return divide(rolling_mean(pairs, window), rolling_mean(variance, window))


@feature(stage="market", lookback=1, unit="fraction per year")
def cash_yield(cash: Floats, month: int) -> Floats:
    """Return of cash over the last month, times 12."""
    return 12.0 * rolling_sum(cash, month)

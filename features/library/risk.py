"""Risk of each asset: volatility, drawdown, and beta to the market.

Volatilities are standard deviations of the return of one observation (a month or a day), not annualised.
"""

from __future__ import annotations

import numpy as np

from features.kernels.rolling import (
    divide,
    ewm_mean,
    rolling_max,
    rolling_mean,
    rolling_regression,
    rolling_skew,
    rolling_std,
)
from features.sharing import cached
from features.spec import feature
from foundation.types import Floats


def _regress_on_market(
    excess: Floats, market: Floats, cash: Floats, window: int
) -> tuple[Floats, Floats, Floats]:
    """Return beta, correlation and residual standard error of excess returns on the market's excess returns."""
    return rolling_regression(excess, market - cash, window)


@feature(stage="asset", lookback=3, unit="fraction per observation")
def volatility_3(returns: Floats, month: int) -> Floats:
    """Volatility: the standard deviation of the returns of 3 months."""
    return rolling_std(returns, 3 * month)


@feature(stage="asset", lookback=12, quarters=True, unit="fraction per observation")
def volatility_12(returns: Floats, month: int) -> Floats:
    """Volatility: the standard deviation of the returns of 12 months."""
    return rolling_std(returns, 12 * month)


@feature(stage="asset", lookback=36, quarters=True, unit="fraction per observation")
def volatility_36(returns: Floats, month: int) -> Floats:
    """Volatility: the standard deviation of the returns of 36 months."""
    return rolling_std(returns, 36 * month)


@feature(stage="asset", lookback=6, quarters=True, unit="fraction per observation")
def ewm_volatility_3(returns: Floats, month: int) -> Floats:
    """Root of the exponentially weighted mean of squared returns, with a half-life of 3 months."""
    return np.sqrt(ewm_mean(returns * returns, 3.0 * month))


@feature(stage="asset", unit="ratio")
def volatility_ratio_3_12(volatility_3: Floats, volatility_12: Floats) -> Floats:
    """Volatility of 3 months divided by that of 12."""
    return divide(volatility_3, volatility_12)


@feature(stage="asset", lookback=12, quarters=True, unit="fraction per observation")
def downside_volatility_12(excess: Floats, month: int) -> Floats:
    """Root of the mean squared shortfall of the returns of 12 months below cash."""
    shortfall = np.minimum(excess, 0.0)
    return np.sqrt(rolling_mean(shortfall * shortfall, 12 * month))


@feature(stage="asset", lookback=12, quarters=True, unit="skewness")
def skewness_12(returns: Floats, month: int) -> Floats:
    """Skewness of the returns of 12 months: 12 observations in a monthly panel, 252 in a daily one."""
    return rolling_skew(returns, 12 * month)


@feature(stage="asset", lookback=12, quarters=True, unit="fraction per observation")
def max_return_12(returns: Floats, month: int) -> Floats:
    """Largest return of one observation in 12 months (Bali, Cakici and Whitelaw 2011)."""
    return rolling_max(returns, 12 * month)


@feature(stage="asset", lookback=12, quarters=True, unit="fraction")
def drawdown_12(level: Floats, month: int) -> Floats:
    """Total return since the high of 12 months, 0 at the high."""
    return divide(level, cached(rolling_max, level, 12 * month)) - 1.0


@feature(stage="asset", lookback=36, quarters=True, unit="fraction")
def drawdown_36(level: Floats, month: int) -> Floats:
    """Total return since the high of 36 months, 0 at the high."""
    return divide(level, rolling_max(level, 36 * month)) - 1.0


@feature(stage="asset", lookback=36, quarters=True, unit="beta")
def beta_36(excess: Floats, market: Floats, cash: Floats, month: int) -> Floats:
    """Slope of the asset's on the market's excess returns over 36 months."""
    return cached(_regress_on_market, excess, market, cash, 36 * month)[0]


@feature(stage="asset", lookback=36, quarters=True, unit="correlation")
def correlation_36(excess: Floats, market: Floats, cash: Floats, month: int) -> Floats:
    """Correlation of the asset's and the market's excess returns over 36 months."""
    return cached(_regress_on_market, excess, market, cash, 36 * month)[1]


@feature(stage="asset", lookback=36, quarters=True, unit="fraction per observation")
def idiosyncratic_volatility_36(excess: Floats, market: Floats, cash: Floats, month: int) -> Floats:
    """Residual standard error of the regression behind `beta_36`."""
    return cached(_regress_on_market, excess, market, cash, 36 * month)[2]

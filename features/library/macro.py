"""The economy, as published by each date: arrays (T,) from the panel's macro series.

A series has at each close its newest known value. A difference over 12 months thus compares the value known now with
the value known 12 months ago; on daily panels it can be off by one release around release dates.
"""

from __future__ import annotations

import numpy as np

from features.kernels.rolling import lag
from features.spec import feature
from foundation.types import Floats


def _log_change(series: Floats, rows: int) -> Floats:
    """Return the log change over `rows` rows; NaN unless both values are positive (oil has been negative)."""
    positive = np.where(series > 0.0, series, np.nan)
    return np.log(positive) - np.log(lag(positive, rows))


@feature(stage="macro", unit="fraction per year")
def term_spread(aaa_yield: Floats, cash_yield: Floats) -> Floats:
    """Yield of AAA bonds less that of cash."""
    return aaa_yield - cash_yield


@feature(stage="macro", unit="fraction per year")
def credit_spread(aaa_yield: Floats, baa_yield: Floats) -> Floats:
    """Yield of BAA bonds less that of AAA bonds."""
    return baa_yield - aaa_yield


@feature(stage="macro", lookback=3, quarters=True, unit="fraction per year")
def credit_spread_change_3(credit_spread: Floats, month: int) -> Floats:
    """Change of the credit spread over 3 months."""
    return credit_spread - lag(credit_spread, 3 * month)


@feature(stage="macro", lookback=12, quarters=True, unit="fraction per year")
def yield_change_12(aaa_yield: Floats, month: int) -> Floats:
    """Change of the yield of AAA bonds over 12 months."""
    return aaa_yield - lag(aaa_yield, 12 * month)


@feature(stage="macro", lookback=12, quarters=True, unit="log change")
def core_inflation_12(core_cpi: Floats, month: int) -> Floats:
    """Log change of core consumer prices over 12 months."""
    return _log_change(core_cpi, 12 * month)


@feature(stage="macro", lookback=6, quarters=True, unit="log change")
def core_inflation_change_6(core_inflation_12: Floats, month: int) -> Floats:
    """Change of 12-month core inflation over 6 months."""
    return core_inflation_12 - lag(core_inflation_12, 6 * month)


@feature(stage="macro", lookback=3, quarters=True, unit="log change")
def oil_return_3(wti: Floats, month: int) -> Floats:
    """Log change of the oil price over 3 months."""
    return _log_change(wti, 3 * month)


@feature(stage="macro", lookback=12, quarters=True, unit="log change")
def oil_return_12(wti: Floats, month: int) -> Floats:
    """Log change of the oil price over 12 months."""
    return _log_change(wti, 12 * month)

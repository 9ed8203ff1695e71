"""Each asset relative to the other assets at the same date.

Features that are roughly symmetric across assets have scores (`_z`); skewed ones have ranks (`_rank`). These features
carry most of the predictable part of relative returns. Their centre and scale change from date to date, so they are not
linear functions of their inputs.
"""

from __future__ import annotations

from features.kernels import across
from features.spec import feature
from foundation.types import Floats


@feature(stage="cross_section", unit="standard deviations across assets")
def return_1_z(return_1: Floats) -> Floats:
    """Score of the last month's return across assets."""
    return across.zscore(return_1)


@feature(stage="cross_section", unit="standard deviations across assets")
def return_6_z(return_6: Floats) -> Floats:
    """Score of the return over 6 months across assets."""
    return across.zscore(return_6)


@feature(stage="cross_section", unit="standard deviations across assets")
def return_12_z(return_12: Floats) -> Floats:
    """Score of the return over 12 months across assets."""
    return across.zscore(return_12)


@feature(stage="cross_section", unit="standard deviations across assets")
def momentum_12_1_z(momentum_12_1: Floats) -> Floats:
    """Score of the return from 12 to 1 months ago across assets."""
    return across.zscore(momentum_12_1)


@feature(stage="cross_section", unit="standard deviations across assets")
def residual_momentum_12_1_z(residual_momentum_12_1: Floats) -> Floats:
    """Score of the residual momentum across assets."""
    return across.zscore(residual_momentum_12_1)


@feature(stage="cross_section", unit="standard deviations across assets")
def risk_adjusted_momentum_12_z(risk_adjusted_momentum_12: Floats) -> Floats:
    """Score of the mean excess return over volatility of 12 months across assets."""
    return across.zscore(risk_adjusted_momentum_12)


@feature(stage="cross_section", unit="standard deviations across assets")
def long_term_reversal_36_12_z(long_term_reversal_36_12: Floats) -> Floats:
    """Score of minus the return from 36 to 12 months ago across assets."""
    return across.zscore(long_term_reversal_36_12)


@feature(stage="cross_section", unit="standard deviations across assets")
def seasonality_60_z(seasonality_60: Floats) -> Floats:
    """Score across assets of the mean return of the coming calendar month in 5 years."""
    return across.zscore(seasonality_60)


@feature(stage="cross_section", unit="standard deviations across assets")
def level_to_mean_10_z(level_to_mean_10: Floats) -> Floats:
    """Score across assets of the total return index relative to its mean of 10 months."""
    return across.zscore(level_to_mean_10)


@feature(stage="cross_section", unit="standard deviations across assets")
def beta_36_z(beta_36: Floats) -> Floats:
    """Score of the beta across assets."""
    return across.zscore(beta_36)


@feature(stage="cross_section", unit="standard deviations across assets")
def skewness_12_z(skewness_12: Floats) -> Floats:
    """Score of the skewness of 12 months across assets."""
    return across.zscore(skewness_12)


@feature(stage="cross_section", unit="rank from -1/2 to 1/2")
def volatility_12_rank(volatility_12: Floats) -> Floats:
    """Rank of the volatility of 12 months across assets."""
    return across.rank(volatility_12)


@feature(stage="cross_section", unit="rank from -1/2 to 1/2")
def idiosyncratic_volatility_36_rank(idiosyncratic_volatility_36: Floats) -> Floats:
    """Rank of the idiosyncratic volatility of 36 months across assets."""
    return across.rank(idiosyncratic_volatility_36)


@feature(stage="cross_section", unit="rank from -1/2 to 1/2")
def drawdown_12_rank(drawdown_12: Floats) -> Floats:
    """Rank of the return since the high of 12 months across assets."""
    return across.rank(drawdown_12)


@feature(stage="cross_section", unit="rank from -1/2 to 1/2")
def max_return_12_rank(max_return_12: Floats) -> Floats:
    """Rank of the largest return of 12 months across assets."""
    return across.rank(max_return_12)

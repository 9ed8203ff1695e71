"""Tiers: how a span of data is divided into history for features, training, calibration and judged dates."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Tier:
    """A division of a span, in months.

    Attributes
    ----------
    name : str
    shortest : int
        Months of data from which the tier applies.
    features : int
        Longest history of a feature; slower ones are excluded.
    training : int
        Fewest months before the first test date, beyond the history of the features.
    calibration : int
        Months between the first test date and the first judged one.
    regimes : int
        Months before the first fit of the regimes, beyond the history of their features.
    covariance, history : int
        Months of the covariance, and of returns that an asset needs in it, for monthly and quarterly data. Daily and
        weekly data need two years and one.
    """

    name: str
    shortest: int
    features: int
    training: int
    calibration: int
    regimes: int
    covariance: int
    history: int


TIERS = (
    Tier("long", 180, features=60, training=24, calibration=24, regimes=60, covariance=120, history=36),
    Tier("medium", 96, features=36, training=24, calibration=12, regimes=36, covariance=60, history=36),
    Tier("short", 54, features=24, training=12, calibration=6, regimes=24, covariance=36, history=24),
    Tier("shortest", 0, features=12, training=12, calibration=3, regimes=12, covariance=24, history=24),
)
"""From the longest span to the shortest."""


def choose_tier(months: float) -> Tier:
    """Return the tier of a span."""
    return next(tier for tier in TIERS if months >= tier.shortest)

"""Settings of a run for its allocators and strategies."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.settings.allocation import AllocationSection


@dataclass(frozen=True)
class TradingSettings:
    """Settings that determine how forecasts become portfolios.

    Attributes
    ----------
    allocation : AllocationSection
    horizon : int
        Observations of one holding period.
    relative : bool
        Whether forecasts are relative to the universe.
    cost_rate : float
        Proportional cost of a trade, a fraction of the traded amount.
    impact_rate : float
        Quadratic cost of a trade.
    """

    allocation: AllocationSection
    horizon: int
    relative: bool
    cost_rate: float
    impact_rate: float

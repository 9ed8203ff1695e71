"""Another portfolio at a target volatility."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pipeline.strategies.settings import (
    ComposedStrategy,
    NonNegativeFloat,
    PositiveFloat,
    UnsmoothSection,
    name_unsmoothed,
)

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import StrategyBuilder


class VolatilityTargetStrategy(ComposedStrategy):
    """Another portfolio, scaled so that its expected volatility meets a target."""

    kind: Literal["volatility_target"]
    base: str
    volatility: PositiveFloat
    maximum_leverage: PositiveFloat = 1.0
    minimum_change: NonNegativeFloat = 0.0
    unsmooth: UnsmoothSection | None = None

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each portfolio that the strategy uses."""
        yield "base", self.base

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of assets in the settings."""
        yield from name_unsmoothed(self.unsmooth)

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy. Base and overlay are sleeves."""
        from allocation.policies.overlays import Overlay, VolatilityTarget

        target = self.volatility * math.sqrt(builder.allocators.years)
        exposure = VolatilityTarget(builder.risk(self.unsmooth), target, self.maximum_leverage)
        return Overlay(builder.policy(self.base), exposure, self.minimum_change)

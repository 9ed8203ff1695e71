"""Maximum diversification."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from pipeline.settings.limit_keys import BOUNDS, LimitKey
from pipeline.strategies.optimized import AllocatorStrategy

if TYPE_CHECKING:
    from allocation.allocator import Allocator
    from allocation.problem.constraints import Constraints
    from pipeline.strategies.builder import StrategyBuilder


class MaximumDiversificationStrategy(AllocatorStrategy):
    """Maximum ratio of average asset volatility to portfolio volatility, within the run's bounds and groups."""

    KEEPS: ClassVar[frozenset[LimitKey]] = BOUNDS | {"groups"}

    kind: Literal["maximum_diversification"]

    def allocator(self, builder: StrategyBuilder, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.risk_based.maximum_diversification import MaximumDiversification

        return MaximumDiversification(builder.panel.assets, limits)

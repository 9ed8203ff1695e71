"""Hierarchical risk parity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipeline.strategies.optimized import AllocatorStrategy

if TYPE_CHECKING:
    from allocation.allocator import Allocator
    from allocation.problem.constraints import Constraints
    from pipeline.strategies.builder import StrategyBuilder


class HierarchicalStrategy(AllocatorStrategy):
    """Hierarchical risk parity within the run's bounds."""

    kind: Literal["hierarchical_risk_parity"]
    linkage: Literal["single", "average", "complete", "ward"] = "single"

    def allocator(self, builder: StrategyBuilder, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.risk_based.hierarchical import HierarchicalRiskParity

        return HierarchicalRiskParity(builder.panel.assets, limits, linkage=self.linkage)

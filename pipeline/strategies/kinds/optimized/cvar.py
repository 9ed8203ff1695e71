"""Minimum conditional value at risk."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from pipeline.settings.limit_keys import BOUNDS, LimitKey
from pipeline.strategies.optimized import AllocatorStrategy

if TYPE_CHECKING:
    from allocation.allocator import Allocator
    from allocation.problem.constraints import Constraints
    from pipeline.strategies.builder import StrategyBuilder


class TailRiskStrategy(AllocatorStrategy):
    """Minimum conditional value at risk over the covariance window, within the run's bounds and groups."""

    KEEPS: ClassVar[frozenset[LimitKey]] = BOUNDS | {"groups"}

    kind: Literal["cvar"]
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95

    def allocator(self, builder: StrategyBuilder, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.scenarios.tail_risk import MeanCVaR

        return builder.scenario_allocator(partial(MeanCVaR, level=self.level), limits)

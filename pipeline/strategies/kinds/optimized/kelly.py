"""The growth-optimal portfolio (Kelly)."""

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


class KellyStrategy(AllocatorStrategy):
    """The growth-optimal portfolio of the covariance window's returns, or a fractional Kelly portfolio."""

    KEEPS: ClassVar[frozenset[LimitKey]] = BOUNDS | {"groups"}

    kind: Literal["kelly"]
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0

    def allocator(self, builder: StrategyBuilder, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.scenarios.growth import Kelly

        return builder.scenario_allocator(partial(Kelly, fraction=self.fraction), limits)

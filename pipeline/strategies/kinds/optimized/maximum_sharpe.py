"""The maximum Sharpe ratio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

from pipeline.settings.limit_keys import BOUNDS, LimitKey
from pipeline.strategies.optimized import AllocatorStrategy

if TYPE_CHECKING:
    from allocation.allocator import Allocator
    from allocation.problem.constraints import Constraints
    from pipeline.strategies.builder import StrategyBuilder


class MaximumSharpeStrategy(AllocatorStrategy):
    """Maximum expected Sharpe ratio under a forecast, within the run's bounds and groups, ignoring costs."""

    KEEPS: ClassVar[frozenset[LimitKey]] = BOUNDS | {"groups"}

    kind: Literal["maximum_sharpe"]
    forecast: str

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts the strategy uses."""
        yield "forecast", self.forecast

    def allocator(self, builder: StrategyBuilder, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.frontier.maximum_sharpe import MaximumSharpe

        return MaximumSharpe(builder.panel.assets, limits)

"""Strategies with their own allocator, other than the mean-variance allocator of the run."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from pipeline.settings.limit_keys import BOUNDS, LimitKey
from pipeline.strategies.settings import StrategySettings

if TYPE_CHECKING:
    from allocation.allocator import Allocator
    from allocation.policies.policy import Policy
    from allocation.problem.constraints import Constraints
    from pipeline.strategies.builder import StrategyBuilder
    from pipeline.strategies.preflight import StrategyPreflight


class AllocatorStrategy(StrategySettings):
    """A strategy with its own allocator at each rebalance. It ignores costs, and supports only some limits."""

    KEEPS: ClassVar[frozenset[LimitKey]] = BOUNDS
    """The limits of the run that this kind keeps."""

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that this kind keeps at every decision."""
        return self.KEEPS

    def allocator(self, builder: StrategyBuilder, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        raise NotImplementedError

    def holdable(self, assets: tuple[str, ...]) -> tuple[str, ...]:
        """Return the assets that the strategy may hold."""
        return assets

    def check(self, name: str, preflight: StrategyPreflight) -> None:
        """Refuse limits that the holdable assets cannot meet, and too few scenarios."""
        builder = preflight.builder
        limits = builder.limits(self.kept_limits())
        holdable = builder.mask(self.holdable(builder.panel.assets))
        preflight.check_allocator(name, partial(self.allocator, builder), limits, holdable)

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy, on a model's forecasts if the strategy names one."""
        from allocation.policies.policy import AllocatorPolicy

        model = next((model for _, model in self.models()), None)
        allocator = self._allocator_within_limits(builder)
        return builder.allocators.hold_if_infeasible(
            AllocatorPolicy(allocator, builder.covariances)
            if model is None
            else builder.forecast_policy(model, allocator)
        )

    def _allocator_within_limits(self, builder: StrategyBuilder) -> Allocator:
        """Return the allocator, with relaxed limits if so configured."""
        from allocation.mean_variance.relaxed_allocator import RelaxedAllocator

        assets, limits = builder.panel.assets, builder.limits(self.kept_limits())
        holdable = self.holdable(assets)
        out = {
            asset: (0.0, 0.0) for asset in assets if asset not in holdable and not _has_minimum(limits, asset)
        }
        limits = replace(limits, overrides={**limits.overrides, **out})
        allocation = builder.settings.allocation
        if allocation.on_infeasible == "relax":
            return RelaxedAllocator(partial(self.allocator, builder), limits, allocation.relax)
        return self.allocator(builder, limits)


def _has_minimum(limits: Constraints, asset: str) -> bool:
    """Return whether the limits give an asset a minimum weight."""
    return limits.overrides.get(asset, (limits.minimum, limits.maximum))[0] > 0

"""Risk parity: risk budgets, equal ones by default."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pipeline.strategies.optimized import AllocatorStrategy
from pipeline.strategies.settings import NonNegativeFloat

if TYPE_CHECKING:
    from allocation.allocator import Allocator
    from allocation.problem.constraints import Constraints
    from pipeline.strategies.builder import StrategyBuilder


class RiskParityStrategy(AllocatorStrategy):
    """Risk budgets, equal ones by default, within the run's bounds."""

    kind: Literal["risk_parity"]
    budgets: dict[str, NonNegativeFloat] | None = None

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of assets in the settings."""
        yield "budgets", tuple(self.budgets or ())

    def holdable(self, assets: tuple[str, ...]) -> tuple[str, ...]:
        """Return the assets with a budget."""
        budgets = self.budgets
        return assets if budgets is None else tuple(asset for asset in assets if budgets.get(asset, 0.0) > 0)

    def allocator(self, builder: StrategyBuilder, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.risk_based.risk_budgeting import RiskBudgeting

        assets, named = builder.panel.assets, self.budgets
        budgets = None if named is None else {asset: named.get(asset, 0.0) for asset in assets}
        return RiskBudgeting(assets, limits, budgets=budgets)

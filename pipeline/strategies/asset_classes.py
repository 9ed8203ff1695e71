"""Strategies with fixed shares of asset classes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from pipeline.strategies.settings import StatedStrategy

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import StrategyBuilder


class ClassesStrategy(StatedStrategy):
    """Fixed shares of asset classes, each equally weighted inside. A class without assets is cash."""

    def classes(self) -> dict[str, tuple[float, tuple[str, ...]]]:
        """Return the share and the assets of each class."""
        raise NotImplementedError

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of assets in the settings."""
        for name, (_, assets) in self.classes().items():
            yield name, assets

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy. Each class is a sleeve."""
        from allocation.policies.blend import Blend
        from allocation.policies.strategic import Strategic
        from allocation.trading.rebalancing import Rebalancing

        classes = self.classes()
        parts: dict[str, Policy] = {}
        for name, (_, assets) in classes.items():
            weights = builder.mask(assets) / max(1, len(assets))
            parts[name] = Strategic(weights, builder.covariances, builder.decisions, Rebalancing())
        shares = np.array([share for share, _ in classes.values()])
        return Blend(parts, lambda row: shares, self.rebalance.build(), builder.decisions, together=True)

"""A core and a satellite."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from pipeline.strategies.settings import ComposedStrategy, Fraction, RebalanceSection

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import StrategyBuilder


class CoreSatelliteStrategy(ComposedStrategy):
    """A core and a satellite, each with its share of wealth."""

    kind: Literal["core_satellite"]
    core: str
    satellite: str
    share: Fraction = 0.7
    rebalance: RebalanceSection = RebalanceSection()

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each portfolio that the strategy uses."""
        yield "core", self.core
        yield "satellite", self.satellite

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy. Core and satellite are sleeves."""
        from allocation.policies.blend import Blend

        shares = np.array([self.share, 1 - self.share])
        parts = {"core": builder.policy(self.core), "satellite": builder.policy(self.satellite)}
        return Blend(parts, lambda row: shares, self.rebalance.build(), builder.decisions)

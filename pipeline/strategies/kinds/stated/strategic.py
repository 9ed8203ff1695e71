"""Fixed weights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, model_validator

from foundation.suggestions import suggest
from pipeline.settings.section import Name, SettingError
from pipeline.strategies.settings import Assets, Fraction, StatedStrategy, refuse_repeats

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import StrategyBuilder


class StrategicStrategy(StatedStrategy):
    """Fixed weights. The remainder is cash."""

    kind: Literal["strategic"]
    weights: Annotated[dict[str, Fraction], Field(min_length=1)]
    sleeves: dict[Name, Assets] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _weights_add_up(self) -> StrategicStrategy:
        total = sum(self.weights.values())
        if total > 1 + 1e-9:
            raise SettingError(("weights",), f"they sum to {total:.6g}, expected 1 at most: the rest is cash")
        refuse_repeats("sleeves", self.sleeves)
        for name, assets in self.sleeves.items():
            for asset in assets:
                if asset not in self.weights:
                    raise SettingError(
                        ("sleeves", name), f"{asset!r} has no weight{suggest(asset, list(self.weights))}"
                    )
        return self

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of assets in the settings."""
        yield "weights", tuple(self.weights)

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy. Without configured sleeves, each asset is a sleeve."""
        from allocation.policies.strategic import Strategic

        sleeves = self.sleeves or {asset: (asset,) for asset, weight in self.weights.items() if weight}
        weights = np.array([self.weights.get(asset, 0.0) for asset in builder.panel.assets])
        masks = {name: builder.mask(assets) for name, assets in sleeves.items()}
        return Strategic(weights, builder.covariances, builder.decisions, self.rebalance.build(), masks)

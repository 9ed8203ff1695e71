"""Another portfolio at an exposure that protects a floor."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pipeline.strategies.settings import ComposedStrategy, NonNegativeFloat, PositiveFloat

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import StrategyBuilder


class DrawdownControlStrategy(ComposedStrategy):
    """Another portfolio at an exposure that falls with its own drawdown."""

    kind: Literal["drawdown_control"]
    base: str
    floor: Annotated[float, Field(ge=0, lt=1)]
    of: Literal["peak", "start"] = "peak"
    multiplier: PositiveFloat = 4.0
    minimum: NonNegativeFloat = 0.0
    maximum: PositiveFloat = 1.0
    minimum_change: NonNegativeFloat = 0.0

    @model_validator(mode="after")
    def _minimum_first(self) -> DrawdownControlStrategy:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is more than maximum {self.maximum:g}")
        return self

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each portfolio that the strategy uses."""
        yield "base", self.base

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy. Base and overlay are sleeves."""
        from allocation.policies.overlays import DrawdownControl, Overlay

        exposure = DrawdownControl(
            self.floor, self.of, multiplier=self.multiplier, minimum=self.minimum, maximum=self.maximum
        )
        return Overlay(builder.policy(self.base), exposure, self.minimum_change)

"""An endowment in the style of Yale's: policy targets by asset class, some of them illiquid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pipeline.settings.section import Name, Section, SettingError
from pipeline.strategies.settings import Assets, ComposedStrategy, Fraction, RebalanceSection, refuse_repeats

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import StrategyBuilder


class ClassSection(Section):
    """A class of an endowment. One with a maximum trade is illiquid."""

    target: Fraction
    assets: Assets
    maximum_trade: Annotated[float, Field(gt=0, le=1)] | None = None


class EndowmentStrategy(ComposedStrategy):
    """Policy targets by class; illiquid classes trade only slowly."""

    kind: Literal["endowment"]
    classes: Annotated[dict[Name, ClassSection], Field(min_length=1)]
    rebalance: RebalanceSection = RebalanceSection()

    @model_validator(mode="after")
    def _targets_add_up(self) -> EndowmentStrategy:
        total = sum(section.target for section in self.classes.values())
        if total > 1 + 1e-9:
            raise SettingError(
                ("classes",), f"targets sum to {total:.6g}, expected 1 at most: the rest is cash"
            )
        refuse_repeats("classes", {name: section.assets for name, section in self.classes.items()})
        return self

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of assets in the settings."""
        for name, section in self.classes.items():
            yield f"classes.{name}.assets", section.assets

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy. Each class is a sleeve."""
        from allocation.policies.endowment import AssetClass, Endowment

        classes = {
            name: AssetClass(section.target, builder.mask(section.assets), section.maximum_trade)
            for name, section in self.classes.items()
        }
        return Endowment(classes, builder.covariances, builder.decisions, self.rebalance.build())

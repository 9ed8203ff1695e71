"""The All Weather portfolio."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pipeline.strategies.settings import Assets, ComposedStrategy, UnsmoothSection, name_unsmoothed

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import StrategyBuilder

ENVIRONMENTS = ("rising_growth", "falling_growth", "rising_inflation", "falling_inflation")


class AllWeatherStrategy(ComposedStrategy):
    """Equal risk in four environments. An asset may belong to several."""

    kind: Literal["all_weather"]
    rising_growth: Assets
    falling_growth: Assets
    rising_inflation: Assets
    falling_inflation: Assets
    unsmooth: UnsmoothSection | None = None

    def environments(self) -> dict[str, tuple[str, ...]]:
        """Return the assets of each environment."""
        return {name: getattr(self, name) for name in ENVIRONMENTS}

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of assets in the settings."""
        yield from self.environments().items()
        yield from name_unsmoothed(self.unsmooth)

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy. Each environment is a sleeve."""
        from allocation.policies.environments import RiskByEnvironment
        from allocation.risk_based.risk_budgeting import RiskBudgeting

        return RiskByEnvironment(
            {name: builder.mask(assets) for name, assets in self.environments().items()},
            builder.risk(self.unsmooth),
            RiskBudgeting(builder.panel.assets),
            lambda n: RiskBudgeting([str(k) for k in range(n)]),
            validate=not builder.covariances.sound,
        )

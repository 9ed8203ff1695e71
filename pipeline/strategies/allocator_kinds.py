"""Settings of the strategies that are one allocator each, beside mean-variance."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from pipeline.settings.limit_keys import ALL, BOUNDS, LimitKey
from pipeline.settings.section import Date, Section, SettingError
from pipeline.strategies.section import StrategySection, only_exempt

# Allocators are imported where they are made: to read a configuration, no kernel is needed.
if TYPE_CHECKING:
    from allocation.allocator import Allocator
    from allocation.policies.policy import Policy
    from allocation.problem.constraints import Constraints
    from pipeline.strategies.builder import Workshop

Above0 = Annotated[float, Field(gt=0)]


def _equal_shares(given: Any) -> Any:
    """Return assets that are named without shares, one or a list, with equal ones."""
    names = [given] if isinstance(given, str) else given
    return dict.fromkeys(names, 1.0) if isinstance(names, list | tuple) else given


Side = Annotated[dict[str, Above0], BeforeValidator(_equal_shares)]
"""Assets of one side of a view, with shares that are scaled to sum to 1."""


class AllocatorStrategy(StrategySection):
    """One allocator at each rebalance that is not the run's own: it knows no costs, and some of the limits."""

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision."""
        return BOUNDS

    def allocator(self, shop: Workshop, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        raise NotImplementedError

    def holdable(self, assets: tuple[str, ...]) -> tuple[str, ...]:
        """Return the assets that the strategy may hold."""
        return assets

    def make(self, shop: Workshop) -> Policy:
        """Return the policy."""
        return shop.allocated(self, next((model for _, model in self.models()), None))


class RiskParityStrategy(AllocatorStrategy):
    """Risk budgets, equal ones by default, within the run's bounds."""

    kind: Literal["risk_parity"]
    budgets: dict[str, Annotated[float, Field(ge=0)]] | None = None

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of the assets that are named."""
        yield "budgets", tuple(self.budgets or ())

    def holdable(self, assets: tuple[str, ...]) -> tuple[str, ...]:
        """Return the assets with a budget."""
        named = self.budgets
        return assets if named is None else tuple(asset for asset in assets if named.get(asset, 0.0) > 0)

    def allocator(self, shop: Workshop, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.risk_based.risk_budgeting import RiskBudgeting

        named = self.budgets
        budgets = None if named is None else {asset: named.get(asset, 0.0) for asset in shop.panel.assets}
        return RiskBudgeting(shop.panel.assets, limits, budgets=budgets)


class HierarchicalStrategy(AllocatorStrategy):
    """Hierarchical risk parity within the run's bounds."""

    kind: Literal["hierarchical_risk_parity"]
    linkage: Literal["single", "average", "complete", "ward"] = "single"

    def allocator(self, shop: Workshop, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.risk_based.hierarchical import HierarchicalRiskParity

        return HierarchicalRiskParity(shop.panel.assets, limits, linkage=self.linkage)


class MaximumDiversificationStrategy(AllocatorStrategy):
    """The highest ratio of average to portfolio volatility, within the run's bounds and groups."""

    kind: Literal["maximum_diversification"]

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision."""
        return BOUNDS | {"groups"}

    def allocator(self, shop: Workshop, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.risk_based.maximum_diversification import MaximumDiversification

        return MaximumDiversification(shop.panel.assets, limits)


class MaximumSharpeStrategy(AllocatorStrategy):
    """The highest expected Sharpe ratio by a forecast, within the run's bounds and groups, without regard to costs."""

    kind: Literal["maximum_sharpe"]
    forecast: str

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts are used."""
        yield "forecast", self.forecast

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision."""
        return BOUNDS | {"groups"}

    def allocator(self, shop: Workshop, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.frontier.maximum_sharpe import MaximumSharpe

        return MaximumSharpe(shop.panel.assets, limits)


class TailRiskStrategy(AllocatorStrategy):
    """The least conditional value at risk over the covariance window, within the run's bounds and groups."""

    kind: Literal["cvar"]
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision."""
        return BOUNDS | {"groups"}

    def allocator(self, shop: Workshop, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.scenarios.tail_risk import MeanCVaR

        return shop.on_scenarios(partial(MeanCVaR, level=self.level), limits)


class KellyStrategy(AllocatorStrategy):
    """The growth-optimal portfolio of the covariance window's returns, or a fraction of its boldness."""

    kind: Literal["kelly"]
    fraction: Annotated[float, Field(gt=0, le=1)] = 1.0

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision."""
        return BOUNDS | {"groups"}

    def allocator(self, shop: Workshop, limits: Constraints) -> Allocator:
        """Return the allocator under some limits."""
        from allocation.scenarios.growth import Kelly

        return shop.on_scenarios(partial(Kelly, fraction=self.fraction), limits)


class AimStrategy(StrategySection):
    """A share of the way toward an aim at each decision, for forecasts that fade (Garleanu and Pedersen, 2013)."""

    kind: Literal["aim"]
    forecast: str
    typical_trade: Annotated[float, Field(gt=0, le=1)] = 0.05
    decay: Annotated[float, Field(ge=0, le=1)] | None = None
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision."""
        return ALL - {"esg.tilt"}

    @field_validator("exempt")
    @classmethod
    def _exempt_from_the_tilt_alone(cls, exempt: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
        return only_exempt(exempt, ("esg.tilt",))

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts are used."""
        yield "forecast", self.forecast

    def make(self, shop: Workshop) -> Policy:
        """Return the policy."""
        from pipeline.strategies.forecast_policies import aim

        return aim(shop, self)


class ViewSection(Section):
    """What somebody expects of some assets, or of some against others, from a date that is his to give."""

    long: Side
    short: Side = Field(default_factory=dict)
    annual_return: float
    confidence: Annotated[float, Field(ge=0, le=1)] | None = None
    first: Date
    last: Date | None = None

    @model_validator(mode="after")
    def _sides_and_dates_fit(self) -> ViewSection:
        if not self.long:
            raise SettingError(("long",), "a view needs an asset on its long side")
        both = [asset for asset in self.long if asset in self.short]
        if both:
            raise SettingError(("short",), f"{both[0]!r} is already in long")
        if self.last is not None and self.last < self.first:
            raise ValueError(f"last {self.last} is before first {self.first}")
        return self


class BlackLittermanStrategy(StrategySection):
    """Equilibrium, moved by stated views, and by forecasts as far as they have been right; then the run's allocator."""

    kind: Literal["black_litterman"]
    forecast: str | None = None
    views: tuple[ViewSection, ...] = ()
    market: dict[str, Annotated[float, Field(ge=0)]] | None = None
    tau: Above0 = 0.05
    prior_periods: Annotated[float, Field(ge=0)] = 36.0

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision."""
        return ALL

    @field_validator("exempt")
    @classmethod
    def _never_exempt(cls, exempt: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
        return only_exempt(exempt, ())

    @model_validator(mode="after")
    def _something_is_expected(self) -> BlackLittermanStrategy:
        if self.market is not None and not sum(self.market.values()) > 0:
            raise SettingError(("market",), "all weights are 0, expected some asset above 0")
        if self.forecast is None and not self.views:
            raise ValueError("nothing moves equilibrium: give a forecast, views, or both")
        return self

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts are used."""
        if self.forecast is not None:
            yield "forecast", self.forecast

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of the assets that are named."""
        yield "market", tuple(self.market or ())
        for k, view in enumerate(self.views):
            yield f"views.{k}.long", tuple(view.long)
            yield f"views.{k}.short", tuple(view.short)

    def make(self, shop: Workshop) -> Policy:
        """Return the policy."""
        from pipeline.strategies.forecast_policies import black_litterman

        return black_litterman(shop, self)

"""Settings of each kind of strategy, and what makes the policy of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Literal, get_args

from pydantic import Field, field_validator, model_validator

from foundation.counts import format_count
from foundation.suggestions import suggest
from pipeline.settings.limit_keys import ALL, BOUNDS, LimitKey
from pipeline.settings.section import Name, Positive, Section, SettingError
from pipeline.strategies.allocator_kinds import (
    AimStrategy,
    BlackLittermanStrategy,
    HierarchicalStrategy,
    KellyStrategy,
    MaximumDiversificationStrategy,
    MaximumSharpeStrategy,
    RiskParityStrategy,
    TailRiskStrategy,
    ViewSection,
)
from pipeline.strategies.section import StrategySection, only_exempt

# Policies are imported where they are made: to read a configuration, no solver is needed.
if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from allocation.trading.rebalancing import Rebalancing
    from pipeline.strategies.builder import Workshop

Fraction = Annotated[float, Field(ge=0, le=1)]
Assets = Annotated[tuple[str, ...], Field(min_length=1)]
Above0 = Annotated[float, Field(gt=0)]


class RebalanceSection(Section):
    """When to trade back to a target, and how far."""

    every: Positive = 1
    absolute: Fraction | None = None
    relative: Annotated[float, Field(ge=0)] | None = None
    to: Literal["target", "edge"] = "target"

    def make(self) -> Rebalancing:
        """Return the rule."""
        from allocation.trading.rebalancing import Rebalancing

        return Rebalancing(self.every, self.absolute, self.relative, self.to)


class UnsmoothSection(Section):
    """Assets whose returns are appraisals, and how to see behind them when risk is estimated."""

    assets: Assets
    method: Literal["geltner", "glm"] = "geltner"
    lags: Annotated[int, Field(ge=1, le=12)] = 2


class StatedStrategy(StrategySection):
    """Weights that are stated: whether they keep the run's limits is looked at for each decision before fitting."""

    rebalance: RebalanceSection = RebalanceSection()

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision, or is refused for before fitting."""
        if self.rebalance.to == "edge":
            return frozenset()  # trades end between the stated weights and those that are held
        return BOUNDS | {"groups", "linear", "leverage", "positions", "esg"}


class ComposedStrategy(StrategySection):
    """A portfolio whose weights follow from others, or from what is held: it keeps no limit of the run as a whole."""

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision: none."""
        return frozenset()


class StrategicStrategy(StatedStrategy):
    """Fixed weights; what they leave is cash."""

    kind: Literal["strategic"]
    weights: Annotated[dict[str, Fraction], Field(min_length=1)]
    sleeves: dict[Name, Assets] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _weights_add_up(self) -> StrategicStrategy:
        total = sum(self.weights.values())
        if total > 1 + 1e-9:
            raise SettingError(("weights",), f"they sum to {total:.6g}, expected 1 at most: the rest is cash")
        _once("sleeves", self.sleeves)
        for name, assets in self.sleeves.items():
            for asset in assets:
                if asset not in self.weights:
                    raise SettingError(
                        ("sleeves", name), f"{asset!r} has no weight{suggest(asset, list(self.weights))}"
                    )
        return self

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of the assets that are named."""
        yield "weights", tuple(self.weights)

    def make(self, shop: Workshop) -> Policy:
        """Return the policy; without sleeves each asset is one."""
        sleeves = self.sleeves or {asset: (asset,) for asset, weight in self.weights.items() if weight}
        return shop.strategic(self.weights, self.rebalance.make(), sleeves)


class ClassesStrategy(StatedStrategy):
    """Classes of assets at fixed shares, each equally weighted inside; a class without assets is cash."""

    def classes(self) -> dict[str, tuple[float, tuple[str, ...]]]:
        """Return the share and the assets of each class."""
        raise NotImplementedError

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of the assets that are named."""
        for name, (_, assets) in self.classes().items():
            yield name, assets

    def make(self, shop: Workshop) -> Policy:
        """Return the policy; each class is a sleeve."""
        return shop.classes(self.classes(), self.rebalance.make())


class SixtyFortyStrategy(ClassesStrategy):
    """Stocks and bonds; without bonds the other part is cash."""

    kind: Literal["sixty_forty"]
    stocks: Assets
    bonds: tuple[str, ...] = ()
    share: Fraction = 0.6

    @model_validator(mode="after")
    def _disjoint(self) -> SixtyFortyStrategy:
        _once("", {"stocks": self.stocks, "bonds": self.bonds})
        return self

    def classes(self) -> dict[str, tuple[float, tuple[str, ...]]]:
        """Return the share and the assets of each class."""
        return {
            "stocks": (self.share, self.stocks),
            ("bonds" if self.bonds else "cash"): (1 - self.share, self.bonds),
        }


class PermanentStrategy(ClassesStrategy):
    """Four quarters: stocks, bonds, gold, cash; traded when one leaves 15 to 35 % (Browne, 1987)."""

    kind: Literal["permanent"]
    stocks: Assets
    bonds: Assets
    gold: Assets
    cash: tuple[str, ...] = ()
    rebalance: RebalanceSection = RebalanceSection(absolute=0.10)

    @model_validator(mode="after")
    def _disjoint(self) -> PermanentStrategy:
        _once("", {"stocks": self.stocks, "bonds": self.bonds, "gold": self.gold, "cash": self.cash})
        return self

    def classes(self) -> dict[str, tuple[float, tuple[str, ...]]]:
        """Return the share and the assets of each class."""
        named = {"stocks": self.stocks, "bonds": self.bonds, "gold": self.gold, "cash": self.cash}
        return {name: (0.25, assets) for name, assets in named.items()}


class AllWeatherStrategy(ComposedStrategy):
    """Equal risk in four environments; an asset may do well in several."""

    kind: Literal["all_weather"]
    rising_growth: Assets
    falling_growth: Assets
    rising_inflation: Assets
    falling_inflation: Assets
    unsmooth: UnsmoothSection | None = None

    def environments(self) -> dict[str, tuple[str, ...]]:
        """Return the assets of each environment."""
        names = ("rising_growth", "falling_growth", "rising_inflation", "falling_inflation")
        return {name: getattr(self, name) for name in names}

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of the assets that are named."""
        yield from self.environments().items()
        yield from _smooth(self.unsmooth)

    def make(self, shop: Workshop) -> Policy:
        """Return the policy; each environment is a sleeve."""
        return shop.environments(self.environments(), self.unsmooth)


class ClassSection(Section):
    """A class of an endowment; one with a maximum trade is illiquid."""

    target: Fraction
    assets: Assets
    maximum_trade: Annotated[float, Field(gt=0, le=1)] | None = None


class EndowmentStrategy(ComposedStrategy):
    """Policy targets by class, of which illiquid ones trade only slowly."""

    kind: Literal["endowment"]
    classes: Annotated[dict[Name, ClassSection], Field(min_length=1)]
    rebalance: RebalanceSection = RebalanceSection()

    @model_validator(mode="after")
    def _targets_add_up(self) -> EndowmentStrategy:
        total = sum(c.target for c in self.classes.values())
        if total > 1 + 1e-9:
            raise SettingError(
                ("classes",), f"targets sum to {total:.6g}, expected 1 at most: the rest is cash"
            )
        _once("classes", {name: c.assets for name, c in self.classes.items()})
        return self

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of the assets that are named."""
        for name, section in self.classes.items():
            yield f"classes.{name}.assets", section.assets

    def make(self, shop: Workshop) -> Policy:
        """Return the policy; each class is a sleeve."""
        return shop.endowment(self.classes, self.rebalance.make())


class MeanVarianceStrategy(StrategySection):
    """The run's allocator and limits on a model's forecasts, with another aversion to risk."""

    kind: Literal["mean_variance"]
    forecast: str
    risk_aversion: Above0 | None = None

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision."""
        return ALL

    @field_validator("exempt")
    @classmethod
    def _never_exempt(cls, exempt: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
        return only_exempt(exempt, ())

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts are used."""
        yield "forecast", self.forecast

    def make(self, shop: Workshop) -> Policy:
        """Return the policy."""
        return shop.mean_variance(self.forecast, self.risk_aversion)


class TacticalStrategy(StrategySection):
    """Deviations from a strategic portfolio by a forecast, within bands around it."""

    kind: Literal["tactical"]
    strategic: str
    forecast: str
    deviation: Fraction = 0.05
    relative: Annotated[float, Field(ge=0)] | None = None
    cash: Fraction = 0.0
    turnover: Annotated[float, Field(ge=0)] | None = None
    annual_tracking_error: Above0 | None = None
    risk_aversion: Above0 | None = None

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the strategy keeps at every decision.

        Its tracking error is measured against its strategic portfolio, not against the run's benchmark.
        """
        return ALL - {"annual_tracking_error"}

    @field_validator("exempt")
    @classmethod
    def _scores_hold(cls, exempt: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
        return only_exempt(exempt, tuple(ALL - {"esg", "esg.tilt", "positions"}))

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each other portfolio that this one is made of."""
        yield "strategic", self.strategic

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts are used."""
        yield "forecast", self.forecast

    def make(self, shop: Workshop) -> Policy:
        """Return the policy; the strategic weights and the deviations are sleeves."""
        return shop.tactical(self)


class CoreSatelliteStrategy(ComposedStrategy):
    """A core and a satellite, each with its share of wealth."""

    kind: Literal["core_satellite"]
    core: str
    satellite: str
    share: Fraction = 0.7
    rebalance: RebalanceSection = RebalanceSection()

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each other portfolio that this one is made of."""
        yield "core", self.core
        yield "satellite", self.satellite

    def make(self, shop: Workshop) -> Policy:
        """Return the policy; core and satellite are sleeves."""
        parts = {"core": (self.share, self.core), "satellite": (1 - self.share, self.satellite)}
        return shop.blend(parts, self.rebalance.make())


class RegimeStrategy(ComposedStrategy):
    """A portfolio for each regime: the one of the likeliest regime, or all by their probabilities."""

    kind: Literal["regime"]
    portfolios: Assets
    how: Literal["switch", "mix"] = "switch"
    rebalance: RebalanceSection = RebalanceSection()

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each other portfolio that this one is made of."""
        for state, name in enumerate(self.portfolios):
            yield f"portfolios.{state}", name

    def make(self, shop: Workshop) -> Policy:
        """Return the policy; the portfolios are sleeves."""
        return shop.by_regime(self.portfolios, self.how, self.rebalance.make())


class VolatilityTargetStrategy(ComposedStrategy):
    """Another portfolio at the exposure at which its expected volatility meets a target."""

    kind: Literal["volatility_target"]
    base: str
    volatility: Above0
    maximum_leverage: Above0 = 1.0
    minimum_change: Annotated[float, Field(ge=0)] = 0.0
    unsmooth: UnsmoothSection | None = None

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each other portfolio that this one is made of."""
        yield "base", self.base

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of the assets that are named."""
        yield from _smooth(self.unsmooth)

    def make(self, shop: Workshop) -> Policy:
        """Return the policy; the base and what the overlay adds are sleeves."""
        return shop.volatility_target(self)


class DrawdownControlStrategy(ComposedStrategy):
    """Another portfolio at an exposure that falls with its own drawdown."""

    kind: Literal["drawdown_control"]
    base: str
    floor: Annotated[float, Field(ge=0, lt=1)]
    of: Literal["peak", "start"] = "peak"
    multiplier: Above0 = 4.0
    minimum: Annotated[float, Field(ge=0)] = 0.0
    maximum: Above0 = 1.0
    minimum_change: Annotated[float, Field(ge=0)] = 0.0

    @model_validator(mode="after")
    def _minimum_first(self) -> DrawdownControlStrategy:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum:g} is more than maximum {self.maximum:g}")
        return self

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each other portfolio that this one is made of."""
        yield "base", self.base

    def make(self, shop: Workshop) -> Policy:
        """Return the policy; the base and what the overlay adds are sleeves."""
        from allocation.policies.overlays import DrawdownControl, Overlay

        exposure = DrawdownControl(
            self.floor, self.of, multiplier=self.multiplier, minimum=self.minimum, maximum=self.maximum
        )
        return Overlay(shop.policy(self.base), exposure, self.minimum_change)


Strategy = Annotated[
    StrategicStrategy
    | SixtyFortyStrategy
    | PermanentStrategy
    | AllWeatherStrategy
    | EndowmentStrategy
    | MeanVarianceStrategy
    | RiskParityStrategy
    | HierarchicalStrategy
    | MaximumDiversificationStrategy
    | MaximumSharpeStrategy
    | TailRiskStrategy
    | KellyStrategy
    | BlackLittermanStrategy
    | AimStrategy
    | TacticalStrategy
    | CoreSatelliteStrategy
    | RegimeStrategy
    | VolatilityTargetStrategy
    | DrawdownControlStrategy,
    Field(discriminator="kind"),
]
KINDS: dict[str, type[Section]] = {
    get_args(section.model_fields["kind"].annotation)[0]: section
    for section in get_args(get_args(Strategy)[0])
}
"""Sections by kind."""
INSIDE: dict[str, type[Section]] = {
    "rebalance": RebalanceSection,
    "unsmooth": UnsmoothSection,
    "classes": ClassSection,
    "views": ViewSection,
}
"""Sections inside a strategy, by the key that they, or the names above them, stand under."""


def _once(where: str, groups: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse an asset that belongs to two groups, or to one twice."""
    seen: dict[str, str] = {}
    for name, assets in groups.items():
        for asset in assets:
            if asset in seen:
                prefix = f"{where}." if where else ""
                key = (where, name) if where else (name,)
                raise SettingError(key, f"{asset!r} is already in {prefix}{seen[asset]}")
            seen[asset] = name


def _smooth(section: UnsmoothSection | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    if section is not None:
        yield "unsmooth.assets", section.assets


def mistake(
    strategies: Mapping[str, StrategySection],
    baselines: tuple[str, ...],
    models: tuple[str, ...],
    n_states: int,
) -> str:
    """Return the first name among the strategies that names nothing, or themselves in a circle; "" if none does."""
    known = [*strategies, *baselines, *(f"model:{name}" for name in models)]
    for name, section in strategies.items():
        where = f"strategies.{name}"
        if name in baselines:
            return f"{where}: this is the name of a baseline; choose another"
        for key, used in section.uses():
            if used not in known:
                return (
                    f"{where}.{key}: {used!r} is no strategy, baseline or model:<name>{suggest(used, known)}"
                )
        for key, model in section.models():
            if model not in models:
                return f"{where}.{key}: {model!r} is not among the models{suggest(model, models)}"
        if isinstance(section, RegimeStrategy) and len(section.portfolios) != n_states:
            return (
                f"{where}.portfolios: {format_count(len(section.portfolios), 'portfolio')} for {n_states} regimes "
                "(regimes.states), expected one for each"
            )
    return _circle(strategies)


def _circle(strategies: Mapping[str, StrategySection]) -> str:
    """Return what says that a strategy is made of itself, "" if none is."""

    def walk(name: str, above: tuple[str, ...]) -> str:
        if name in above:
            circle = " > ".join([*above[above.index(name) :], name])
            return f"strategies.{name}: it is made of itself ({circle})"
        if name not in strategies:
            return ""
        return next(
            (found for _, used in strategies[name].uses() if (found := walk(used, (*above, name)))), ""
        )

    return next((found for name in strategies if (found := walk(name, ()))), "")

"""Settings common to all strategies, and parts shared by several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.settings.limit_keys import BOUNDS, LimitKey
from pipeline.settings.section import Positive, Section, SettingError

# Policies are imported where they are created: reading a configuration needs no solver.
if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from allocation.trading.rebalancing import Rebalancing
    from pipeline.strategies.builder import StrategyBuilder
    from pipeline.strategies.preflight import StrategyPreflight

Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegativeFloat = Annotated[float, Field(ge=0)]
Assets = Annotated[tuple[str, ...], Field(min_length=1)]


@dataclass(frozen=True)
class RunFacts:
    """Settings of a run that the settings of a strategy may contradict.

    Attributes
    ----------
    n_states : int
        Number of regimes.
    has_costs : bool
        Whether trades cost anything.
    limits : tuple of str
        Limits that the section `allocation` sets.
    on_infeasible : str
        Action if limits cannot be met.
    strategies : mapping of str to StrategySettings
    """

    n_states: int
    has_costs: bool
    limits: tuple[LimitKey, ...]
    on_infeasible: str
    strategies: Mapping[str, StrategySettings]


class StrategySettings(Section):
    """Settings of one strategy. Each kind is a subclass with `kind: Literal["<name>"]`.

    `exempt` names limits of the section `allocation` that do not apply to the strategy. The strategy must keep every
    other limit that the run sets.
    """

    kind: str
    exempt: tuple[LimitKey, ...] = ()

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that this kind keeps at every decision."""
        raise NotImplementedError

    def kept_limits(self) -> frozenset[LimitKey]:
        """Return the limits that the kind keeps and that the strategy is not exempt from."""
        return self.keeps() - set(self.exempt)

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each portfolio that the strategy uses."""
        yield from ()

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts the strategy uses."""
        yield from ()

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of assets in the settings."""
        yield from ()

    def find_conflict(self, run: RunFacts) -> str:
        """Return the conflict of these settings with others of the run, prefixed by their key; "" if there is none."""
        return ""

    def check(self, name: str, preflight: StrategyPreflight) -> None:
        """Refuse settings that are known to fail before any fit.

        Raises
        ------
        RunError
            Names the strategy, the date and the limit.
        """

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy."""
        raise NotImplementedError


class RebalanceSection(Section):
    """When to trade back to a target, and how far."""

    every: Positive = 1
    absolute: Fraction | None = None
    relative: NonNegativeFloat | None = None
    to: Literal["target", "edge"] = "target"

    def build(self) -> Rebalancing:
        """Return the rebalancing rule."""
        from allocation.trading.rebalancing import Rebalancing

        return Rebalancing(self.every, self.absolute, self.relative, self.to)


class UnsmoothSection(Section):
    """Assets whose returns are appraisals, and the correction of their smoothing in risk estimates."""

    assets: Assets
    method: Literal["geltner", "glm"] = "geltner"
    lags: Annotated[int, Field(ge=1, le=12)] = 2


class StatedStrategy(StrategySettings):
    """Stated weights. Before any fit, each decision is checked against the limits of the run."""

    rebalance: RebalanceSection = RebalanceSection()

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that the stated weights are checked against."""
        if self.rebalance.to == "edge":
            return frozenset()  # partial trades end between the stated weights and the held ones
        return BOUNDS | {"groups", "linear", "leverage", "positions", "esg"}

    def check(self, name: str, preflight: StrategyPreflight) -> None:
        """Refuse stated weights that break a limit of the run at some decision."""
        preflight.check_stated(name, self.kept_limits(), self.exempt)


class ComposedStrategy(StrategySettings):
    """Weights derived from other portfolios or from the holdings; no limit of the run applies to the whole."""

    def keeps(self) -> frozenset[LimitKey]:
        """Return no limit."""
        return frozenset()


def check_exempt(exempt: tuple[LimitKey, ...], allowed: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
    """Return the exemptions of a kind that keeps all limits except the allowed ones; refuse others."""
    refused = [key for key in exempt if key not in allowed]
    if refused:
        raise ValueError(f"this kind keeps {', '.join(refused)} and cannot be exempt from it")
    return exempt


def refuse_repeats(where: str, groups: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse an asset that is in two groups, or in one group twice."""
    seen: dict[str, str] = {}
    for name, assets in groups.items():
        for asset in assets:
            if asset in seen:
                prefix = f"{where}." if where else ""
                key = (where, name) if where else (name,)
                raise SettingError(key, f"{asset!r} is already in {prefix}{seen[asset]}")
            seen[asset] = name


def name_unsmoothed(section: UnsmoothSection | None) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield key and names of the assets of a section on smoothed returns."""
    if section is not None:
        yield "unsmooth.assets", section.assets

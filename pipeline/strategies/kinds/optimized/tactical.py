"""Tactical deviations from a strategic portfolio."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import field_validator

from pipeline.settings.limit_keys import ALL, LimitKey, limits_set
from pipeline.strategies.settings import (
    Fraction,
    NonNegativeFloat,
    PositiveFloat,
    RunFacts,
    StatedStrategy,
    StrategySettings,
    check_exempt,
)

if TYPE_CHECKING:
    from allocation.policies.deviation import Deviation
    from allocation.policies.policy import Policy
    from allocation.problem.constraints import Constraints
    from pipeline.strategies.builder import StrategyBuilder
    from pipeline.strategies.preflight import StrategyPreflight

STATED_BASELINES = ("equal_weight", "buy_and_hold")
"""Baselines with weights that are known before any fit. The run's allocator computes the others."""
NO_CONFLICT: frozenset[LimitKey] = frozenset(
    {"turnover", "annual_volatility", "annual_tracking_error", "esg.tilt"}
)
"""Limits that the strategic weights alone cannot break before risk is estimated."""


class TacticalStrategy(StrategySettings):
    """Deviations from a strategic portfolio by a forecast, within bands around it."""

    kind: Literal["tactical"]
    strategic: str
    forecast: str
    deviation: Fraction = 0.05
    relative: NonNegativeFloat | None = None
    cash: Fraction = 0.0
    turnover: NonNegativeFloat | None = None
    annual_tracking_error: PositiveFloat | None = None
    risk_aversion: PositiveFloat | None = None

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that this kind keeps at every decision.

        Its tracking error is measured against its strategic portfolio, not against the run's benchmark.
        """
        return ALL - {"annual_tracking_error"}

    @field_validator("exempt")
    @classmethod
    def _scores_hold(cls, exempt: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
        return check_exempt(exempt, tuple(ALL - {"esg", "esg.tilt", "positions"}))

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each portfolio that the strategy uses."""
        yield "strategic", self.strategic

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts the strategy uses."""
        yield "forecast", self.forecast

    def find_conflict(self, run: RunFacts) -> str:
        """Return a message if limits around the strategic portfolio cannot be checked before fitting; "" otherwise."""
        anchor = run.strategies.get(self.strategic)
        stated = isinstance(anchor, StatedStrategy) or self.strategic in STATED_BASELINES
        if stated or run.on_infeasible == "hold":
            return ""
        kept = ALL if anchor is None else anchor.kept_limits()
        wanted = [key for key in run.limits if key not in NO_CONFLICT and key not in self.exempt]
        open_keys = [key for key in wanted if key not in kept]
        if not open_keys:
            return ""
        return (
            f".strategic: whether {', '.join(f'allocation.{key}' for key in open_keys)} can be met around "
            f"{self.strategic!r} is known only after fitting; choose a strategic portfolio of stated weights, or one "
            f"that keeps the limit, set allocation.on_infeasible: hold, or write exempt: [{', '.join(open_keys)}]"
        )

    def check(self, name: str, preflight: StrategyPreflight) -> None:
        """Refuse bands around stated weights within which the limits of the run cannot be met."""
        builder = preflight.builder
        anchor = builder.strategies.get(self.strategic)
        if isinstance(anchor, StatedStrategy) or self.strategic in builder.policies:
            preflight.check_bands(name, builder.policy(self.strategic), *self.bands(builder))

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy. The strategic weights and the deviations are sleeves."""
        from allocation.policies.tactical import Tactical

        allocators, (deviation, limits) = builder.allocators, self.bands(builder)
        policy = Tactical(
            builder.policy(self.strategic),
            deviation,
            limits,
            lambda around: allocators.build(around, self.risk_aversion),
            builder.forecast_policy(self.forecast, allocators.build(limits)),
        )
        return allocators.hold_if_infeasible(policy)

    def bands(self, builder: StrategyBuilder) -> tuple[Deviation, Constraints]:
        """Return the bands around the strategic weights, and the limits that do not depend on these weights."""
        from allocation.policies.deviation import Deviation

        run, settings = builder.limits(self.kept_limits()), builder.settings.allocation
        given = {key for key in limits_set(settings) if key not in self.exempt}
        annual = self.annual_tracking_error
        low, high = run.bounds(builder.panel.assets)
        own = np.array([asset in run.overrides for asset in builder.panel.assets])
        deviation = Deviation(
            self.deviation,
            self.relative,
            self.cash,
            None if annual is None else annual * math.sqrt(builder.allocators.years),
            low=np.where(own | ("minimum" in given), low, -np.inf),
            high=np.where(own | ("maximum" in given), high, np.inf),
            gives_way=frozenset(settings.relax if settings.on_infeasible == "relax" else ()),
            cash_range=(run.cash_minimum, run.cash_maximum) if "cash" in given else None,
        )
        return deviation, self._other_limits(run)

    def _other_limits(self, run: Constraints) -> Constraints:
        """Return the limits that do not depend on the strategic weights."""
        from allocation.problem.constraints import Constraints

        turnover = [limit for limit in (self.turnover, run.turnover) if limit is not None]
        return Constraints(
            groups=run.groups,
            linear=run.linear,
            turnover=min(turnover, default=None),
            leverage=run.leverage,
            volatility=run.volatility,
        )

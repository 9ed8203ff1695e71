"""Mean-variance: the run's allocator on a model's forecasts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from pydantic import field_validator

from pipeline.settings.limit_keys import ALL, LimitKey
from pipeline.strategies.settings import PositiveFloat, StrategySettings, check_exempt

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import StrategyBuilder


class MeanVarianceStrategy(StrategySettings):
    """The run's allocator and limits on a model's forecasts, with another risk aversion."""

    kind: Literal["mean_variance"]
    forecast: str
    risk_aversion: PositiveFloat | None = None

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that this kind keeps at every decision."""
        return ALL

    @field_validator("exempt")
    @classmethod
    def _never_exempt(cls, exempt: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
        return check_exempt(exempt, ())

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts the strategy uses."""
        yield "forecast", self.forecast

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy."""
        return builder.active_policy(self.forecast, self.risk_aversion)

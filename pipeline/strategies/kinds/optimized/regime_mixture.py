"""Mean and covariance of the mixture of regimes, without a model's forecast."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator

from pipeline.errors import RunError
from pipeline.settings.limit_keys import ALL, LimitKey
from pipeline.settings.section import MOST
from pipeline.strategies.settings import PositiveFloat, StrategySettings, check_exempt

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import StrategyBuilder

_OWN_RISK: tuple[LimitKey, ...] = ("annual_volatility", "annual_tracking_error")
"""Limits that the run measures by its own covariances, which this kind replaces."""


class RegimeMixtureStrategy(StrategySettings):
    """The run's allocator and limits on mean and covariance of the mixture over regimes.

    `follow` weights the regimes by the forecast one horizon ahead, or as they are now.
    """

    kind: Literal["regime_mixture"]
    follow: Literal["forecast", "current"] = "forecast"
    prior_rows: Annotated[float, Field(ge=0, le=MOST)] | None = None
    risk_aversion: PositiveFloat | None = None

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that this kind keeps at every decision."""
        return ALL - set(_OWN_RISK)

    @field_validator("exempt")
    @classmethod
    def _rarely_exempt(cls, exempt: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
        return check_exempt(exempt, _OWN_RISK)

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy."""
        from allocation.covariance.regime_mixture import RegimeMixture, mixture_path
        from allocation.policies.policy import AllocatorPolicy

        if builder.regimes is None:
            raise RunError("a strategy of kind regime_mixture needs regimes, which are not known yet")
        path, allocation = builder.regimes, builder.settings.allocation
        ahead = path.forecast.probabilities if self.follow == "forecast" else None
        mean, covariances = mixture_path(
            builder.excess_returns,
            builder.covariances,
            RegimeMixture(path.probabilities, ahead, self.prior_rows),
            window=allocation.covariance_window,
            horizon=builder.settings.horizon,
        )
        allocators = builder.allocators
        allocator = allocators.build(builder.limits(self.kept_limits()), self.risk_aversion)
        policy = AllocatorPolicy(allocator, covariances, covariances.positions, mean)
        return allocators.hold_if_infeasible(policy)

"""Partial trades toward an aim portfolio (Garleanu and Pedersen, 2013)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import Field, field_validator

from foundation.types import Floats
from pipeline.settings.limit_keys import ALL, LimitKey
from pipeline.strategies.settings import RunFacts, StrategySettings, check_exempt

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from allocation.trading.signals import Signals
    from pipeline.strategies.builder import StrategyBuilder


class AimStrategy(StrategySettings):
    """Partial trades toward an aim portfolio at each decision, for decaying forecasts (Garleanu and Pedersen, 2013)."""

    kind: Literal["aim"]
    forecast: str
    typical_trade: Annotated[float, Field(gt=0, le=1)] = 0.05
    decay: Annotated[float, Field(ge=0, le=1)] | None = None
    discount: Annotated[float, Field(ge=0, lt=1)] = 0.0

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that this kind keeps at every decision."""
        return ALL - {"esg.tilt"}

    @field_validator("exempt")
    @classmethod
    def _exempt_from_the_tilt_alone(cls, exempt: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
        return check_exempt(exempt, ("esg.tilt",))

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts the strategy uses."""
        yield "forecast", self.forecast

    def find_conflict(self, run: RunFacts) -> str:
        """Return a message if trades cost nothing; "" otherwise."""
        if run.has_costs:
            return ""
        return ": an aim is for trades that cost something; cost_rate and impact_rate are 0"

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return an allocator that trades partially toward the optimum of the decaying forecasts.

        The cost is that of the run for a typical trade of an asset with average variance at the first decision, which
        is known at every decision. Impact is already quadratic.
        """
        from allocation.trading.garleanu_pedersen import AimPortfolio
        from allocation.trading.trading_speed import Preferences, matching_cost

        settings, covariances = builder.settings, builder.covariances
        sigma, eligible = covariances.at(int(covariances.positions[0]))
        variance = float(sigma.diagonal()[eligible].mean())
        # Mean and covariance cover one holding period, which may hold several decisions or a part of one.
        year = builder.panel.periods_per_year
        decisions = settings.horizon / settings.allocation.rows_between_decisions(year)
        cost = decisions * matching_cost(settings.cost_rate, variance, self.typical_trade)
        # Scores do not tilt it: the inner allocator receives no returns.
        inner = builder.allocators.build(builder.allocators.constraints, cost=0.0, tilt=False)
        allocator = AimPortfolio(
            inner,
            Preferences(settings.allocation.risk_aversion, self.discount),
            cost=cost,
            impact=decisions * settings.impact_rate,
            signals=self._signals(builder),
        )
        return builder.allocators.hold_if_infeasible(builder.forecast_policy(self.forecast, allocator))

    def _signals(self, builder: StrategyBuilder) -> Signals:
        """Return the two parts of the forecasts: their mean over assets, which does not decay, and the rest."""
        from allocation.trading.signals import Signals, estimate_decay

        forecast = builder.forecasts[self.forecast]
        at = np.isin(forecast.positions, builder.covariances.positions)
        level = _mean_over_assets(forecast.mean[at])
        rest = forecast.mean[at] - level
        decay = estimate_decay(rest) if self.decay is None else np.full(len(rest), self.decay)
        return Signals(
            forecast.positions[at],
            np.stack([level, rest], axis=1),
            np.stack([np.zeros(len(rest)), decay], axis=1),
        )


def _mean_over_assets(mean: Floats) -> Floats:
    """Return the mean of each row's forecasts, for all assets, shape (D, N); NaN in rows without forecasts."""
    known = np.isfinite(mean)
    count = known.sum(axis=1)
    total = np.where(known, mean, 0.0).sum(axis=1)
    level = np.divide(total, count, out=np.full(len(mean), np.nan), where=count > 0)
    return np.broadcast_to(level[:, None], mean.shape)

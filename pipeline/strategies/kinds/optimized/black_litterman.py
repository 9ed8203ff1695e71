"""Black-Litterman: equilibrium returns, adjusted by views and forecasts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, Field, field_validator, model_validator

from foundation.types import Floats
from pipeline.settings.limit_keys import ALL, LimitKey
from pipeline.settings.section import Date, Section, SettingError
from pipeline.strategies.settings import NonNegativeFloat, PositiveFloat, StrategySettings, check_exempt

if TYPE_CHECKING:
    from allocation.policies.policy import Policy
    from allocation.views.forecast_views import ForecastViews
    from allocation.views.view import View
    from pipeline.strategies.builder import StrategyBuilder
    from pipeline.strategies.preflight import StrategyPreflight


def _equal_shares(given: Any) -> Any:
    """Return equal shares for assets that are named without shares, one or a list."""
    names = [given] if isinstance(given, str) else given
    return dict.fromkeys(names, 1.0) if isinstance(names, list | tuple) else given


Side = Annotated[dict[str, PositiveFloat], BeforeValidator(_equal_shares)]
"""Assets of one side of a view, with shares that are scaled to sum to 1."""


class ViewSection(Section):
    """Expected return of some assets, absolute or relative to others, from a date that the user states."""

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

    def build(self, builder: StrategyBuilder) -> View:
        """Return the view, valid from the first close of its dates to the last."""
        import pandas as pd

        from allocation.views.view import View

        dates = builder.panel.dates
        last = None if self.last is None else int(dates.searchsorted(pd.Timestamp(self.last), "right")) - 1
        return View(
            self.long,
            self.annual_return * builder.allocators.years,
            self.short,
            self.confidence,
            first=int(dates.searchsorted(pd.Timestamp(self.first), side="left")),
            last=last,
        )


class BlackLittermanStrategy(StrategySettings):
    """Equilibrium, adjusted by stated views, and by forecasts according to their accuracy; then the run's allocator."""

    kind: Literal["black_litterman"]
    forecast: str | None = None
    views: tuple[ViewSection, ...] = ()
    market: dict[str, NonNegativeFloat] | None = None
    tau: PositiveFloat = 0.05
    prior_periods: NonNegativeFloat = 36.0

    def keeps(self) -> frozenset[LimitKey]:
        """Return the limits of the run that this kind keeps at every decision."""
        return ALL

    @field_validator("exempt")
    @classmethod
    def _never_exempt(cls, exempt: tuple[LimitKey, ...]) -> tuple[LimitKey, ...]:
        return check_exempt(exempt, ())

    @model_validator(mode="after")
    def _something_is_expected(self) -> BlackLittermanStrategy:
        if self.market is not None and not sum(self.market.values()) > 0:
            raise SettingError(("market",), "all weights are 0, expected some asset above 0")
        if self.forecast is None and not self.views:
            raise ValueError("nothing moves equilibrium: give a forecast, views, or both")
        return self

    def models(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each model whose forecasts the strategy uses."""
        if self.forecast is not None:
            yield "forecast", self.forecast

    def assets_named(self) -> Iterator[tuple[str, tuple[str, ...]]]:
        """Yield key and names of assets in the settings."""
        yield "market", tuple(self.market or ())
        for k, view in enumerate(self.views):
            yield f"views.{k}.long", tuple(view.long)
            yield f"views.{k}.short", tuple(view.short)

    def check(self, name: str, preflight: StrategyPreflight) -> None:
        """Refuse market weights if none of their assets can be held at some decision."""
        if self.market is not None:
            weighted = [asset for asset, weight in self.market.items() if weight]
            preflight.check_market(name, weighted)

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the run's allocator on equilibrium, stated views, and forecasts as views."""
        from allocation.policies.policy import AllocatorPolicy
        from allocation.views.black_litterman import BlackLitterman

        named, assets, allocators = self.market, builder.panel.assets, builder.allocators
        market = None if named is None else np.array([named.get(asset, 0.0) for asset in assets])
        policy = BlackLitterman(
            allocators.build(allocators.constraints),
            risk_aversion=builder.settings.allocation.risk_aversion,
            market=market,
            views=[view.build(builder) for view in self.views],
            forecasts=self._forecast_views(builder, market),
            tau=self.tau,
            covariance="prior",
        )
        return allocators.hold_if_infeasible(AllocatorPolicy(policy, builder.covariances))

    def _forecast_views(self, builder: StrategyBuilder, market: Floats | None) -> ForecastViews | None:
        """Return a model's forecasts as views, with the uncertainty of their past errors."""
        from allocation.views.black_litterman import equilibrium_path
        from allocation.views.forecast_views import forecast_views

        if self.forecast is None:
            return None
        forecast, labels, covariances = builder.forecasts[self.forecast], builder.labels, builder.covariances
        # Equilibrium needs a covariance: forecasts before the first decision cannot be evaluated against it.
        prior = np.full(forecast.mean.shape, np.nan)
        _, in_forecast, in_path = np.intersect1d(
            forecast.positions, covariances.positions, return_indices=True
        )
        risk_aversion = builder.settings.allocation.risk_aversion
        prior[in_forecast] = equilibrium_path(covariances, market, risk_aversion)[in_path]
        return forecast_views(
            forecast.positions,
            forecast.mean,
            labels.value[forecast.positions],
            prior,
            labels.end[forecast.positions],
            prior_dates=self.prior_periods,
            relative=builder.settings.relative,
        )

"""StrategyBuilder: builds the policies of strategies by name, from the data and fits of a run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from allocation.allocator import Allocator
from allocation.covariance.path import CovariancePath
from allocation.covariance.unsmoothing import UnsmoothedRisk
from allocation.covariance_types import Risk
from allocation.policies.policy import AllocatorPolicy, Policy
from allocation.problem.constraints import Constraints
from foundation.types import Bools, Floats, Ints
from market.panel import Panel
from models.forecast import Forecast
from models.regimes.path import RegimePath
from pipeline.errors import RunError
from pipeline.settings.limit_keys import LimitKey, select_limits
from pipeline.settings.trading import TradingSettings
from pipeline.strategies.allocators import RunAllocators
from pipeline.strategies.forecast_policies import ForecastPolicies
from validation.folds.labels import Labels

RiskAt = Callable[[int], tuple[Risk, Bools]]
"""Covariance and eligible assets at a row."""


class _Buildable(Protocol):
    """Settings that can build a policy."""

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy."""


class _Unsmoothed(Protocol):
    """Assets whose returns are smoothed appraisals, and the correction."""

    @property
    def assets(self) -> tuple[str, ...]:
        """Assets with smoothed returns."""

    @property
    def method(self) -> Literal["geltner", "glm"]:
        """Method of the correction."""

    @property
    def lags(self) -> int:
        """Lags of the correction."""


@dataclass(eq=False)
class StrategyBuilder:
    """Builds strategies by name. Each may use other strategies, baselines, and models' portfolios.

    Attributes
    ----------
    panel : Panel
    decisions : ndarray of int
        Rows of decisions.
    labels : Labels
        Outcomes with which forecasts are compared.
    forecasts : mapping of str to Forecast
        By model.
    covariances : CovariancePath
    regimes : RegimePath or None
        None before regimes are fitted.
    settings : TradingSettings
    strategies : mapping of str to _Buildable
        Settings of the strategies by name.
    policies : mapping of str to Policy
        Baselines, and "model:<name>".
    on_forecast : ForecastPolicies or None
        Makes the policies on forecasts; None before models are fitted.
    """

    panel: Panel
    decisions: Ints
    labels: Labels
    forecasts: Mapping[str, Forecast]
    covariances: CovariancePath
    regimes: RegimePath | None
    settings: TradingSettings
    strategies: Mapping[str, _Buildable]
    policies: Mapping[str, Policy]
    on_forecast: ForecastPolicies | None = None
    _built: dict[str, Policy] = field(default_factory=dict)

    @cached_property
    def allocators(self) -> RunAllocators:
        """The allocators of the run."""
        return RunAllocators(self.panel, self.settings)

    def build_all(self) -> dict[str, Policy]:
        """Return all strategies, as "strategy:<name>"."""
        return {f"strategy:{name}": self.policy(name) for name in self.strategies}

    def policy(self, name: str) -> Policy:
        """Return a strategy, a baseline or a model's portfolio."""
        if name not in self.strategies:
            return self.policies[name]
        if name not in self._built:
            self._built[name] = self.strategies[name].build(self)
        return self._built[name]

    def mask(self, assets: tuple[str, ...]) -> Bools:
        """Return a mask of the named assets, shape (N,)."""
        return np.array([asset in assets for asset in self.panel.assets])

    @property
    def excess_returns(self) -> Floats:
        """Returns in excess of cash, shape (T, N)."""
        return np.asarray(self.panel.returns - self.panel.cash[:, None])

    def limits(self, kept: frozenset[LimitKey]) -> Constraints:
        """Return the kept limits of the run, over one holding period."""
        return select_limits(self.settings.allocation, kept).constraints(self.allocators.years)

    def scenario_allocator(self, make: Callable[..., Allocator], limits: Constraints) -> Allocator:
        """Return an allocator that uses the returns of the covariance window as scenarios."""
        allocation = self.settings.allocation
        return make(
            self.panel.assets,
            self.excess_returns,
            limits,
            window=allocation.covariance_window,
            at_least=allocation.min_history,
        )

    def forecast_policy(self, model: str, allocator: Allocator) -> AllocatorPolicy:
        """Return an allocator on a model's forecasts."""
        forecast = self.forecasts[model]
        return AllocatorPolicy(allocator, self.covariances, forecast.positions, forecast.mean)

    def active_policy(self, model: str, risk_aversion: float | None) -> Policy:
        """Return the run's allocator on a model's forecasts, as the model's own portfolio uses it."""
        if self.on_forecast is None:
            raise RunError("policies on forecasts need forecasts, which are not known yet")
        forecast = self.forecasts[model]
        return self.on_forecast.make(forecast.positions, forecast.mean, risk_aversion)

    def risk(self, unsmooth: _Unsmoothed | None) -> RiskAt:
        """Return the covariances of the run, or re-estimated ones with some returns unsmoothed."""
        if unsmooth is None:
            return self.covariances.at
        allocation = self.settings.allocation
        return UnsmoothedRisk(
            self.excess_returns,
            self.mask(unsmooth.assets),
            unsmooth.method,
            unsmooth.lags,
            window=allocation.covariance_window,
            min_history=allocation.min_history,
            horizon=self.settings.horizon,
            closed=self.panel.closed,
            member=self.panel.member,
        ).at

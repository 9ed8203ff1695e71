"""Workshop: makes the policies of the strategies that a configuration names."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

import numpy as np

from allocation.allocator import Allocator
from allocation.cardinality.allocator import Cardinality
from allocation.covariance.path import CovariancePath
from allocation.covariance.unsmoothing import UnsmoothedRisk
from allocation.covariance_types import Risk
from allocation.esg.allocator import EsgAllocator
from allocation.mean_variance.allocator import MeanVariance
from allocation.mean_variance.relaxed_allocator import RelaxedAllocator
from allocation.policies.blend import Blend, Shares
from allocation.policies.endowment import AssetClass, Endowment
from allocation.policies.environments import RiskByEnvironment
from allocation.policies.overlays import Overlay, VolatilityTarget
from allocation.policies.policy import AllocatorPolicy, HoldIfInfeasible, Policy
from allocation.policies.strategic import Strategic
from allocation.policies.tactical import Deviation, Tactical
from allocation.problem.constraints import Constraints
from allocation.risk_based.risk_budgeting import RiskBudgeting
from allocation.trading.rebalancing import Rebalancing
from foundation.suggestions import suggest
from foundation.types import Bools, Floats
from market.panel import Panel
from models.forecast import Forecast
from models.regimes.path import RegimePath
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.settings.limit_keys import limits_set, select_limits
from pipeline.stages.schedule import Schedule
from pipeline.strategies.allocator_kinds import AllocatorStrategy
from pipeline.strategies.kinds import (
    ClassSection,
    TacticalStrategy,
    UnsmoothSection,
    VolatilityTargetStrategy,
)
from pipeline.strategies.section import StrategySection

At = Callable[[int], tuple[Risk, Bools]]
Make = Callable[[Constraints], Allocator]


@dataclass(frozen=True)
class Allocators:
    """Mean-variance allocators as the configuration wants them, and what they do where limits cannot be met.

    Attributes
    ----------
    panel : Panel
    config : RunConfig
    """

    panel: Panel
    config: RunConfig

    @property
    def constraints(self) -> Constraints:
        """The run's limits, over one holding period."""
        return self.config.allocation.constraints(self.years)

    @property
    def years(self) -> float:
        """Length of one holding period."""
        return self.config.target.horizon / self.panel.periods_per_year

    def make(
        self,
        constraints: Constraints,
        risk_aversion: float | None = None,
        cost: float | None = None,
        *,
        views: bool = True,
    ) -> Allocator:
        """Return the allocator under some limits; by default with the run's aversion to risk, and its cost.

        Without `views` it is for a portfolio that expects nothing of any asset: scores do not tilt it.
        """
        settings = self.config.allocation
        gamma = settings.risk_aversion if risk_aversion is None else risk_aversion
        c = self.config.cost_rate / settings.cost_periods if cost is None else cost

        def under(limits: Constraints) -> Allocator:
            solver = MeanVariance(
                self.panel.assets,
                limits,
                risk_aversion=gamma,
                cost=c,
                impact=self.config.impact_rate / settings.cost_periods if cost is None else 0.0,
            )
            few = settings.positions
            return solver if few is None else Cardinality(solver, few.maximum, few.minimum_weight)

        if settings.on_infeasible == "relax":
            return self.responsible(RelaxedAllocator(under, constraints, settings.relax), views)
        return self.responsible(under(constraints), views)

    def responsible(self, inner: Allocator, views: bool = True) -> Allocator:
        """Return an allocator that heeds the scores, if the configuration has any."""
        esg, scores = self.config.allocation.esg, self._scores
        if esg is None or scores is None:
            return inner
        return EsgAllocator(
            inner,
            scores.__getitem__,
            missing=esg.missing,
            exclude_below=esg.exclude_below,
            floor=esg.floor,
            tilt=esg.tilt if views else 0.0,
        )

    @cached_property
    def _scores(self) -> Floats | None:
        """Scores known at the close of each row, shape (T, N)."""
        return None if self.panel.scores is None else self.panel.scores.at(self.panel.dates)

    def guarded(self, policy: Policy) -> Policy:
        """Return the policy with what the configuration wants done where limits cannot be met."""
        return HoldIfInfeasible(policy) if self.config.allocation.on_infeasible == "hold" else policy


@dataclass(eq=False)
class Workshop:
    """Makes strategies by name; each may be made of others, of baselines, and of models' portfolios.

    Attributes
    ----------
    panel, schedule, forecasts, covariances, regimes, config
        What a run has before it allocates; without regimes, strategies that do not read them.
    policies : mapping of str to Policy
        Baselines, and "model:<name>".
    """

    panel: Panel
    schedule: Schedule
    forecasts: Mapping[str, Forecast]
    covariances: CovariancePath
    regimes: RegimePath | None
    config: RunConfig
    policies: Mapping[str, Policy]
    made: dict[str, Policy] = field(default_factory=dict)

    @cached_property
    def allocators(self) -> Allocators:
        """The run's allocators."""
        return Allocators(self.panel, self.config)

    def strategies(self) -> dict[str, Policy]:
        """Return all strategies, as "strategy:<name>"."""
        return {f"strategy:{name}": self.policy(name) for name in self.config.strategies}

    def policy(self, name: str) -> Policy:
        """Return a strategy, a baseline or a model's portfolio."""
        if name not in self.config.strategies:
            return self.policies[name]
        if name not in self.made:
            self.made[name] = self.config.strategies[name].make(self)
        return self.made[name]

    def mask(self, assets: tuple[str, ...]) -> Bools:
        """Return which of the panel's assets are named, shape (N,)."""
        return np.array([asset in assets for asset in self.panel.assets])

    def strategic(
        self, weights: Mapping[str, float], rule: Rebalancing, sleeves: Mapping[str, tuple[str, ...]]
    ) -> Policy:
        """Return fixed weights."""
        w = np.array([weights.get(asset, 0.0) for asset in self.panel.assets])
        masks = {name: self.mask(assets) for name, assets in sleeves.items()}
        return Strategic(w, self.covariances, self.schedule.decisions, rule, masks)

    def classes(self, classes: Mapping[str, tuple[float, tuple[str, ...]]], rule: Rebalancing) -> Policy:
        """Return classes at fixed shares, equally weighted inside."""
        parts: dict[str, Policy] = {}
        for name, (_, assets) in classes.items():
            weights = self.mask(assets) / max(1, len(assets))
            parts[name] = Strategic(weights, self.covariances, self.schedule.decisions, Rebalancing())
        shares = np.array([share for share, _ in classes.values()])
        return Blend(parts, lambda row: shares, rule, self.schedule.decisions, together=True)

    def blend(self, parts: Mapping[str, tuple[float, str]], rule: Rebalancing) -> Policy:
        """Return portfolios side by side at fixed shares."""
        shares = np.array([share for share, _ in parts.values()])
        named = {key: self.policy(name) for key, (_, name) in parts.items()}
        return Blend(named, lambda row: shares, rule, self.schedule.decisions)

    def by_regime(self, portfolios: tuple[str, ...], how: str, rule: Rebalancing) -> Policy:
        """Return a portfolio for each regime, by what is known of the regime at each row."""
        names = tuple(dict.fromkeys(portfolios))
        member = np.array([[float(name == own) for name in names] for own in portfolios])
        if self.regimes is None:
            raise RunError(
                f"portfolios by regime {', '.join(portfolios)} need regimes, which are not known yet"
            )
        shares = _regime_shares(self.regimes.probabilities, member, how)
        parts = {name.replace(":", " "): self.policy(name) for name in names}
        return Blend(parts, shares, rule, self.schedule.decisions)

    def environments(
        self, environments: Mapping[str, tuple[str, ...]], unsmooth: UnsmoothSection | None
    ) -> Policy:
        """Return equal risk in each environment."""
        masks = {name: self.mask(assets) for name, assets in environments.items()}
        inside = RiskBudgeting(self.panel.assets)
        return RiskByEnvironment(
            masks,
            self.risk(unsmooth),
            inside,
            lambda n: RiskBudgeting([str(k) for k in range(n)]),
            validate=not self.covariances.sound,
        )

    def endowment(self, classes: Mapping[str, ClassSection], rule: Rebalancing) -> Policy:
        """Return an endowment."""
        made = {n: AssetClass(c.target, self.mask(c.assets), c.maximum_trade) for n, c in classes.items()}
        return Endowment(made, self.covariances, self.schedule.decisions, rule)

    def mean_variance(self, forecast: str, risk_aversion: float | None) -> Policy:
        """Return the run's allocator on a model's forecasts."""
        allocator = self.allocators.make(self.allocators.constraints, risk_aversion)
        return self.allocators.guarded(self.forecast(forecast, allocator))

    @property
    def excess(self) -> Floats:
        """Returns less that of cash, shape (T, N)."""
        return np.asarray(self.panel.returns - self.panel.cash[:, None])

    def limits(self, section: StrategySection) -> Constraints:
        """Return the limits of the run that a strategy keeps and is not exempt from, over one holding period."""
        kept = section.keeps() - set(section.exempt)
        return select_limits(self.config.allocation, kept).constraints(self.allocators.years)

    def on_scenarios(self, make: Callable[..., Allocator], limits: Constraints) -> Allocator:
        """Return an allocator that looks at the returns of the covariance window, within limits."""
        settings = self.config.allocation
        return make(
            self.panel.assets,
            self.excess,
            limits,
            window=settings.covariance_window,
            at_least=settings.min_history,
        )

    def allocator(self, section: AllocatorStrategy) -> Allocator:
        """Return the allocator of a strategy, whose limits give way where the configuration wants that."""
        limits = self.limits(section)
        holdable = section.holdable(self.panel.assets)
        out = {a: (0.0, 0.0) for a in self.panel.assets if a not in holdable and not _must_hold(limits, a)}
        limits = replace(limits, overrides={**limits.overrides, **out})
        if self.config.allocation.on_infeasible == "relax":
            return RelaxedAllocator(partial(section.allocator, self), limits, self.config.allocation.relax)
        return section.allocator(self, limits)

    def allocated(self, section: AllocatorStrategy, forecast: str | None = None) -> Policy:
        """Return the allocator of a strategy at each rebalance, on a model's forecasts if it reads any."""
        allocator = self.allocator(section)
        return self.allocators.guarded(
            AllocatorPolicy(allocator, self.covariances)
            if forecast is None
            else self.forecast(forecast, allocator)
        )

    def forecast(self, name: str, allocator: Allocator) -> AllocatorPolicy:
        """Return an allocator on a model's forecasts."""
        made = self.forecasts[name]
        return AllocatorPolicy(allocator, self.covariances, made.positions, made.mean)

    def tactical(self, section: TacticalStrategy) -> Policy:
        """Return deviations from a strategic portfolio, within the run's limits and the bands."""
        allocators, (deviation, limits) = self.allocators, self.around(section)
        policy = Tactical(
            self.policy(section.strategic),
            deviation,
            limits,
            lambda around: allocators.make(around, section.risk_aversion),
            self.forecast(section.forecast, allocators.make(limits)),
        )
        return allocators.guarded(policy)

    def around(self, section: TacticalStrategy) -> tuple[Deviation, Constraints]:
        """Return the bands of a tactical strategy, and its limits that do not depend on what they are around."""
        run, settings = self.limits(section), self.config.allocation
        given = {key for key in limits_set(settings) if key not in section.exempt}
        turnover = [limit for limit in (section.turnover, run.turnover) if limit is not None]
        annual = section.annual_tracking_error
        low, high = run.bounds(self.panel.assets)
        own = np.array([asset in run.overrides for asset in self.panel.assets])
        low = np.where(own | ("minimum" in given), low, -np.inf)
        high = np.where(own | ("maximum" in given), high, np.inf)
        deviation = Deviation(
            section.deviation,
            section.relative,
            section.cash,
            None if annual is None else annual * math.sqrt(self.allocators.years),
            low=low,
            high=high,
            gives_way=frozenset(settings.relax if settings.on_infeasible == "relax" else ()),
            cash_range=(run.cash_minimum, run.cash_maximum) if "cash" in given else None,
        )
        others = Constraints(
            groups=run.groups,
            linear=run.linear,
            turnover=min(turnover, default=None),
            leverage=run.leverage,
            volatility=run.volatility,
        )
        return deviation, others

    def volatility_target(self, section: VolatilityTargetStrategy) -> Policy:
        """Return a portfolio at the exposure that meets a volatility."""
        target = section.volatility * math.sqrt(self.allocators.years)
        exposure = VolatilityTarget(self.risk(section.unsmooth), target, section.maximum_leverage)
        return Overlay(self.policy(section.base), exposure, section.minimum_change)

    def risk(self, unsmooth: UnsmoothSection | None) -> At:
        """Return where covariances come from: the run's, or others with some returns unsmoothed."""
        if unsmooth is None:
            return self.covariances.at
        settings = self.config.allocation
        return UnsmoothedRisk(
            self.panel.returns - self.panel.cash[:, None],
            self.mask(unsmooth.assets),
            unsmooth.method,
            unsmooth.lags,
            window=settings.covariance_window,
            min_history=settings.min_history,
            horizon=self.config.target.horizon,
            closed=self.panel.closed,
        ).at


def _must_hold(limits: Constraints, asset: str) -> bool:
    """Return whether the limits give an asset a minimum weight."""
    return limits.overrides.get(asset, (limits.minimum, limits.maximum))[0] > 0


def _regime_shares(probabilities: Floats, member: Floats, how: str) -> Shares:
    """Return the shares of the portfolios at a row; `member` (states, portfolios) says which is for which state.

    Before the first regime is told, each state is as likely as any other.
    """

    def shares(row: int) -> Floats:
        known = probabilities[row]
        if not np.isfinite(known).all():
            known = np.full(len(known), 1 / len(known))
        elif how == "switch":
            known = np.eye(len(known))[int(known.argmax())]
        return np.asarray((known[:, None] * member).sum(axis=0))

    return shares


def check_assets(panel: Panel, config: RunConfig) -> None:
    """Find out before anything is fitted whether the strategies name assets that exist.

    Raises
    ------
    RunError
        Naming the key and the asset.
    """
    for name, section in config.strategies.items():
        for key, assets in section.assets_named():
            for asset in assets:
                if asset not in panel.assets:
                    raise RunError(
                        f"strategies.{name}.{key}: {asset!r} is no asset of the data"
                        f"{suggest(asset, panel.assets)}"
                    )

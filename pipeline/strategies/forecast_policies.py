"""Policies that combine what is expected: aims for forecasts that fade, equilibrium with views and forecasts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from allocation.policies.policy import AllocatorPolicy, Policy
from allocation.trading.garleanu_pedersen import AimPortfolio, Signals
from allocation.trading.trading_speed import Preferences, estimate_decay, matching_cost
from allocation.views.black_litterman import BlackLitterman, equilibrium_path
from allocation.views.forecast_views import ForecastViews, forecast_views
from allocation.views.view import View
from foundation.types import Floats

if TYPE_CHECKING:
    from pipeline.strategies.allocator_kinds import AimStrategy, BlackLittermanStrategy, ViewSection
    from pipeline.strategies.builder import Workshop


def aim(shop: Workshop, section: AimStrategy) -> Policy:
    """Return an allocator that trades part of the way to where the forecast will have been worth going.

    The level of a forecast, its mean over assets, does not fade; what is left of it fades as it has faded so far, or as
    the configuration says. The cost is that of the run at the typical trade of an asset of average variance at the
    first decision, which every decision knows; impact is quadratic by itself.
    """
    settings, covariances = shop.config.allocation, shop.covariances
    sigma, eligible = covariances.at(int(covariances.positions[0]))
    variance = float(sigma.diagonal()[eligible].mean())
    # Mean and covariance are those of one holding period, in which there may be several decisions, or a part of one.
    decisions = shop.config.target.horizon / settings.rebalance_every
    cost = decisions * matching_cost(shop.config.cost_rate, variance, section.typical_trade)
    impact = decisions * shop.config.impact_rate
    made = shop.forecasts[section.forecast]
    at = np.isin(made.positions, covariances.positions)
    level = _mean_over_assets(made.mean[at])
    rest = made.mean[at] - level
    decay = estimate_decay(rest) if section.decay is None else np.full(len(rest), section.decay)
    signals = Signals(
        made.positions[at], np.stack([level, rest], axis=1), np.stack([np.zeros(len(rest)), decay], axis=1)
    )
    # Scores do not tilt it: what its inner allocator is told is no return.
    inner = shop.allocators.make(shop.allocators.constraints, cost=0.0, views=False)
    preferences = Preferences(settings.risk_aversion, section.discount)
    allocator = AimPortfolio(inner, preferences, cost=cost, impact=impact, signals=signals)
    return shop.allocators.guarded(shop.forecast(section.forecast, allocator))


def _mean_over_assets(mean: Floats) -> Floats:
    """Return the mean of each row's forecasts, for all assets, shape (D, N); NaN where there is none."""
    known = np.isfinite(mean)
    count = known.sum(axis=1)
    total = np.where(known, mean, 0.0).sum(axis=1)
    level = np.divide(total, count, out=np.full(len(mean), np.nan), where=count > 0)
    return np.broadcast_to(level[:, None], mean.shape)


def black_litterman(shop: Workshop, section: BlackLittermanStrategy) -> Policy:
    """Return the run's allocator on equilibrium, stated views, and the views that forecasts have earned."""
    named, assets = section.market, shop.panel.assets
    market = None if named is None else np.array([named.get(asset, 0.0) for asset in assets])
    policy = BlackLitterman(
        shop.allocators.make(shop.allocators.constraints),
        risk_aversion=shop.config.allocation.risk_aversion,
        market=market,
        views=[_view(shop, view) for view in section.views],
        forecasts=_earned(shop, section, market),
        tau=section.tau,
        covariance="prior",
    )
    return shop.allocators.guarded(AllocatorPolicy(policy, shop.covariances))


def _view(shop: Workshop, section: ViewSection) -> View:
    """Return a stated view, held from the first close of its dates to the last."""
    dates = shop.panel.dates
    return View(
        section.long,
        section.annual_return * shop.allocators.years,
        section.short,
        section.confidence,
        first=int(dates.searchsorted(pd.Timestamp(section.first), side="left")),
        last=None
        if section.last is None
        else int(dates.searchsorted(pd.Timestamp(section.last), side="right")) - 1,
    )


def _earned(shop: Workshop, section: BlackLittermanStrategy, market: Floats | None) -> ForecastViews | None:
    """Return a model's forecasts as views, as sure as their past allows."""
    if section.forecast is None:
        return None
    made, labels = shop.forecasts[section.forecast], shop.schedule.labels
    # Equilibrium is known where there is a covariance: a forecast made before the first decision has no record.
    prior = np.full(made.mean.shape, np.nan)
    _, ours, theirs = np.intersect1d(made.positions, shop.covariances.positions, return_indices=True)
    prior[ours] = equilibrium_path(shop.covariances, market, shop.config.allocation.risk_aversion)[theirs]
    return forecast_views(
        made.positions,
        made.mean,
        labels.value[made.positions],
        prior,
        labels.end[made.positions],
        prior_dates=section.prior_periods,
        relative=shop.config.target.relative,
    )

"""Experiments: simple policies that the board compares, none of which is part of Tangency.

    python -m benchmarks.skill.board identity --policy benchmarks.skill.experiments:add_identity --set policy.multiple=2

Each function is a `replay.MakePolicy`; settings `policy.<name>` are its keyword arguments.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.covariance_types import to_dense
from allocation.decision_status import DecisionStatus
from allocation.policies.policy import AllocatorPolicy, EqualWeight, Policy, TradeDecision
from allocation.policies.portfolio_state import PortfolioState
from allocation.weights import OptimalityCertificate, Weights
from benchmarks.skill.replay import without_forecast
from foundation.types import Floats
from models.forecast import Forecast
from pipeline.stages.results import Trained
from pipeline.strategies.allocators import RunAllocators


class MeanPolicy:
    """Hold the weighted mean of what several policies decide, each from the state of the whole portfolio."""

    def __init__(self, policies: Sequence[Policy], shares: Sequence[float]) -> None:
        self.policies, self.shares = policies, shares

    def __call__(self, position: int, state: PortfolioState) -> TradeDecision:
        """Return the mean of the targets; the first decision that is no target as it is."""
        weights, cash = np.zeros(len(state.weights)), 0.0
        for policy, share in zip(self.policies, self.shares, strict=True):
            decided = policy(position, state)
            if not isinstance(decided, Weights):
                return decided
            weights, cash = weights + share * decided.weights, cash + share * decided.cash
        return Weights(position, weights, cash, DecisionStatus.FIXED, OptimalityCertificate({}, 0.0))


def add_identity(trained: Trained, forecast: Forecast, multiple: float = 2.0) -> Policy:
    """Allocate with a multiple of mean variance x identity added to the covariance."""
    return _allocate(trained, _widen(trained.covariances, multiple), forecast, forecast.mean)


def scale_forecast(trained: Trained, forecast: Forecast, scale: float = 0.5) -> Policy:
    """Allocate on a share of what the forecast adds to the value without a forecast."""
    return _allocate(trained, trained.covariances, forecast, _scaled(trained, forecast, scale))


def smooth_forecast(trained: Trained, forecast: Forecast, halflife: float = 1.0) -> Policy:
    """Allocate on an exponentially weighted mean of the forecasts at past decisions; the half-life is in horizons."""
    keep = 0.5 ** (1 / (halflife * forecast.horizon))
    mean, running = forecast.mean.copy(), np.full(forecast.mean.shape[1], np.nan)
    for d, row in enumerate(forecast.mean):
        fresh = np.where(np.isfinite(running), (1 - keep) * row + keep * running, row)
        running = np.where(np.isfinite(row), fresh, running)
        mean[d] = np.where(np.isfinite(row), running, np.nan)
    return _allocate(trained, trained.covariances, forecast, mean)


def half_equal_weight(trained: Trained, forecast: Forecast, share: float = 0.5) -> Policy:
    """Hold a share in 1/N and the rest in what the allocator chooses."""
    chosen = _allocate(trained, trained.covariances, forecast, forecast.mean)
    return MeanPolicy([EqualWeight(trained.covariances), chosen], [share, 1 - share])


def average_targets(
    trained: Trained,
    forecast: Forecast,
    multiples: Sequence[float] = (0.0, 0.5, 2.0),
    scales: Sequence[float] = (0.5, 1.0),
) -> Policy:
    """Hold the mean target over multiples of the identity and scales of the forecast, and one without a forecast."""
    policies = [_allocate(trained, trained.covariances, forecast, _scaled(trained, forecast, 0.0))]
    for multiple in multiples:
        wider = _widen(trained.covariances, multiple)
        policies += [
            _allocate(trained, wider, forecast, _scaled(trained, forecast, scale)) for scale in scales
        ]
    return MeanPolicy(policies, [1 / len(policies)] * len(policies))


def _allocate(trained: Trained, covariances: CovariancePath, forecast: Forecast, mean: Floats) -> Policy:
    """Return the run's allocator on some expected returns and covariances."""
    prepared = trained.prepared
    allocators = RunAllocators(prepared.panel, prepared.config.trading_settings())
    changed = replace(forecast, mean=mean).carry_forward(prepared.panel.closed)
    return AllocatorPolicy(
        allocators.build(allocators.constraints), covariances, changed.positions, changed.mean
    )


def _scaled(trained: Trained, forecast: Forecast, scale: float) -> Floats:
    base = without_forecast(trained, forecast).mean
    return np.asarray(base + scale * (forecast.mean - base))


def _widen(covariances: CovariancePath, multiple: float) -> CovariancePath:
    """Return the covariances plus a multiple of the mean variance of the eligible assets x identity."""
    wider = np.array([to_dense(sigma) for sigma in covariances.sigma])
    for sigma, eligible in zip(wider, covariances.eligible, strict=True):
        mean = sigma.diagonal()[eligible].mean() if eligible.any() else 0.0
        sigma[np.diag_indices(len(sigma))] += multiple * mean
    return replace(covariances, sigma=wider)

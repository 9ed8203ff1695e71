"""Tactical allocation: bounded deviations from strategic weights, by a forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from allocation.allocator import Allocator
from allocation.decision_status import DecisionStatus
from allocation.errors import InputError
from allocation.policies.blend import prefix_sleeves
from allocation.policies.deviation import Deviation
from allocation.policies.policy import AllocatorPolicy, Policy, TradeDecision
from allocation.policies.portfolio_state import PortfolioState
from allocation.problem.closed_markets import solve_around
from allocation.problem.constraints import Constraints
from allocation.weights import Sleeve, Weights
from foundation.types import Bools, Floats

_STRATEGIC, _ACTIVE = "strategic", "active"
"""Sleeves: the strategic weights, and the deviation from them."""


class Tactical:
    """What a forecast makes of strategic weights, within limits around them.

    Parameters
    ----------
    strategic : Policy
        Asked at each decision what it would hold if it began there.
    deviation : Deviation
    constraints : Constraints
        Further limits: groups, turnover.
    allocator : callable
        From limits to an Allocator.
    forecast : AllocatorPolicy
        Where covariances and forecasts come from; its own allocator is not used.
    """

    def __init__(
        self,
        strategic: Policy,
        deviation: Deviation,
        constraints: Constraints,
        allocator: Callable[[Constraints], Allocator],
        forecast: AllocatorPolicy,
    ) -> None:
        self.strategic = strategic
        self.deviation = deviation
        self.constraints = constraints
        self.allocator = allocator
        self.forecast = forecast

    def __call__(self, position: int, state: PortfolioState) -> TradeDecision:
        """Return the best weights within the limits around the strategic ones."""
        anchor = self.strategic(position, state.restart())
        if anchor is None:
            raise InputError(f"row {position}: the strategic policy gives no weights to deviate from")
        if not isinstance(anchor, Weights):
            return anchor
        covariances = self.forecast.covariances
        sigma, eligible = covariances.at(position)
        limits = self.deviation.limits_on(anchor, self.constraints, self.forecast.allocator.assets, eligible)
        best = solve_around(
            self.allocator(limits),
            position,
            _fill_views(self.forecast.expected(position), eligible),
            sigma,
            state.weights,
            eligible,
            covariances.closed_at(position),
            validate=not covariances.sound,
        )
        if self.deviation.gives_way and self.deviation.breaks_bounds(best, eligible):
            best = _mark_relaxed(best)
        active = Sleeve(best.weights - anchor.weights, best.cash - anchor.cash)
        parts = prefix_sleeves(_STRATEGIC, replace(anchor, sleeves={}), 1.0) | {_ACTIVE: active}
        return replace(best, sleeves=parts)


def _fill_views(mu: Floats, eligible: Bools) -> Floats:
    """Return expected returns of all eligible assets: without a view, one earns what the others earn on average."""
    known = eligible & np.isfinite(mu)
    return np.where(eligible & ~known, mu[known].mean() if known.any() else 0.0, mu)


def _mark_relaxed(weights: Weights) -> Weights:
    note = "relaxed: bounds of the run, which the band around the strategic weights does not reach"
    note = f"{weights.note}; {note}" if weights.note else note
    return replace(weights, status=weights.status | DecisionStatus.RELAXED, note=note)

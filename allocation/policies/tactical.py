"""Tactical allocation: bounded deviations from strategic weights, by a forecast."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from allocation.allocator import Allocator
from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError, InputError
from allocation.policies.blend import prefix_sleeves
from allocation.policies.policy import AllocatorPolicy, Policy, TradeDecision
from allocation.policies.portfolio_state import PortfolioState
from allocation.problem.closed_markets import solve_around
from allocation.problem.constraints import Constraints
from allocation.problem.feasibility import check_feasible
from allocation.weights import Sleeve, Weights
from foundation.types import Bools, Floats

_STRATEGIC, _ACTIVE = "strategic", "active"
"""Sleeves: the strategic weights, and the deviation from them."""


_BROKEN = 1e-6
"""By how much weights miss a bound that gave way, and not by the tolerance of a solver."""


@dataclass(frozen=True)
class Deviation:
    """How far from its strategic weight an asset may be.

    Attributes
    ----------
    absolute : float
        As a fraction of wealth.
    relative : float, optional
        As a share of the strategic weight; with both, the narrower counts.
    cash : float
        How far cash may be from its strategic weight.
    tracking_error : float, optional
        Largest standard deviation, over one horizon, of the return less that of the strategic weights.
    low, high : ndarray of shape (N,), optional
        Bounds of the weights that hold beside the band.
    cash_range : tuple of (float, float), optional
        Bounds of cash that hold beside its band.
    gives_way : frozenset of {"minimum", "maximum", "cash"}
        Which of these bounds give way to the band where they cannot be met inside it.
    """

    absolute: float
    relative: float | None = None
    cash: float = 0.0
    tracking_error: float | None = None
    low: Floats | None = None
    high: Floats | None = None
    cash_range: tuple[float, float] | None = None
    gives_way: frozenset[str] = frozenset()

    def limits(
        self, strategic: Weights, base: Constraints, assets: tuple[str, ...], universe: Bools
    ) -> Constraints:
        """Return limits around the strategic weights; of `base` all hold but bounds of weights and of cash.

        A long position does not become a short one. What lies outside the universe has no limits that could fail.

        Raises
        ------
        InfeasibleError
            If a band lies outside the bounds that hold beside it.
        """
        w = strategic.weights
        band = np.full(len(w), self.absolute)
        if self.relative is not None:
            band = np.minimum(band, self.relative * np.abs(w))
        low, high = np.where(w >= 0, np.maximum(w - band, 0.0), w - band), w + band
        least, most = low, high
        if self.low is not None:
            least = np.maximum(low, self.low)
        if self.high is not None:
            most = np.minimum(high, self.high)
        low, high = np.where(universe, least, low), np.where(universe, most, high)
        apart = np.flatnonzero(low > high)
        if len(apart):
            k = int(apart[0])
            _refuse_band(strategic.position, f"weight of {assets[k]!r}", float(w[k]), float(band[k]))
        pairs = {a: (float(x), float(y)) for a, x, y in zip(assets, low, high, strict=True)}
        cash_minimum, cash_maximum = self._cash(strategic)
        return replace(
            base,
            overrides=pairs,
            cash_minimum=cash_minimum,
            cash_maximum=cash_maximum,
            tracking_error=self.tracking_error,
            benchmark={} if self.tracking_error is None else dict(zip(assets, w.tolist(), strict=True)),
        )

    def limits_on(
        self, strategic: Weights, base: Constraints, assets: tuple[str, ...], universe: Bools
    ) -> Constraints:
        """Return `limits`, or those without the bounds that give way where they cannot be met on a universe."""
        if not self.gives_way:
            return self.limits(strategic, base, assets, universe)
        eased = replace(
            self,
            low=None if "minimum" in self.gives_way else self.low,
            high=None if "maximum" in self.gives_way else self.high,
            cash_range=None if "cash" in self.gives_way else self.cash_range,
        ).limits(strategic, base, assets, universe)
        try:
            limits = self.limits(strategic, base, assets, universe)
            if limits != eased:
                check_feasible(limits, assets, universe)
        except InfeasibleError:
            return eased
        return limits

    def breaks_bounds(self, weights: Weights, universe: Bools) -> bool:
        """Return whether bounds that hold beside the band gave way to it."""
        w, cash = weights.weights, weights.cash
        sides = [] if self.low is None else [(self.low - w)[universe]]
        sides += [] if self.high is None else [(w - self.high)[universe]]
        if self.cash_range is not None:
            sides.append(np.array([self.cash_range[0] - cash, cash - self.cash_range[1]]))
        return any(float(side.max()) > _BROKEN for side in sides)

    def _cash(self, strategic: Weights) -> tuple[float, float]:
        """Return the bounds of cash."""
        least = min(strategic.cash, max(0.0, strategic.cash - self.cash))
        most = strategic.cash + self.cash
        if self.cash_range is not None:
            least, most = max(least, self.cash_range[0]), min(most, self.cash_range[1])
            if least > most:
                _refuse_band(strategic.position, "cash", strategic.cash, self.cash)
        return least, most


def _refuse_band(position: int, what: str, centre: float, band: float) -> NoReturn:
    """Say that a band lies outside the bounds of the run."""
    name = f"{what} within {band:.4g} of its strategic {centre:.4g}"
    raise InfeasibleError(
        f"row {position}: {name} cannot be met together with the bounds of the run; widen the deviation, move the "
        "strategic portfolio into the bounds, or loosen them",
        (name,),
    )


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
        mu = self.forecast.expected(position)
        sigma, eligible = self.forecast.covariances.at(position)
        assets = self.forecast.allocator.assets
        limits = self.deviation.limits_on(anchor, self.constraints, assets, eligible)
        # No view on an asset is the view that it earns what the others earn on average.
        known = eligible & np.isfinite(mu)
        mu = np.where(eligible & ~known, mu[known].mean() if known.any() else 0.0, mu)
        covariances = self.forecast.covariances
        best = solve_around(
            self.allocator(limits),
            position,
            mu,
            sigma,
            state.weights,
            eligible,
            covariances.closed_at(position),
            validate=not covariances.sound,
        )
        if self.deviation.gives_way and self.deviation.breaks_bounds(best, eligible):
            note = "relaxed: bounds of the run, which the band around the strategic weights does not reach"
            note = f"{best.note}; {note}" if best.note else note
            best = replace(best, status=best.status | DecisionStatus.RELAXED, note=note)
        active = Sleeve(best.weights - anchor.weights, best.cash - anchor.cash)
        parts = prefix_sleeves(_STRATEGIC, replace(anchor, sleeves={}), 1.0) | {_ACTIVE: active}
        return replace(best, sleeves=parts)

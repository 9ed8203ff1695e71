"""Overlays: how much of a policy to hold; the rest is in cash, or borrowed at the rate of cash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

import numpy as np

from allocation.covariance_checks import SEMIDEFINITE
from allocation.covariance_types import Risk, select_covariance
from allocation.errors import InputError
from allocation.policies.blend import prefix_sleeves, resolve_decision
from allocation.policies.policy import Policy, TradeDecision
from allocation.policies.portfolio_state import PortfolioState
from allocation.weights import Sleeve, Weights
from foundation.types import Bools, Floats

_BASE, _OVERLAY = "base", "overlay"
"""Sleeves of an overlaid policy: what it would hold without the overlay, and what the overlay adds to that."""


class Exposure(Protocol):
    """How much of a policy to hold: 1 is the policy itself."""

    def __call__(self, position: int, state: PortfolioState, weights: Floats) -> float:
        """Return the exposure, from the state of the whole portfolio and the weights (N,) that the policy wants."""


class Overlay:
    """Hold a policy's risky assets at an exposure between nothing and more than all of wealth.

    The sleeve "base" is the policy as it would be alone, and has all of wealth; "overlay" is what was added to
    it or taken from it, paid from cash: what it earns is what the overlay was worth.

    Parameters
    ----------
    base : Policy
    exposure : Exposure
    minimum_change : float
        The exposure is left where it is while it would change by less and the base does not trade.
    """

    def __init__(self, base: Policy, exposure: Exposure, minimum_change: float = 0.0) -> None:
        self.base = base
        self.exposure = exposure
        self.minimum_change = minimum_change

    def __call__(self, position: int, state: PortfolioState) -> TradeDecision:
        """Return the base's weights times the exposure."""
        under = state.select_sleeve(_BASE)
        answer = self.base(position, under)
        full = resolve_decision(position, answer, under)
        k = self.exposure(position, state, full.weights)
        if not isinstance(answer, Weights) and under.started:
            share, risky = state.share(_BASE), float(np.abs(under.weights).sum())
            now = float(np.abs(state.weights).sum()) / (share * risky) if risky > 0 else k
            if abs(k - now) <= self.minimum_change:
                return answer
        added = (k - 1) * full.weights
        sleeves = prefix_sleeves(_BASE, full, 1.0) | {_OVERLAY: Sleeve(added, -float(added.sum()))}
        weights = np.sum([sleeve.weights for sleeve in sleeves.values()], axis=0)
        cash = sum(sleeve.cash for sleeve in sleeves.values())
        note = f"{full.note}; exposure {k:.4g}" if full.note else f"exposure {k:.4g}"
        return Weights(position, weights, cash, full.status, full.certificate, sleeves, note)


class VolatilityTarget:
    """Exposure at which the volatility that is expected meets a target.

    Parameters
    ----------
    covariance : callable
        From a row to the covariance (N, N) over one horizon as known there, and the assets that it knows (N,);
        what is held of others is taken to have no risk.
    target : float
        Volatility over the same horizon.
    maximum : float
        Largest exposure; more than 1 borrows.

    Notes
    -----
    Moreira and Muir (2017), *Journal of Finance* 72, 1611-1644, who scale by variance; Harvey et al. (2018),
    *Journal of Portfolio Management* 45, 14-33, by volatility, as here.
    """

    def __init__(
        self, covariance: Callable[[int], tuple[Risk, Bools]], target: float, maximum: float = 1.0
    ) -> None:
        if not (target > 0 and maximum > 0):
            raise InputError(
                f"target volatility {target:g} and largest exposure {maximum:g} must be more than 0"
            )
        self.covariance = covariance
        self.target = target
        self.maximum = maximum

    def __call__(self, position: int, state: PortfolioState, weights: Floats) -> float:
        """Return target over expected volatility, at most the maximum."""
        sigma, known = self.covariance(position)
        w = weights[known]
        variance = float(w @ (select_covariance(sigma, known) @ w))
        if variance < 0 and variance < -SEMIDEFINITE * float(w @ w) * float(
            np.max(select_covariance(sigma, known).diagonal())
        ):
            raise InputError(
                f"row {position}: the variance of the portfolio is {variance:.3g}: "
                "the covariance is not positive semidefinite"
            )
        if not variance > 0:
            return self.maximum
        return min(self.maximum, self.target / float(np.sqrt(variance)))


class DrawdownControl:
    """Exposure in proportion to what net wealth has above a floor: multiplier (W - F) / W, within limits.

    With the floor below the peak of wealth, F = floor max(W), it is the rule of Grossman and Zhou; with the floor
    below the start, F = floor, it is constant proportion portfolio insurance. Between decisions, and after a jump,
    wealth may fall through the floor; then the exposure is the minimum until it is above again.

    Parameters
    ----------
    floor : float
        Between 0 and 1: the share of the peak (or of the start) that is to be kept.
    of : "peak" or "start"
    multiplier : float
    minimum, maximum : float
        Limits of the exposure.

    Notes
    -----
    Grossman and Zhou (1993), *Mathematical Finance* 3, 241-276; Black and Perold (1992), *Journal of Economic
    Dynamics and Control* 16, 403-426.
    """

    def __init__(
        self,
        floor: float,
        of: Literal["peak", "start"] = "peak",
        *,
        multiplier: float = 4.0,
        minimum: float = 0.0,
        maximum: float = 1.0,
    ) -> None:
        if not (0 <= floor < 1 and multiplier > 0 and 0 <= minimum <= maximum):
            raise InputError(
                f"drawdown control: floor {floor:g} must lie in [0, 1), multiplier {multiplier:g} above 0, and "
                f"minimum {minimum:g} between 0 and maximum {maximum:g}"
            )
        self.floor = floor
        self.of = of
        self.multiplier = multiplier
        self.minimum = minimum
        self.maximum = maximum

    def __call__(self, position: int, state: PortfolioState, weights: Floats) -> float:
        """Return the exposure by the wealth that was realised up to this row."""
        now = float(state.wealth[-1])
        kept = self.floor * (float(state.wealth.max()) if self.of == "peak" else float(state.wealth[0]))
        return float(np.clip(self.multiplier * (now - kept) / now, self.minimum, self.maximum))

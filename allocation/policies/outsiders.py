"""Outsiders: what is held of assets that left the universe is sold at the next decision."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from allocation.decision_status import DecisionStatus
from allocation.policies.policy import Policy, TradeDecision
from allocation.policies.portfolio_state import PortfolioState
from allocation.problem.closed_markets import LARGEST_SCALE, SAME
from allocation.weights import NoTrade, OptimalityCertificate, Sleeve, Weights
from foundation.types import Bools, Floats


class SellOutsiders:
    """Trade as another policy does, and hold nothing outside of the universe.

    A policy may keep what it has: inside its bands, between two dates of its calendar, or for ever. Then assets that
    are no members are sold all the same, and the money goes to the others in proportion to their weights, to cash if
    there are none.

    Parameters
    ----------
    policy : Policy
    member : ndarray of bool, shape (T, N)
        Where an asset is in the universe.
    assets : tuple of str, length N
    """

    def __init__(self, policy: Policy, member: Bools, assets: tuple[str, ...]) -> None:
        self.policy = policy
        self.member = member
        self.assets = assets

    def __call__(self, position: int, state: PortfolioState) -> TradeDecision:
        """Return the policy's decision without assets outside of the universe."""
        decided = self.policy(position, state)
        outside = ~self.member[position]
        target = decided if isinstance(decided, Weights) else _keep(position, state, decided)
        sold = np.flatnonzero(outside & (np.abs(target.weights) > SAME))
        if not len(sold):
            return decided
        names = ", ".join(self.assets[i] for i in sold[:3]) + (" and others" if len(sold) > 3 else "")
        note = "; ".join(filter(None, [target.note, f"sold, no longer in the universe: {names}"]))
        return replace(_sell(target, outside), note=note, certificate=OptimalityCertificate({}, 0.0))


def _keep(position: int, state: PortfolioState, decided: NoTrade | None) -> Weights:
    """Return what is held as a target."""
    status = DecisionStatus.UNCHANGED if decided is None else decided.status
    note = "" if decided is None else decided.reason
    certificate = OptimalityCertificate({}, 0.0)
    return Weights(position, state.weights, state.cash, status, certificate, state.sleeves, note)


def _sell(target: Weights, outside: Bools) -> Weights:
    """Return a target without the assets outside of the universe; each sleeve keeps its share."""
    if not target.sleeves:
        weights, cash = _move(target.weights, target.cash, outside)
        return replace(target, weights=weights, cash=cash)
    parts = {name: Sleeve(*_move(s.weights, s.cash, outside)) for name, s in target.sleeves.items()}
    weights = np.sum([part.weights for part in parts.values()], axis=0)
    return replace(target, weights=weights, cash=sum(part.cash for part in parts.values()), sleeves=parts)


def _move(weights: Floats, cash: float, outside: Bools) -> tuple[Floats, float]:
    """Return weights of 0 outside, with the others scaled up by what was sold, or that in cash."""
    kept = np.where(outside, 0.0, weights)
    freed, left = float(weights[outside].sum()), float(kept.sum())
    scale = (left + freed) / left if abs(left) > SAME else np.inf
    if not 0.0 <= scale <= LARGEST_SCALE:
        return kept, cash + freed
    return kept * scale, cash

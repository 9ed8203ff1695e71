"""Endowment model: policy targets by class, of which illiquid ones trade only slowly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.decision_status import DecisionStatus
from allocation.errors import InputError
from allocation.policies.portfolio_state import PortfolioState
from allocation.trading.rebalancing import Rebalancing
from allocation.weights import OptimalityCertificate, Sleeve, Weights
from foundation.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class AssetClass:
    """A class of an endowment.

    Attributes
    ----------
    target : float
        Fraction of wealth.
    members : ndarray of bool, shape (N,)
        Its assets; they share the class equally when it is traded.
    maximum_trade : float, optional
        Most by which its share of wealth may be changed at one rebalance; None for a liquid class.
    """

    target: float
    members: Bools
    maximum_trade: float | None = None


class Endowment:
    """Classes at policy targets; liquid ones take up what illiquid ones cannot trade.

    At a rebalance an illiquid class moves toward its target by its maximum trade at most, by which purchases and
    sales scale its assets as they are held; liquid classes share what is left in proportion to their targets. If
    nothing is left for them, purchases of illiquid classes are cut back. The first trade buys the targets. An
    asset that has left the universe is sold whatever the limit.

    Parameters
    ----------
    classes : mapping of str to AssetClass
        Without a common asset; targets sum to 1 at most, and the rest is cash, a liquid class.
    covariances : CovariancePath
        For the assets that are eligible.
    decisions : ndarray of int, increasing
    rebalancing : Rebalancing
        By shares of classes.

    Notes
    -----
    Swensen (2009), *Pioneering Portfolio Management*, chapters 5 and 6.
    """

    def __init__(
        self,
        classes: Mapping[str, AssetClass],
        covariances: CovariancePath,
        decisions: Ints,
        rebalancing: Rebalancing,
    ) -> None:
        targets = np.array([c.target for c in classes.values()])
        if not (len(targets) and (targets >= 0).all() and targets.sum() <= 1 + 1e-9):
            raise InputError(f"targets of classes must be 0 or more and sum to 1 at most, got {targets}")
        if (np.sum([c.members for c in classes.values()], axis=0) > 1).any():
            raise InputError("an asset belongs to two classes")
        self.classes = dict(classes)
        self.targets = np.append(targets, max(0.0, 1.0 - float(targets.sum())))
        self.limits = np.append(
            [np.inf if c.maximum_trade is None else c.maximum_trade for c in classes.values()], np.inf
        )
        self.covariances = covariances
        self.decisions = decisions
        self.rebalancing = rebalancing

    def __call__(self, position: int, state: PortfolioState) -> Weights | None:
        """Return the weights, or None where nothing is traded."""
        _, eligible = self.covariances.at(position)
        kept = np.where(eligible, state.weights, 0.0)
        held = np.array([kept[c.members].sum() for c in self.classes.values()])
        there = [bool((c.members & eligible).any()) for c in self.classes.values()]
        wanted = self.targets * np.append(there, True)
        if not wanted.sum() > 0:
            raise InputError(f"row {position}: no class has an eligible asset")
        wanted = wanted / wanted.sum() * self.targets.sum()
        now = np.append(held, 1.0 - held.sum())
        index = int(np.searchsorted(self.decisions, position))
        goal = self.rebalancing.trade(index, now, wanted, started=state.started)
        if goal is None:
            return None
        shares = _limit_trades(now, goal, self.limits) if state.started else goal
        parts = self._parts(shares, kept, eligible)
        weights = np.sum([part.weights for part in parts.values()], axis=0)
        parts["cash"] = Sleeve(np.zeros_like(weights), float(shares[-1]))
        missing = np.abs(shares - goal)[:-1]
        late = [name for name, gap in zip(self.classes, missing, strict=True) if gap > 1e-9]
        illiquid = [name for name in late if self.classes[name].maximum_trade is not None]
        note = f"still moving: {', '.join(illiquid)}" if illiquid else ""
        cash, fixed = float(shares[-1]), DecisionStatus.FIXED
        return Weights(position, weights, cash, fixed, OptimalityCertificate({}, 0.0), parts, note)

    def _parts(self, shares: Floats, kept: Floats, eligible: Bools) -> dict[str, Sleeve]:
        """Spread each class over its assets: a liquid one equally, an illiquid one as it is held."""
        parts = {}
        for (name, c), share in zip(self.classes.items(), shares[:-1], strict=True):
            inside = (c.members & eligible).astype(np.float64)
            held = kept * c.members
            by = held if c.maximum_trade is not None and held.sum() > 0 else inside
            parts[name] = Sleeve(by * (share / by.sum()) if by.sum() > 0 else by * 0.0)
        return parts


def _limit_trades(held: Floats, target: Floats, limits: Floats) -> Floats:
    """Return shares of classes after one rebalance, shape (M,): none moved by more than its limit, all of sum 1.

    Liquid classes have an infinite limit; there must be one. `held` and `target` sum to 1.
    """
    slow = np.isfinite(limits)
    new = held + np.clip(target - held, -limits, limits)
    liquid = np.where(slow, 0.0, target)
    left = 1.0 - float(new[slow].sum())
    if left < 0:
        bought = np.where(slow, np.maximum(new - held, 0.0), 0.0)
        if bought.sum() > 0:
            new = new - bought * min(1.0, -left / float(bought.sum()))
        left = max(0.0, 1.0 - float(new[slow].sum()))
    # With no target for any of them, what is left is in the last, cash.
    by = liquid / liquid.sum() if liquid.sum() > 0 else np.eye(len(held))[-1]
    return np.asarray(np.where(slow, new, by * left))

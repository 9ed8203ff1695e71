"""Strategic allocation: fixed weights, and when to come back to them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.decision_status import DecisionStatus
from allocation.errors import InputError
from allocation.input_alignment import refuse_labels
from allocation.policies.portfolio_state import PortfolioState
from allocation.trading.rebalancing import Rebalancing
from allocation.weights import OptimalityCertificate, Sleeve, Weights
from foundation.types import Bools, Floats, Ints


class Strategic:
    """Fixed target weights, rebalanced by calendar or bands, between which nothing is traded.

    What the targets give to assets outside the universe is shared by the others in proportion; if there are none,
    all is cash, and the status says so. With bands, an
    asset that has left the universe is sold when the calendar next looks.

    Parameters
    ----------
    weights : ndarray of shape (N,)
        Targets as fractions of wealth, 0 or more, of sum 1 at most; the rest is cash.
    covariances : CovariancePath
        For the assets that are eligible.
    decisions : ndarray of int, increasing
        Rows of the decisions, which the calendar counts.
    rebalancing : Rebalancing
    sleeves : mapping of str to ndarray of bool, shape (N,)
        Names for groups of assets, which together are all assets with a target; cash is the sleeve "cash".

    Raises
    ------
    InputError
        If the targets are no weights.
    """

    def __init__(
        self,
        weights: Floats,
        covariances: CovariancePath,
        decisions: Ints,
        rebalancing: Rebalancing,
        sleeves: Mapping[str, Bools] | None = None,
    ) -> None:
        refuse_labels("weights", weights)
        if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() <= 1 + 1e-9):
            raise InputError(
                f"strategic weights must be 0 or more and sum to 1 at most, they sum to {weights.sum():.6g}"
            )
        self.weights = weights
        self.covariances = covariances
        self.decisions = decisions
        self.rebalancing = rebalancing
        self.sleeves = dict(sleeves or {})

    def target(self, position: int) -> Floats:
        """Return the targets on the universe of a row, cash last, shape (N + 1,)."""
        _, eligible = self.covariances.at(position)
        wanted, total = np.where(eligible, self.weights, 0.0), float(self.weights.sum())
        there = float(wanted.sum())
        if total > 0 and not there > 0:
            return np.append(wanted, 1.0)
        if there != total:
            wanted = wanted * (total / there)
        return np.append(wanted, max(0.0, 1.0 - total))

    def __call__(self, position: int, state: PortfolioState) -> Weights | None:
        """Return the targets, or weights at the edge of their bands; None where nothing is traded."""
        held = np.append(state.weights, state.cash)
        index = int(np.searchsorted(self.decisions, position))
        new = self.rebalancing.trade(index, held, self.target(position), started=state.started)
        if new is None:
            return None
        stuck = new[-1] == 1.0 and self.weights.any()
        note = "in cash: no asset with a target can be held" if stuck else ""
        weights, cash = new[:-1], float(new[-1])
        fixed, parts = DecisionStatus.FIXED, self._parts(new)
        return Weights(position, weights, cash, fixed, OptimalityCertificate({}, 0.0), parts, note)

    def _parts(self, new: Floats) -> dict[str, Sleeve]:
        """Split the weights into sleeves; assets of no sleeve, such as those sold to the edge, are "other"."""
        if not self.sleeves:
            return {}
        parts = {name: Sleeve(np.where(inside, new[:-1], 0.0)) for name, inside in self.sleeves.items()}
        other = np.where(np.any(list(self.sleeves.values()), axis=0), 0.0, new[:-1])
        if other.any():
            parts["other"] = Sleeve(other)
        if new[-1] or not self.sleeves:
            parts["cash"] = Sleeve(np.zeros(len(new) - 1), float(new[-1]))
        return parts

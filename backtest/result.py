"""BacktestResult: what a simulation earned, held, traded and paid."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np

from allocation.decision_status import DecisionStatus
from allocation.policies.portfolio_state import PortfolioState, SleevePaths
from foundation.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """Result of a simulation.

    Attributes
    ----------
    name : str
    positions : ndarray of int, shape (R,)
        Rows of the panel whose return was earned, from the row after the first trade on.
    gross, net : ndarray of shape (R,)
        Simple return of the portfolio before and after the cost of the trade that began the period.
    cash_return : ndarray of shape (R,)
        Return of cash in the same rows.
    weights : ndarray of shape (R, N)
        At the start of each period, after trades.
    cash_weight : ndarray of shape (R,)
    decisions : ndarray of int, shape (D,)
        Rows at which the policy gave target weights.
    targets : ndarray of shape (D, N)
    target_cash : ndarray of shape (D,)
    statuses : tuple of DecisionStatus, length D
    turnover, cost : ndarray of shape (D,)
        Sum of |trades| and what it cost, fractions of wealth; NaN where the trade lies beyond the data.
    closed : ndarray of int, shape (D,)
        Assets that were held or wanted and could not be traded, because their market was closed at the decision or
        at its trade.
    state : PortfolioState
        State of the portfolio at the close of the last row.
    holds : ndarray of int, shape (H,)
        Rows at which the policy gave a reason to trade nothing.
    reasons : tuple of str, length H
    hold_statuses : tuple of DecisionStatus, length H
    notes : tuple of str, length D
        Note of each decision, for people.
    sleeves : SleevePaths, optional
        Return and cost of each sleeve, if the policy has sleeves.
    """

    name: str
    positions: Ints
    gross: Floats
    net: Floats
    cash_return: Floats
    weights: Floats
    cash_weight: Floats
    decisions: Ints
    targets: Floats
    target_cash: Floats
    statuses: tuple[DecisionStatus, ...]
    turnover: Floats
    cost: Floats
    closed: Ints
    state: PortfolioState
    holds: Ints = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    reasons: tuple[str, ...] = ()
    hold_statuses: tuple[DecisionStatus, ...] = ()
    notes: tuple[str, ...] = ()
    sleeves: SleevePaths | None = None

    @property
    def final_weights(self) -> Floats:
        """Weights that a decision at the close of the last row knows: drifted, or the target still waiting there."""
        return self.state.weights

    @property
    def wealth(self) -> Floats:
        """Wealth after costs at the close of each row of `positions`, 1 at the first trade, shape (R,)."""
        return np.asarray(np.cumprod(1 + self.net))

    def since(self, row: int) -> BacktestResult:
        """Return what was earned in the rows from `row` on, and decided from the row before it on."""
        kept, made, idle = self.positions >= row, self.decisions >= row - 1, self.holds >= row - 1
        parts = self.sleeves
        return replace(
            self,
            positions=self.positions[kept],
            gross=self.gross[kept],
            net=self.net[kept],
            cash_return=self.cash_return[kept],
            weights=self.weights[kept],
            cash_weight=self.cash_weight[kept],
            decisions=self.decisions[made],
            targets=self.targets[made],
            target_cash=self.target_cash[made],
            statuses=tuple(compress(self.statuses, made)),
            notes=tuple(compress(self.notes, made)),
            turnover=self.turnover[made],
            cost=self.cost[made],
            closed=self.closed[made],
            holds=self.holds[idle],
            reasons=tuple(compress(self.reasons, idle)),
            hold_statuses=tuple(compress(self.hold_statuses, idle)),
            sleeves=parts
            and replace(parts, share=parts.share[kept], gross=parts.gross[kept], cost=parts.cost[kept]),
        )

    @property
    def relaxed(self) -> int:
        """Number of decisions for which a limit had to be raised."""
        return sum(DecisionStatus.RELAXED in status for status in self.statuses)

    @property
    def held(self) -> int:
        """Number of decisions at which limits could not be met and nothing, or a part, was therefore not traded."""
        return sum(DecisionStatus.HELD in status for status in (*self.statuses, *self.hold_statuses))

"""Simulation: the only place where a decision meets the return that followed it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np

from allocation.decision_status import DecisionStatus
from allocation.policies.policy import Policy
from allocation.policies.portfolio_state import PortfolioState, SleevePaths
from backtest.account import Account
from backtest.costs import TradingCost
from backtest.simulation_checks import check_span
from foundation.types import Bools, Floats, Ints


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


def simulate(
    name: str,
    returns: Floats,
    cash: Floats,
    decisions: Ints,
    policy: Policy,
    *,
    cost: TradingCost,
    execution_lag: int,
    closed: Bools | None = None,
) -> BacktestResult:
    """Let a policy trade through time, starting in cash.

    A decision at the close of row t knows the weights drifted to that close or, while an earlier order waits to
    be traded, that order's target: its own trade starts from there. Its target is traded at the close of row
    t + execution_lag, pays its cost out of wealth there, and earns from the next row on. Between trades weights
    drift with returns and cash earns the cash return. A missing return is 0: what has no price is held at its
    last one, and sold at it at the next rebalance if the policy no longer wants it. An asset whose market is closed
    at the row of a trade is not traded: it keeps its weight, and the rest of the target is scaled to fill up to 1
    (`keep_closed`).

    Parameters
    ----------
    name : str
    returns : ndarray of shape (T, N)
        Simple returns; NaN where an asset is not listed.
    cash : ndarray of shape (T,)
    decisions : ndarray of int, increasing
    policy : Policy
    cost : TradingCost
    execution_lag : int
    closed : ndarray of bool, shape (T, N), optional
        Where an asset has no return because its market is closed; by default a missing return never says so.

    Raises
    ------
    SimulationError
        If decisions are none, unsorted or outside the data, a target does not sum to 1 with its cash, or
        wealth falls to nothing.

    Notes
    -----
    Trades are the target less the weights held, both as fractions of wealth before the cost, which then shrinks
    wealth as a whole: DeMiguel, Garlappi and Uppal (2009), *Review of Financial Studies* 22, 1915-1953,
    equation 15. Trading the smaller wealth that is left after costs would differ by the square of the rate.
    An asset that is delisted between a decision and its trade is traded at its last price.
    """
    check_span(name, len(returns), decisions, execution_lag)
    earned = np.where(np.isfinite(returns), returns, 0.0)
    shut = np.zeros(returns.shape, dtype=bool) if closed is None else closed
    due, first, last = set(decisions.tolist()), int(decisions[0]), len(returns) - 1
    account = Account(name, cost, execution_lag, *returns.shape)
    for t in range(first, len(returns)):
        if t > first + execution_lag:
            account.earn(t, earned[t], float(cash[t]))
        if t in due or t == last:
            state = account.state()
        if t in due:
            account.decide(t, policy(t, state), state, shut[t])
        if t < last:
            account.trade(t, shut[t])
    rows = np.arange(first + execution_lag + 1, len(returns), dtype=np.int64)
    return _make_result(name, account, rows, cash[rows], state)


def _make_result(
    name: str, account: Account, rows: Ints, cash_return: Floats, state: PortfolioState
) -> BacktestResult:
    """Return the record of an account as arrays; `state` is that at the close of the last row."""
    n_assets, targets, untraded = len(state.weights), account.targets, account.untraded
    earned = np.array(account.earned).reshape(-1, 2)
    traded = np.array(account.traded).reshape(-1, 2)
    return BacktestResult(
        name,
        rows,
        gross=earned[:, 0],
        net=earned[:, 1],
        cash_return=cash_return,
        weights=np.array([weights for weights, _ in account.held]).reshape(len(rows), n_assets),
        cash_weight=np.array([cash for _, cash in account.held]),
        decisions=np.array([target.position for target in targets], dtype=np.int64),
        targets=np.array([target.weights for target in targets]).reshape(len(targets), n_assets),
        target_cash=np.array([target.cash for target in targets]),
        statuses=tuple(target.status for target in targets),
        notes=tuple(target.note for target in targets),
        turnover=traded[:, 0],
        cost=traded[:, 1],
        closed=np.array([assets.sum() for assets in account.blocked], dtype=np.int64),
        state=state,
        holds=np.array([decision.position for decision in untraded], dtype=np.int64),
        reasons=tuple(decision.reason for decision in untraded),
        hold_statuses=tuple(decision.status for decision in untraded),
        sleeves=account.sleeves.paths(),
    )

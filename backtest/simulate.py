"""Simulate: the only place where a decision meets the return that followed it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import compress

import numpy as np

from allocation.decision_status import DecisionStatus
from allocation.policies.policy import Policy
from allocation.policies.portfolio_state import PortfolioState, SleevePaths
from allocation.problem.closed_markets import keep_closed
from allocation.weights import NoTrade, Sleeve, Weights
from backtest.costs import TradingCost
from backtest.errors import SimulationError
from backtest.simulation_checks import check_sleeves, check_span, check_target
from backtest.sleeves import SleeveTape
from foundation.types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class BacktestResult:
    """What a policy would have earned.

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
        What was unusual about each decision, for people.
    sleeves : SleevePaths, optional
        What each sleeve brought, if the policy tells sleeves apart.
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
    end: int | None = None,
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
    end : int, optional
        Last row whose return is earned; the last row of the data by default.
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
    n_dates = len(returns) if end is None else end + 1
    check_span(name, len(returns), n_dates, decisions, execution_lag)
    earned = np.where(np.isfinite(returns), returns, 0.0)
    shut = np.zeros(returns.shape, dtype=bool) if closed is None else closed
    due, first = set(decisions.tolist()), int(decisions[0])
    weights, cash_weight, paid = np.zeros(returns.shape[1]), 1.0, 0.0
    waiting: dict[int, int] = {}
    tape = _Tape(n_dates, returns.shape[1])
    state = tape.state(weights, cash_weight)
    for t in range(first, n_dates):
        if t > first + execution_lag:
            tape.held.append((weights, cash_weight))
            grown, money = weights * (1 + earned[t]), cash_weight * (1 + cash[t])
            total = float(grown.sum()) + money
            if not total > 0:
                raise SimulationError(
                    f"{name}: at row {t} wealth is multiplied by {total:.4g}: nothing is left"
                )
            tape.earn(earned[t], float(cash[t]), total, paid)
            weights, cash_weight, paid = grown / total, money / total, 0.0
        if t in due or t == n_dates - 1:
            state = tape.state(weights, cash_weight, tape.made[-1] if waiting else None)
        if t in due:
            target = policy(t, state)
            if isinstance(target, NoTrade):
                tape.idle.append(target)
            elif target is not None:
                check_target(name, t, target)
                check_sleeves(name, target, tape.made)
                waiting[t + execution_lag] = len(tape.made)
                tape.untraded.append(shut[t] & ((state.weights != 0) | (target.weights != 0)))
                tape.made.append(target)
                tape.traded.append((np.nan, np.nan))
        if t in waiting and t < n_dates - 1:
            index = waiting.pop(t)
            target = tape.made[index]
            tape.untraded[index] |= shut[t] & ((weights != 0) | (target.weights != 0))
            order = keep_closed(target, weights, tape.sleeves.held(), shut[t]) if shut[t].any() else target
            if order is None:
                tape.traded[index] = (0.0, 0.0)
                continue
            trades = order.weights - weights
            paid = cost.charge(trades)
            tape.traded[index] = (float(np.abs(trades).sum()), paid)
            tape.sleeves.trade(order.sleeves, paid)
            weights, cash_weight = order.weights, order.cash
    rows = np.arange(first + execution_lag + 1, n_dates, dtype=np.int64)
    return tape.result(name, rows, cash[rows], state)


class _Tape:
    """What is written down on the way.

    By row (weights, cash) held and (gross, net) earned; by decision (turnover, cost) and the assets not traded.
    """

    def __init__(self, n_dates: int, n_assets: int) -> None:
        self.held: list[tuple[Floats, float]] = []
        self.earned: list[tuple[float, float]] = []
        self.made: list[Weights] = []
        self.idle: list[NoTrade] = []
        self.traded: list[tuple[float, float]] = []
        self.untraded: list[Bools] = []
        self.sleeves = SleeveTape(n_dates, n_assets)
        self.wealth = np.ones(n_dates + 1)

    def earn(self, returns: Floats, cash_return: float, total: float, paid: float) -> None:
        """Write down what a row brought, before and after what was paid for the trade that began it."""
        net = (1 - paid) * total - 1
        self.wealth[len(self.earned) + 1] = self.wealth[len(self.earned)] * (1 + net)
        self.earned.append((total - 1, net))
        self.sleeves.earn(returns, cash_return, total)

    def state(self, weights: Floats, cash: float, order: Weights | None = None) -> PortfolioState:
        """Return what a decision knows: what is held or, while an order waits, what it will be."""
        held: Mapping[str, Sleeve] = self.sleeves.held()
        if order is not None:
            weights, cash, held = order.weights, order.cash, order.sleeves
        wealth = self.wealth[: len(self.earned) + 1].copy()
        return PortfolioState(weights, cash, wealth, held, bool(self.made), self.sleeves.paths())

    def result(self, name: str, rows: Ints, cash_return: Floats, state: PortfolioState) -> BacktestResult:
        """Return the tape as arrays."""
        n_assets = len(state.weights)
        earned = np.array(self.earned).reshape(-1, 2)
        traded = np.array(self.traded).reshape(-1, 2)
        return BacktestResult(
            name,
            rows,
            gross=earned[:, 0],
            net=earned[:, 1],
            cash_return=cash_return,
            weights=np.array([weights for weights, _ in self.held]).reshape(len(rows), n_assets),
            cash_weight=np.array([cash for _, cash in self.held]),
            decisions=np.array([target.position for target in self.made], dtype=np.int64),
            targets=np.array([target.weights for target in self.made]).reshape(len(self.made), n_assets),
            target_cash=np.array([target.cash for target in self.made]),
            statuses=tuple(target.status for target in self.made),
            notes=tuple(target.note for target in self.made),
            turnover=traded[:, 0],
            cost=traded[:, 1],
            closed=np.array([assets.sum() for assets in self.untraded], dtype=np.int64),
            state=state,
            holds=np.array([idle.position for idle in self.idle], dtype=np.int64),
            reasons=tuple(idle.reason for idle in self.idle),
            hold_statuses=tuple(idle.status for idle in self.idle),
            sleeves=self.sleeves.paths(),
        )

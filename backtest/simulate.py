"""Simulation: the only place where a decision meets the return that followed it."""

from __future__ import annotations

import numpy as np

from allocation.policies.policy import Policy
from allocation.policies.portfolio_state import PortfolioState
from backtest.account import Account
from backtest.costs import TradingCost
from backtest.result import BacktestResult
from backtest.simulation_checks import check_span
from foundation.types import Bools, Floats, Ints


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

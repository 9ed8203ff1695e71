"""Account of a simulated portfolio: weights that drift, orders that wait, and a record of both."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from allocation.policies.policy import TradeDecision
from allocation.policies.portfolio_state import PortfolioState
from allocation.problem.closed_markets import keep_closed
from allocation.weights import NoTrade, Sleeve, Weights
from backtest.costs import TradingCost
from backtest.errors import SimulationError
from backtest.simulation_checks import check_sleeves, check_target
from backtest.sleeves import SleeveTape
from foundation.types import Bools, Floats


class Account:
    """A portfolio that starts in cash.

    Parameters
    ----------
    name : str
        For messages.
    cost : TradingCost
    execution_lag : int
        Rows from a decision to its trade.
    n_rows, n_assets : int
        Rows of the data, and assets.

    Attributes
    ----------
    held : list of (ndarray of shape (N,), float)
        Weights and cash at the start of each row that was earned.
    earned : list of (float, float)
        Gross and net return of each such row.
    targets : list of Weights
    untraded : list of NoTrade
    traded : list of (float, float)
        Turnover and cost of each target; NaN where its trade lies beyond the data.
    blocked : list of ndarray of bool, shape (N,)
        Assets of each target that could not be traded, because their market was closed.
    sleeves : SleeveTape
    """

    def __init__(self, name: str, cost: TradingCost, execution_lag: int, n_rows: int, n_assets: int) -> None:
        self.name = name
        self.cost = cost
        self.execution_lag = execution_lag
        self.held: list[tuple[Floats, float]] = []
        self.earned: list[tuple[float, float]] = []
        self.targets: list[Weights] = []
        self.untraded: list[NoTrade] = []
        self.traded: list[tuple[float, float]] = []
        self.blocked: list[Bools] = []
        self.sleeves = SleeveTape(n_rows, n_assets)
        self._wealth = np.ones(n_rows + 1)
        self._weights, self._cash, self._paid = np.zeros(n_assets), 1.0, 0.0
        self._waiting: dict[int, int] = {}

    def state(self) -> PortfolioState:
        """Return the state that a decision knows: the holdings or, while an order waits, its target."""
        weights, cash = self._weights, self._cash
        sleeves: Mapping[str, Sleeve] = self.sleeves.held()
        if self._waiting:
            order = self.targets[-1]
            weights, cash, sleeves = order.weights, order.cash, order.sleeves
        wealth = self._wealth[: len(self.earned) + 1].copy()
        return PortfolioState(weights, cash, wealth, sleeves, bool(self.targets), self.sleeves.paths())

    def earn(self, row: int, returns: Floats, cash_return: float) -> None:
        """Earn the returns (N,) of a row and let the weights drift.

        Raises
        ------
        SimulationError
            If wealth falls to nothing.
        """
        self.held.append((self._weights, self._cash))
        grown, money = self._weights * (1 + returns), self._cash * (1 + cash_return)
        total = float(grown.sum()) + money
        if not total > 0:
            raise SimulationError(
                f"{self.name}: at row {row} wealth is multiplied by {total:.4g}: nothing is left"
            )
        net = (1 - self._paid) * total - 1
        self._wealth[len(self.earned) + 1] = self._wealth[len(self.earned)] * (1 + net)
        self.earned.append((total - 1, net))
        self.sleeves.earn(returns, cash_return, total)
        self._weights, self._cash, self._paid = grown / total, money / total, 0.0

    def decide(self, row: int, decision: TradeDecision, state: PortfolioState, closed: Bools) -> None:
        """Record a decision; a target becomes an order that waits for its trade.

        Raises
        ------
        SimulationError
            If the target is not one of this row, or does not sum to 1 with its cash.
        """
        if isinstance(decision, NoTrade):
            self.untraded.append(decision)
        elif decision is not None:
            check_target(self.name, row, decision)
            check_sleeves(self.name, decision, self.targets)
            self._waiting[row + self.execution_lag] = len(self.targets)
            self.blocked.append(closed & ((state.weights != 0) | (decision.weights != 0)))
            self.targets.append(decision)
            self.traded.append((np.nan, np.nan))

    def trade(self, row: int, closed: Bools) -> None:
        """Trade the order that waits for this row, if there is one, and pay for it."""
        if row not in self._waiting:
            return
        index = self._waiting.pop(row)
        order: Weights | None = self.targets[index]
        self.blocked[index] |= closed & ((self._weights != 0) | (self.targets[index].weights != 0))
        if closed.any():
            order = keep_closed(self.targets[index], self._weights, self.sleeves.held(), closed)
        if order is None:
            self.traded[index] = (0.0, 0.0)
            return
        trades = order.weights - self._weights
        self._paid = self.cost.charge(trades)
        self.traded[index] = (float(np.abs(trades).sum()), self._paid)
        self.sleeves.trade(order.sleeves, self._paid)
        self._weights, self._cash = order.weights, order.cash

"""Sleeves: what each part of a portfolio holds and brings while the simulator trades the whole."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from allocation.policies.portfolio_state import SleevePaths
from allocation.weights import Sleeve
from foundation.types import Floats


class SleeveTape:
    """Track the sleeves of a portfolio, and record the return and cost of each.

    The cost of a trade is shared by what each sleeve trades: sales of one that are purchases of another cost
    nothing, and all sleeves gain by it in proportion.

    Parameters
    ----------
    n_rows, n_assets : int
        Rows that will be earned at most, and assets.
    """

    def __init__(self, n_rows: int, n_assets: int) -> None:
        self.names: list[str] = []
        self.weights = np.zeros((0, n_assets))
        self.cash = np.zeros(0)
        self.paid = np.zeros(0)
        self.table = np.zeros((3, n_rows, 0))
        self.rows = 0

    def trade(self, target: Mapping[str, Sleeve], paid: float) -> None:
        """Trade each sleeve to its target, for a cost that was paid for all, as a fraction of wealth."""
        new = [name for name in target if name not in self.names]
        if new:
            self._add(new)
        if not self.names:
            return
        wanted = np.zeros_like(self.weights)
        cash = np.zeros_like(self.cash)
        for k, name in enumerate(self.names):
            if name in target:
                wanted[k], cash[k] = target[name].weights, target[name].cash
        traded = np.abs(wanted - self.weights).sum(axis=1)
        total = float(traded.sum())
        self.paid = paid * traded / total if total > 0 else np.zeros_like(traded)
        self.weights, self.cash = wanted, cash

    def _add(self, names: list[str]) -> None:
        """Make room for sleeves that were not there before."""
        n = len(names)
        self.names += names
        self.weights = np.vstack([self.weights, np.zeros((n, self.weights.shape[1]))])
        self.cash, self.paid = (np.concatenate([old, np.zeros(n)]) for old in (self.cash, self.paid))
        self.table = np.concatenate([self.table, np.zeros((*self.table.shape[:2], n))], axis=2)

    def earn(self, returns: Floats, cash_return: float, total: float) -> None:
        """Write down a row in which the portfolio's wealth grew to `total` before costs, and let sleeves drift."""
        if self.names:
            gained, interest = self.weights * returns, self.cash * cash_return
            self.table[:, self.rows] = (
                self.weights.sum(axis=1) + self.cash,
                gained.sum(axis=1) + interest,
                self.paid * total,
            )
            self.weights, self.cash = (self.weights + gained) / total, (self.cash + interest) / total
            self.paid = np.zeros_like(self.paid)
        self.rows += 1

    def held(self) -> dict[str, Sleeve]:
        """Return what each sleeve holds."""
        if not self.names:
            return {}
        return {n: Sleeve(w, float(c)) for n, w, c in zip(self.names, self.weights, self.cash, strict=True)}

    def paths(self) -> SleevePaths | None:
        """Return the record so far; None without sleeves."""
        if not self.names:
            return None
        share, gross, cost = self.table[:, : self.rows].copy()
        return SleevePaths(tuple(self.names), share, gross, cost)

"""State of a portfolio at a decision: what it holds and what it has earned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from allocation.weights import Sleeve
from foundation.types import Floats

FUNDED = 1e-9
"""A sleeve with a smaller share of wealth holds nothing of its own."""


@dataclass(frozen=True, eq=False)
class SleevePaths:
    """What each sleeve brought to a portfolio, row by row; gross - cost of all sleeves is the net return.

    Attributes
    ----------
    names : tuple of str, length S
    share : ndarray of shape (R, S)
        Of wealth at the start of each row, after trades.
    gross : ndarray of shape (R, S)
        Contribution to the simple return of the whole portfolio, before costs.
    cost : ndarray of shape (R, S)
        Part of the cost of the trade that began the row, as a fraction of wealth at the end of it.
    """

    names: tuple[str, ...]
    share: Floats
    gross: Floats
    cost: Floats

    @property
    def net(self) -> Floats:
        """Contributions after costs, shape (R, S)."""
        return np.asarray(self.gross - self.cost)

    def select_sleeve(self, name: str) -> SleevePaths:
        """Return the paths of a sleeve and of those inside it, by the names that they have in there."""
        inside = [k for k, key in enumerate(self.names) if _is_in_sleeve(key, name)]
        names = tuple(self.names[k][len(name) + 1 :] for k in inside)
        return SleevePaths(names, self.share[:, inside], self.gross[:, inside], self.cost[:, inside])

    def wealth(self) -> Floats:
        """Return what 1 in these sleeves together has become by the close of each row, shape (R + 1,)."""
        share, net = self.share.sum(axis=1), self.net.sum(axis=1)
        funded = share > FUNDED
        growth = 1 + np.divide(net, share, out=np.zeros_like(net), where=funded)
        return np.concatenate([[1.0], np.cumprod(growth)])


@dataclass(frozen=True, eq=False)
class PortfolioState:
    """What a portfolio holds and what it has earned, as known at the close of a decision.

    Attributes
    ----------
    weights : ndarray of shape (N,)
        Held before the trade: drifted to this close or, while an order waits to be traded, its target.
    cash : float
    wealth : ndarray of shape (R + 1,)
        Net wealth at the close of the first trade, 1, and of each row since, up to the decision. What the trade
        at the last of these closes costs is not yet in it.
    sleeves : mapping of str to Sleeve
        The same weights and cash by purpose.
    started : bool
        Whether this portfolio has traded before. If not, it begins now, whatever calendar or band says.
    paths : SleevePaths, optional
        What the sleeves have earned in the R rows.
    """

    weights: Floats
    cash: float
    wealth: Floats = field(default_factory=lambda: np.ones(1))
    sleeves: Mapping[str, Sleeve] = field(default_factory=dict)
    started: bool = True
    paths: SleevePaths | None = None

    @staticmethod
    def empty(n_assets: int) -> PortfolioState:
        """Return the state of a portfolio that is all cash and begins now."""
        return PortfolioState(np.zeros(n_assets), 1.0, started=False)

    def restart(self) -> PortfolioState:
        """Return the state of a portfolio that begins now from these holdings."""
        return PortfolioState(self.weights, self.cash, started=False)

    def share(self, name: str) -> float:
        """Return the fraction of wealth that a sleeve has, those inside it included."""
        return sum(sleeve.share for key, sleeve in self.sleeves.items() if _is_in_sleeve(key, name))

    def select_sleeve(self, name: str) -> PortfolioState:
        """Return the state of a sleeve as if it were the whole portfolio.

        A sleeve that holds nothing begins now, from what the whole portfolio holds.
        """
        share = self.share(name)
        if share <= FUNDED:
            return self.restart()
        parts = {key: s.scale(1 / share) for key, s in self.sleeves.items() if _is_in_sleeve(key, name)}
        paths = None if self.paths is None else self.paths.select_sleeve(name)
        return replace(
            self,
            weights=np.sum([part.weights for part in parts.values()], axis=0),
            cash=sum(part.cash for part in parts.values()),
            wealth=np.ones(1) if paths is None else paths.wealth(),
            sleeves={key[len(name) + 1 :]: part for key, part in parts.items() if key != name},
            started=True,
            paths=paths,
        )


def _is_in_sleeve(key: str, name: str) -> bool:
    """Return whether a sleeve is the named one or lies inside it."""
    return key == name or key.startswith(f"{name}/")

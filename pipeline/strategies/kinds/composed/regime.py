"""A portfolio for each regime."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

import numpy as np

from foundation.counts import format_count
from foundation.types import Floats
from pipeline.errors import RunError
from pipeline.strategies.settings import Assets, ComposedStrategy, RebalanceSection, RunFacts

if TYPE_CHECKING:
    from allocation.policies.blend import Shares
    from allocation.policies.policy import Policy
    from pipeline.strategies.builder import StrategyBuilder


class RegimeStrategy(ComposedStrategy):
    """One portfolio per regime: that of the most likely regime, or a mix by their probabilities.

    `follow` is the regime now, or the forecast of the regime one horizon ahead.
    """

    kind: Literal["regime"]
    portfolios: Assets
    how: Literal["switch", "mix"] = "switch"
    follow: Literal["current", "forecast"] = "current"
    rebalance: RebalanceSection = RebalanceSection()

    def uses(self) -> Iterator[tuple[str, str]]:
        """Yield key and name of each portfolio that the strategy uses."""
        for state, name in enumerate(self.portfolios):
            yield f"portfolios.{state}", name

    def find_conflict(self, run: RunFacts) -> str:
        """Return a message if the number of portfolios differs from that of the regimes; "" otherwise."""
        if len(self.portfolios) == run.n_states:
            return ""
        return (
            f".portfolios: {format_count(len(self.portfolios), 'portfolio')} for "
            f"{format_count(run.n_states, 'regime')} (regimes.states), expected one for each"
        )

    def build(self, builder: StrategyBuilder) -> Policy:
        """Return the policy. The portfolios are sleeves."""
        from allocation.policies.blend import Blend

        if builder.regimes is None:
            raise RunError(
                f"portfolios by regime {', '.join(self.portfolios)} need regimes, which are not known yet"
            )
        names = tuple(dict.fromkeys(self.portfolios))
        member = np.array([[float(name == own) for name in names] for own in self.portfolios])
        path = builder.regimes
        followed = path.probabilities if self.follow == "current" else path.forecast.probabilities
        shares = regime_shares(followed, member, self.how)
        parts = {name.replace(":", " "): builder.policy(name) for name in names}
        return Blend(parts, shares, self.rebalance.build(), builder.decisions)


def regime_shares(probabilities: Floats, member: Floats, how: str) -> Shares:
    """Return a function that gives the shares of the portfolios at a row, shape (portfolios,).

    Parameters
    ----------
    probabilities : ndarray of shape (T, states)
        NaN before the first regime is known; all states are then equally likely.
    member : ndarray of shape (states, portfolios)
        1 where a portfolio belongs to a state.
    how : {"switch", "mix"}
    """

    def shares(row: int) -> Floats:
        known = probabilities[row]
        if not np.isfinite(known).all():
            known = np.full(len(known), 1 / len(known))
        elif how == "switch":
            known = np.eye(len(known))[int(known.argmax())]
        return np.asarray((known[:, None] * member).sum(axis=0))

    return shares

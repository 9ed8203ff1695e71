"""Blend: several policies side by side, each with its share of wealth."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from allocation.decision_status import DecisionStatus
from allocation.errors import InputError
from allocation.policies.policy import Policy, TradeDecision
from allocation.policies.portfolio_state import FUNDED, PortfolioState
from allocation.trading.rebalancing import Rebalancing
from allocation.weights import NoTrade, OptimalityCertificate, Sleeve, Weights
from foundation.types import Floats, Ints

Shares = Callable[[int], Floats]
"""Shares of wealth that are wanted at a row, in the order of the parts."""


class Blend:
    """Policies side by side: a core and satellites, or one for each regime.

    Each part decides on its own wealth and state, as if it were alone. Shares of wealth drift with what the
    parts earn, and are brought back by a calendar or bands of their own. A part that does not trade while shares
    are brought back is scaled as it is. A part without a share is not asked; one that has none yet begins from
    what the whole holds, so that its trades are known for what they are.

    Parameters
    ----------
    parts : mapping of str to Policy
    shares : callable
        From a row to the shares wanted there (S,), 0 or more, of sum 1.
    rebalancing : Rebalancing
        Of the shares.
    decisions : ndarray of int, increasing
        Rows of the decisions, which the calendar counts.
    together : bool
        Whether parts trade when the shares are brought back, and only then, as if they began: for parts that are
        no more than classes of assets.
    """

    def __init__(
        self,
        parts: Mapping[str, Policy],
        shares: Shares,
        rebalancing: Rebalancing,
        decisions: Ints,
        *,
        together: bool = False,
    ) -> None:
        self.parts = dict(parts)
        self.shares = shares
        self.rebalancing = rebalancing
        self.decisions = decisions
        self.together = together

    def __call__(self, position: int, state: PortfolioState) -> TradeDecision:
        """Return the parts' weights by their shares; no trade if no part trades and shares stay."""
        wanted = self.shares(position)
        if not (np.isfinite(wanted).all() and (wanted >= 0).all() and abs(wanted.sum() - 1) < 1e-9):
            raise InputError(f"row {position}: shares must be 0 or more and sum to 1, they are {wanted}")
        held = np.array([state.share(name) for name in self.parts])
        started = state.started and bool(held.sum() > FUNDED)
        index = int(np.searchsorted(self.decisions, position))
        new = self.rebalancing.trade(index, held, wanted, started=started)
        if new is None and self.together:
            return None
        shares = held if new is None else new
        answers = self._ask_parts(position, state, shares)
        if new is None and not any(isinstance(answer, Weights) for answer in answers.values()):
            return next((answer for answer in answers.values() if answer is not None), None)
        by_name = dict(zip(self.parts, shares.tolist(), strict=True))
        return _joined(
            position,
            {
                name: (by_name[name], resolve_decision(position, answer, state.select_sleeve(name)))
                for name, answer in answers.items()
            },
        )

    def _ask_parts(self, position: int, state: PortfolioState, shares: Floats) -> dict[str, TradeDecision]:
        """Return the decision of each part that has money."""
        answers = dict[str, TradeDecision]()
        for (name, part), share in zip(self.parts.items(), shares, strict=True):
            if share > FUNDED:
                sleeve = state.select_sleeve(name)
                answers[name] = part(position, sleeve.restart() if self.together else sleeve)
        return answers


def resolve_decision(position: int, answer: TradeDecision, state: PortfolioState) -> Weights:
    """Return the weights after a decision: those wanted or, without a trade, those held."""
    if isinstance(answer, Weights):
        return answer
    status, note = DecisionStatus.UNCHANGED, ""
    if isinstance(answer, NoTrade):
        status, note = answer.status, answer.reason
    weights, cash = (state.weights, state.cash) if state.started else (np.zeros_like(state.weights), 1.0)
    return Weights(position, weights, cash, status, OptimalityCertificate({}, 0.0), state.sleeves, note)


def prefix_sleeves(name: str, part: Weights, share: float) -> dict[str, Sleeve]:
    """Return the sleeves of a part under its name, as fractions of the whole."""
    if not part.sleeves:
        return {name: Sleeve(part.weights, part.cash).scale(share)}
    return {f"{name}/{key}": sleeve.scale(share) for key, sleeve in part.sleeves.items()}


def _worst(numbers: Sequence[float]) -> float:
    """Return the largest finite number, NaN if there is none."""
    return max((number for number in numbers if np.isfinite(number)), default=float("nan"))


def _joined(position: int, parts: Mapping[str, tuple[float, Weights]]) -> Weights:
    """Add up the parts, their sleeves, and the evidence for them."""
    weights = np.sum([share * part.weights for share, part in parts.values()], axis=0)
    cash = sum(share * part.cash for share, part in parts.values())
    sleeves = {
        key: sleeve
        for name, (share, part) in parts.items()
        for key, sleeve in prefix_sleeves(name, part, share).items()
    }
    status = DecisionStatus.combine(part.status for _, part in parts.values())
    note = "; ".join(f"{name}: {part.note}" for name, (_, part) in parts.items() if part.note)
    slack = {f"{n}: {k}": v for n, (_, part) in parts.items() for k, v in part.certificate.slack.items()}
    tolerance = max(part.certificate.tolerance for _, part in parts.values())
    made = [part.certificate for _, part in parts.values()]
    gap, residual = (_worst(numbers) for numbers in ([a.gap for a in made], [a.residual for a in made]))
    certificate = OptimalityCertificate(slack, tolerance, gap, residual)
    return Weights(position, weights, cash, status, certificate, sleeves, note)

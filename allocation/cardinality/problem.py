"""CardinalityProblem: a programme with semi-continuous weights, of which few may differ from 0."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from allocation.cardinality.semicontinuous import (
    find_intervals,
    split_diagonal,
)
from allocation.mean_variance.problem import MeanVarianceProblem
from allocation.solver.programme import Programme
from allocation.solver.terms import Term, Turnover, Uncertainty
from foundation.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class CardinalityProblem:
    """Maximise a programme's objective with its rows and terms over weights of which at most `most` are not 0.

    Attributes
    ----------
    programme : Programme
        Its start is not read.
    held : ndarray of shape (n,)
        Weights before the trade, within the bounds or not.
    turnover : float
        Largest sum |w - held|; infinite where there is no limit.
    other_terms : sequence of Term
        All other terms.
    most : int
    minimum : float
        Smallest position, 0 or more.
    """

    programme: Programme
    held: Floats
    turnover: float
    other_terms: Sequence[Term]
    most: int
    minimum: float

    @classmethod
    def from_decision(cls, decision: MeanVarianceProblem, most: int, minimum: float) -> CardinalityProblem:
        """Return the problem of a mean-variance decision in which few positions may be held."""
        programme, held = decision.programme, decision.held
        inside = held[decision.limits.inside]
        outside = float(np.abs(held).sum() - np.abs(inside).sum())
        limit = (
            decision.constraints.turnover if decision.raised_turnover is None else decision.raised_turnover
        )
        others = [term for term in decision.terms if not isinstance(term, Turnover)]
        room = np.inf if limit is None else limit - outside
        # The decision counts impact from its clipped start; the search clips differently in each node.
        mu = programme.mu + 2 * programme.impact * (programme.start - inside)
        return cls(replace(programme, mu=mu), inside, room, others, most, minimum)

    @cached_property
    def pieces(self) -> Floats:
        """Weights that each asset may have, see `semicontinuous.find_intervals`."""
        return find_intervals(self.programme.low, self.programme.high, self.minimum)[0]

    @cached_property
    def allowed(self) -> Ints:
        """What each asset may be."""
        return find_intervals(self.programme.low, self.programme.high, self.minimum)[1]

    @cached_property
    def specific(self) -> Floats:
        """The diagonal that is split off the covariance."""
        return split_diagonal(self.programme.sigma)

    def objective(self, w: Floats) -> float:
        """Return what is maximised, costs from the weights held included."""
        p, trade = self.programme, w - self.held
        value = p.mu @ w - 0.5 * p.gamma * (w @ (p.sigma @ w)) - 0.5 * (p.ridge @ np.square(w))
        value -= p.cost @ np.abs(trade) + p.impact @ np.square(trade)
        for term in self.other_terms:
            if isinstance(term, Uncertainty):
                value -= term.kappa * float(np.linalg.norm(term.error * w))
        return float(value)

    def with_bounds(self, low: Floats, high: Floats) -> tuple[Programme, list[Term]] | None:
        """Return the problem for weights between bounds, or None if to come between them takes too many trades."""
        p, start = self.programme, np.clip(self.held, low, high)
        shift = start - self.held
        terms = list(self.other_terms)
        if np.isfinite(self.turnover):
            room = self.turnover - float(np.abs(shift).sum())
            if room < 0:
                return None
            terms.insert(0, Turnover(start, room))
        # (w - held)^2 = (w - start)^2 + 2 shift w + what does not depend on w.
        return replace(p, mu=p.mu - 2 * p.impact * shift, start=start, low=low, high=high), terms

"""Incumbent: the best weights that a search has met, and how others are tried from a relaxation."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from allocation.cardinality.problem import CardinalityProblem
from allocation.cardinality.relaxation import RelaxationResult
from allocation.cardinality.semicontinuous import LONG, SHORT, ZERO, find_hull
from allocation.solver.lagrangian import solve_lagrangian
from foundation.types import Floats, Ints


@dataclass(eq=False)
class Incumbent:
    """The best weights that a search has met.

    Attributes
    ----------
    problem : CardinalityProblem
    objective : float
        Minus infinity before any weights were met.
    weights : ndarray of shape (n,), optional
    tried : set of bytes
        Positions that were solved for.
    """

    problem: CardinalityProblem
    objective: float = -np.inf
    weights: Floats | None = None
    tried: set[bytes] = field(default_factory=set)

    def try_positions(self, held: Ints) -> bool:
        """Solve for the assets that may be held; return whether that is the best so far."""
        key = held.tobytes()
        if key in self.tried:
            return False
        self.tried.add(key)
        w = self._solve(held)
        if w is not None and self.problem.minimum > 0:
            w = self._solve(_choose_sides(self.problem, held, w))
        if w is None:
            return False
        value = self.problem.objective(w)
        if value <= self.objective:
            return False
        self.objective, self.weights = value, w
        return True

    def _solve(self, allowed: Ints) -> Floats | None:
        low, high = find_hull(self.problem.pieces, allowed)
        built = self.problem.with_bounds(low, high)
        answer = solve_lagrangian(*built) if built is not None else None
        return None if answer is None else answer[0].weights

    def improve(self) -> None:
        """Exchange one asset held for one that is not while that is better."""
        better = True
        while better and self.weights is not None:
            better = False
            allowed, w = self.problem.allowed, self.weights
            p = self.problem.programme
            rank = p.mu - p.gamma * (p.sigma @ w) - p.cost * (self.problem.held <= 0)
            outside = np.flatnonzero((w == 0) & (allowed != ZERO))
            entering = outside[np.argsort(-np.abs(rank[outside] - np.median(rank[w != 0])), kind="stable")]
            entering = entering[np.argsort(-rank[entering], kind="stable")][:5]
            for leaving in np.flatnonzero((w != 0) & (allowed & ZERO != 0)):
                for i in entering:
                    held = np.where(w != 0, allowed, ZERO)
                    held[leaving], held[i] = ZERO, allowed[i]
                    better = self.try_positions(held) or better


def choose_positions(problem: CardinalityProblem, relaxed: RelaxationResult, allowed: Ints) -> Ints:
    """Return what assets may be held for certain if those with the largest shares of the relaxation are."""
    undecided = (allowed & ZERO != 0) & (allowed != ZERO)
    room = problem.most - int((allowed & ZERO == 0).sum())
    score = np.where(undecided, relaxed.shares + 1e-3 * np.abs(relaxed.weights), -1.0)
    order = np.argsort(-score, kind="stable")
    chosen = np.zeros(len(allowed), dtype=bool)
    chosen[order[: max(room, 0)]] = True
    chosen &= undecided
    return np.where(chosen | (allowed & ZERO == 0), allowed, ZERO)


def _choose_sides(problem: CardinalityProblem, allowed: Ints, w: Floats) -> Ints:
    """Return the allowed weights that are near to `w`: 0, long or short, without a choice."""
    both = allowed & (LONG + SHORT)
    side = np.where(w >= 0, LONG, SHORT)
    side = np.where(both & side, side, both)
    small = (np.abs(w) < 0.5 * problem.minimum) | (w == 0)
    return np.where((allowed & ZERO != 0) & (small | (both == 0)), ZERO, side)

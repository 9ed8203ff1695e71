"""Branch and bound over which assets are held: best bound first, depth first until there are weights at all.

Notes
-----
Land and Doig (1960), *Econometrica* 28, 497-520; for portfolios Bienstock (1996), *Mathematical Programming* 74,
121-140. Deterministic: ties go to the node that was made first and to the first asset.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from allocation.cardinality.incumbent import Incumbent, choose_positions
from allocation.cardinality.problem import CardinalityProblem
from allocation.cardinality.pruning import breaks_single_row, is_infeasible
from allocation.cardinality.relaxation import RelaxationResult, solve_relaxation
from allocation.cardinality.semicontinuous import LONG, SHORT, ZERO
from foundation.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class SearchResult:
    """The end of a search.

    Attributes
    ----------
    weights : ndarray of shape (n,), optional
        The best that were met; None if none were.
    objective : float
    bound : float
        No allowed weights have a larger objective.
    nodes : int
        How many relaxations were looked at.
    finished : bool
        Whether nothing was left to look at, so that no weights at all means that there are none.
    """

    weights: Floats | None
    objective: float
    bound: float
    nodes: int
    finished: bool


@dataclass(eq=False)
class Search:
    """One search.

    Attributes
    ----------
    problem : Problem
    nodes : int
        Most relaxations to look at.
    tolerance : float
        In units of the objective: what is less is no improvement.
    """

    problem: CardinalityProblem
    nodes: int
    tolerance: float
    visited: int = 0
    unproved: float = -np.inf
    left_out: float = -np.inf
    heap: list[tuple[float, float, int, Ints, Floats]] = field(default_factory=list)
    count: int = 0
    deep: bool = True
    incumbent: Incumbent = field(init=False)

    def __post_init__(self) -> None:
        """Begin without weights."""
        self.incumbent = Incumbent(self.problem)

    def run(self) -> SearchResult:
        """Search until nothing better can be left, or the number of nodes is used up."""
        allowed = self.problem.allowed
        self._push(np.inf, allowed, np.full(len(allowed), min(1.0, self.problem.most / len(allowed))))
        while self.heap and self.visited < self.nodes:
            if self.deep and self.incumbent.weights is not None:
                self.deep = False
                self.heap = [(-bound, bound, *rest) for _, bound, *rest in self.heap]  # type: ignore[misc]
                heapq.heapify(self.heap)
            _, bound, _, allowed, z = heapq.heappop(self.heap)
            if not self._worse(bound):
                self._look(bound, allowed, z)
        left = max((bound for _, bound, *_ in self.heap), default=-np.inf)
        left = max(left, self.unproved)
        done = left <= self.incumbent.objective + self.tolerance
        bound = max(left, self.left_out, self.incumbent.objective)
        return SearchResult(self.incumbent.weights, self.incumbent.objective, bound, self.visited, done)

    def _worse(self, bound: float) -> bool:
        """Whether a part of the weights need not be looked at; its bound is remembered."""
        worse = bound <= self.incumbent.objective + self.tolerance
        if worse:
            self.left_out = max(self.left_out, bound)
        return worse

    def _push(self, bound: float, allowed: Ints, z: Floats) -> None:
        self.count += 1
        heapq.heappush(self.heap, (-self.count if self.deep else -bound, bound, self.count, allowed, z))

    def _look(self, bound: float, allowed: Ints, z: Floats) -> None:
        """Look at one node: bound it, try weights from it, and branch."""
        self.visited += 1
        if breaks_single_row(self.problem, allowed):
            return
        relaxed = solve_relaxation(self.problem, allowed, z, self.incumbent.objective + self.tolerance)
        if relaxed is None:
            if not is_infeasible(self.problem, allowed):
                self._split_blindly(bound, allowed, z)
            return
        bound = min(bound, relaxed.bound)
        if self._worse(bound):
            return
        self.incumbent.try_positions(choose_positions(self.problem, relaxed, allowed))
        if self.visited == 1:
            self.incumbent.improve()
        if self._worse(bound):
            return
        fixed = self._fixed(allowed, relaxed)
        if _open(fixed).any() or not _open(allowed).any():
            self._branch(bound, fixed, relaxed)
        else:
            self._push(bound, fixed, relaxed.shares)  # all is decided now, which the bound does not know yet

    def _fixed(self, allowed: Ints, relaxed: RelaxationResult) -> Ints:
        """Decide assets whose other choice cannot be better than what is known."""
        if self.incumbent.weights is None:
            return allowed
        room = relaxed.bound - self.incumbent.objective - self.tolerance
        undecided = _open(allowed)
        unheld, held = undecided & (relaxed.held_less > room), undecided & (relaxed.unheld_less > room)
        for fixed, less in ((unheld, relaxed.held_less), (held, relaxed.unheld_less)):
            self.left_out = max(self.left_out, float((relaxed.bound - less[fixed]).max(initial=-np.inf)))
        return np.where(unheld, ZERO, np.where(held, allowed & ~ZERO, allowed))

    def _branch(self, bound: float, allowed: Ints, relaxed: RelaxationResult) -> None:
        """Push the two parts of a node, the likelier one last: it is the first to be looked at if it is as good."""
        undecided = _open(allowed)
        w, z = relaxed.weights, relaxed.shares
        if undecided.any():
            i = int(np.argmax(np.where(undecided, np.minimum(z, 1 - z) + 1e-6 * np.abs(w), -1.0)))
            parts = [ZERO, allowed[i] & ~ZERO]
            if z[i] < 0.5:
                parts.reverse()
        else:
            both = allowed == LONG + SHORT
            if not both.any() or self.problem.minimum == 0:
                self.unproved = max(self.unproved, bound)
                return
            i = int(np.argmax(np.where(both, self.problem.minimum - np.abs(w), -np.inf)))
            parts = [SHORT, LONG] if w[i] >= 0 else [LONG, SHORT]
        for part in parts:
            child = allowed.copy()
            child[i] = part
            self._push(bound, child, z)

    def _split_blindly(self, bound: float, allowed: Ints, z: Floats) -> None:
        """Branch where the relaxation has no answer though it may have one; a leaf stays unproved."""
        nothing = np.zeros(len(allowed))
        leaf = not _open(allowed).any()
        if leaf and (self.problem.minimum == 0 or not (allowed == LONG + SHORT).any()):
            self.unproved = max(self.unproved, bound)
            return
        self._branch(bound, allowed, RelaxationResult(bound, nothing, z, nothing, nothing))


def _open(allowed: Ints) -> NDArray[np.bool_]:
    """Return which assets may be held or not."""
    return np.asarray((allowed & ZERO != 0) & (allowed != ZERO))

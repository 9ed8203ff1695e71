"""Cardinality: mean-variance with few positions, none of them small."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from allocation import input_checks as inputs
from allocation.cardinality.branch_and_bound import Found, Search
from allocation.cardinality.limits import check_alone, check_together
from allocation.cardinality.relaxation import Problem
from allocation.covariance_types import Risk
from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError, InputError, LimitError, SolverError
from allocation.input_alignment import align_inputs
from allocation.mean_variance.allocator import MeanVariance
from allocation.mean_variance.decision import BREACH, Decision
from allocation.solver.lagrangian import Turnover, Variance
from allocation.weights import Attestation, Weights
from foundation.types import Bools, Floats


class Cardinality:
    """The best weights of a `MeanVariance` of which at most `most` are not 0, and none of those is small.

    A weight is 0 or at least `minimum_position`, in size where short positions are allowed; all limits and costs of
    the solver hold as they are. A limit on turnover that stands in the way is raised, as the solver does.

    Parameters
    ----------
    solver : MeanVariance
    most : int
        K, the largest number of assets held; 1 or more.
    minimum_position : float
        m, the smallest position in fractions of wealth; 0 is no limit.
    nodes : int
        Most relaxations to look at. A search that ends there hands out the best weights it met, and says by how much
        others may be better at most.
    tolerance : float
        What is not worth looking for, as a share of max(|mu|, gamma |Sigma|, cost).

    Raises
    ------
    LimitError
        If a number is out of range, or no position of an asset that may be held is large enough.
    """

    def __init__(
        self,
        solver: MeanVariance,
        most: int,
        minimum_position: float = 0.0,
        *,
        nodes: int = 10_000,
        tolerance: float = 1e-9,
    ) -> None:
        if isinstance(most, bool) or most != int(most) or most < 1:
            raise LimitError(f"most: {most!r} assets; the number must be 1 or more")
        if not (np.isfinite(minimum_position) and minimum_position >= 0):
            raise LimitError(f"minimum_position: {minimum_position:g} must be a number of 0 or more")
        if nodes < 1 or not tolerance >= 0:
            raise InputError(f"nodes {nodes} must be 1 or more, and tolerance {tolerance:g} 0 or more")
        check_alone(solver.constraints, solver.assets, minimum_position)
        self.solver = solver
        self.assets = solver.assets
        self.most = int(most)
        self.minimum_position = float(minimum_position)
        self.nodes = nodes
        self.tolerance = tolerance

    def with_fixed(self, weights: Mapping[str, float]) -> Cardinality:
        """Return the same problem with the weights of some assets fixed; they count as positions."""
        return Cardinality(
            self.solver.with_fixed(weights),
            self.most,
            self.minimum_position,
            nodes=self.nodes,
            tolerance=self.tolerance,
        )

    @align_inputs
    def solve(
        self,
        position: int,
        mu: Floats,
        sigma: Risk,
        held: Floats,
        universe: Bools,
        *,
        error: Floats | None = None,
        trusted: bool = False,
    ) -> Weights:
        """Return the best weights; the parameters are those of `MeanVariance.solve`.

        The gap of the attestation is that of the search: how much better any weights that keep all limits, these two
        included, can be at most.

        Raises
        ------
        InputError
            As `MeanVariance.solve`.
        InfeasibleError
            If the limits contradict one another.
        SolverError
            If no weights that keep the limits were met in `nodes` relaxations.
        """
        inputs.check(position, self.assets, mu, sigma, held, universe, trusted)
        decision = self.solver.decision(position, mu, sigma, held, universe, error)
        problem = self._problem(decision)
        found = self._search(problem, self.tolerance)
        if found.weights is None:
            check_together(
                position, decision.limits.named, self.most, self.minimum_position, decision.programme.low,
                decision.programme.high,
            )  # fmt: skip
            self._check_variances(position, problem)
            decision = self._raised(decision, problem, found)
            problem = self._problem(decision)
            found = self._search(problem, self.tolerance)
        if found.weights is None:
            raise SolverError(_nothing(position, found))
        return self._weights(decision, problem, found, found.weights)

    def _problem(self, decision: Decision) -> Problem:
        limits, held = decision.limits, decision.held
        inside = held[limits.inside]
        outside = float(np.abs(held).sum() - np.abs(inside).sum())
        limit = decision.constraints.turnover if decision.raised is None else decision.raised
        others = [term for term in decision.terms if not isinstance(term, Turnover)]
        room = np.inf if limit is None else limit - outside
        # The decision reckons impact from where its weights begin; the search begins elsewhere for each piece.
        programme = decision.programme
        mu = programme.mu + 2 * programme.impact * (programme.start - inside)
        return Problem(replace(programme, mu=mu), inside, room, others, self.most, self.minimum_position)

    def _search(self, problem: Problem, tolerance: float) -> Found:
        return Search(problem, self.nodes, tolerance * problem.programme.scale).run()

    def _check_variances(self, position: int, problem: Problem) -> None:
        """Say which limit on a variance alone cannot be met by so few assets."""
        for term in problem.others:
            if not isinstance(term, Variance):
                continue
            calm = problem.programme.of_least_variance(term.benchmark)
            others = [t for t in problem.others if t.limited and not isinstance(t, Variance)]
            found = self._search(
                replace(problem, programme=calm, others=others, turnover=np.inf), self.tolerance
            )
            if found.weights is None:
                raise SolverError(_nothing(position, found))
            least = term.deviation(found.weights)
            if least > term.limit:
                name, few = f"{term.what} at most {term.limit:g}", self._in_words()
                raise InfeasibleError(
                    f"row {position}: {name} cannot be met by any weights that keep the other limits, with {few}: the "
                    f"least {'is' if found.finished else 'that was met is'} {least:.4g}. Raise it to "
                    f"{least * 1.0001:.4g}, or allow more or smaller positions, or loosen another limit",
                    (name, few),
                )

    def _raised(self, decision: Decision, problem: Problem, found: Found) -> Decision:
        """Return the decision with the least turnover that the other limits allow."""
        if not np.isfinite(problem.turnover):
            raise SolverError(_nothing(decision.position, found))
        calm = problem.programme.of_least_turnover()
        others = [term for term in problem.others if term.limited]
        least = self._search(replace(problem, programme=calm, others=others, turnover=np.inf), 1e-7)
        if least.weights is None:
            raise SolverError(_nothing(decision.position, least))
        traded = float(np.abs(least.weights - problem.held).sum())
        outside = float(np.abs(decision.held).sum() - np.abs(problem.held).sum())
        return decision.allowing(outside, traded)

    def _in_words(self) -> str:
        least = f" of {self.minimum_position:g} or more" if self.minimum_position > 0 else ""
        return f"at most {self.most} positions{least}"

    def _weights(self, decision: Decision, problem: Problem, found: Found, inside: Floats) -> Weights:
        weights = np.zeros(len(decision.held))
        weights[decision.limits.inside] = inside
        positions = np.abs(inside[inside != 0])
        slack = decision.slack(weights)
        slack[f"at most {self.most} positions"] = float(self.most - len(positions))
        if self.minimum_position > 0 and len(positions):
            slack[f"position at least {self.minimum_position:g}"] = float(
                positions.min() - self.minimum_position
            )
        gap = (found.bound - found.objective) / problem.programme.scale
        attestation = Attestation(slack, BREACH, gap)
        decision.insist_kept(attestation)
        status = decision.status if found.finished else decision.status | DecisionStatus.UNPROVEN
        cash, note = 1.0 - float(weights.sum()), self._note(decision, found)
        return Weights(decision.position, weights, cash, status, attestation, note=note)

    def _note(self, decision: Decision, found: Found) -> str:
        words = [decision.note] if decision.note else []
        if not found.finished:
            share = (found.bound - found.objective) / max(abs(found.objective), 1e-300)
            words.append(f"stopped after {found.nodes} nodes, within {100 * share:.2g} % of the best")
        return "; ".join(words)


def _nothing(position: int, found: Found) -> str:
    if found.finished:
        return f"row {position}: no weights keep all limits, though each can be kept with the linear ones"
    return (
        f"row {position}: no weights that keep the limits were met in {found.nodes} nodes; allow more nodes"
    )

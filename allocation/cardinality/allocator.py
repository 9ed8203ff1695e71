"""Cardinality: mean-variance with a limit on the number of positions and a smallest position."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from allocation import input_checks
from allocation.cardinality.branch_and_bound import Search, SearchResult
from allocation.cardinality.limits import check_minimum_position, check_position_limits
from allocation.cardinality.problem import CardinalityProblem
from allocation.covariance_types import Risk
from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError, InputError, LimitError, SolverError
from allocation.input_alignment import align_inputs
from allocation.mean_variance.allocator import MeanVariance
from allocation.mean_variance.problem import BREACH, MeanVarianceProblem
from allocation.solver.terms import Variance
from allocation.weights import OptimalityCertificate, Weights
from foundation.types import Bools, Floats


class Cardinality:
    """The best weights of a `MeanVariance` of which at most `most` are not 0, and none of those is small.

    A weight is 0 or at least `minimum_position`, in size where short positions are allowed; all limits and costs of
    the solver hold as they are. A limit on turnover that cannot be met is raised, as by the solver.

    Parameters
    ----------
    solver : MeanVariance
    most : int
        K, the largest number of assets held; 1 or more.
    minimum_position : float
        m, the smallest position in fractions of wealth; 0 is no limit.
    nodes : int
        Largest number of relaxations. A search that ends there returns the best weights so far and a bound on how much
        better others may be.
    tolerance : float
        Smallest improvement that counts, as a share of max(|mu|, gamma |Sigma|, cost).

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
        check_minimum_position(solver.constraints, solver.assets, minimum_position)
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
        validate: bool = True,
    ) -> Weights:
        """Return the best weights; the parameters are those of `MeanVariance.solve`.

        The gap of the certificate is that of the search: how much better any weights that keep all limits, these two
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
        input_checks.check_inputs(position, self.assets, mu, sigma, held, universe, validate)
        decision = self.solver.decision(position, mu, sigma, held, universe, error)
        problem = CardinalityProblem.from_decision(decision, self.most, self.minimum_position)
        result = self._search(problem, self.tolerance)
        if result.weights is None:
            n = len(decision.programme.low)
            check_position_limits(position, decision.limits.entries, n, self.most, self.minimum_position)
            self._check_variances(position, problem)
            decision = self._raised(decision, problem, result)
            problem = CardinalityProblem.from_decision(decision, self.most, self.minimum_position)
            result = self._search(problem, self.tolerance)
        if result.weights is None:
            raise SolverError(_nothing(position, result))
        return self._weights(decision, problem, result, result.weights)

    def _search(self, problem: CardinalityProblem, tolerance: float) -> SearchResult:
        return Search(problem, self.nodes, tolerance * problem.programme.scale).run()

    def _check_variances(self, position: int, problem: CardinalityProblem) -> None:
        """Raise an error for a limit on a variance that so few assets cannot meet."""
        for term in problem.other_terms:
            if not isinstance(term, Variance):
                continue
            calm = problem.programme.minimum_variance_programme(term.benchmark)
            others = [t for t in problem.other_terms if t.limited and not isinstance(t, Variance)]
            result = self._search(
                replace(problem, programme=calm, other_terms=others, turnover=np.inf), self.tolerance
            )
            if result.weights is None:
                raise SolverError(_nothing(position, result))
            least = term.deviation(result.weights)
            if least > term.limit:
                name, few = f"{term.what} at most {term.limit:g}", self._in_words()
                raise InfeasibleError(
                    f"row {position}: {name} cannot be met by any weights that keep the other limits, with {few}: the "
                    f"least {'is' if result.finished else 'that was met is'} {least:.4g}. Raise it to "
                    f"{least * 1.0001:.4g}, or allow more or smaller positions, or loosen another limit",
                    (name, few),
                )

    def _raised(
        self, decision: MeanVarianceProblem, problem: CardinalityProblem, result: SearchResult
    ) -> MeanVarianceProblem:
        """Return the decision with the least turnover that the other limits allow."""
        if not np.isfinite(problem.turnover):
            raise SolverError(_nothing(decision.position, result))
        calm = problem.programme.minimum_turnover_programme()
        others = [term for term in problem.other_terms if term.limited]
        least = self._search(replace(problem, programme=calm, other_terms=others, turnover=np.inf), 1e-7)
        if least.weights is None:
            raise SolverError(_nothing(decision.position, least))
        traded = float(np.abs(least.weights - problem.held).sum())
        outside = float(np.abs(decision.held).sum() - np.abs(problem.held).sum())
        return decision.raise_turnover(outside, traded)

    def _in_words(self) -> str:
        least = f" of {self.minimum_position:g} or more" if self.minimum_position > 0 else ""
        return f"at most {self.most} positions{least}"

    def _weights(
        self, decision: MeanVarianceProblem, problem: CardinalityProblem, result: SearchResult, inside: Floats
    ) -> Weights:
        weights = np.zeros(len(decision.held))
        weights[decision.limits.inside] = inside
        positions = np.abs(inside[inside != 0])
        slack = decision.slack(weights)
        slack[f"at most {self.most} positions"] = float(self.most - len(positions))
        if self.minimum_position > 0 and len(positions):
            slack[f"position at least {self.minimum_position:g}"] = float(
                positions.min() - self.minimum_position
            )
        gap = (result.bound - result.objective) / problem.programme.scale
        certificate = OptimalityCertificate(slack, BREACH, gap)
        decision.check_limits_kept(certificate)
        status = decision.status if result.finished else decision.status | DecisionStatus.UNPROVEN
        cash, note = 1.0 - float(weights.sum()), self._note(decision, result)
        return Weights(decision.position, weights, cash, status, certificate, note=note)

    def _note(self, decision: MeanVarianceProblem, result: SearchResult) -> str:
        words = [decision.note] if decision.note else []
        if not result.finished:
            share = (result.bound - result.objective) / max(abs(result.objective), 1e-300)
            words.append(f"stopped after {result.nodes} nodes, within {100 * share:.2g} % of the best")
        return "; ".join(words)


def _nothing(position: int, result: SearchResult) -> str:
    if result.finished:
        return f"row {position}: no weights keep all limits, though each can be kept with the linear ones"
    return (
        f"row {position}: no weights that keep the limits were met in {result.nodes} nodes; allow more nodes"
    )

"""One mean-variance problem, from its limits to certified weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError, SolverError
from allocation.problem.constraints import Constraints
from allocation.problem.limits import Limits
from allocation.solver.lagrangian import Answer, solve_lagrangian
from allocation.solver.programme import Programme
from allocation.solver.terms import Gross, Term, Turnover, Variance
from allocation.weights import OptimalityCertificate, Weights
from foundation.types import Floats

BREACH = 1e-6
"""Largest violation of a limit in weight."""
_OPTIMAL = 1e-8
"""Largest duality gap of an answer that is returned, as a share of max(|mu|, gamma |Sigma|, c)."""


@dataclass(frozen=True, eq=False)
class MeanVarianceProblem:
    """One problem.

    Attributes
    ----------
    position : int
    constraints : Constraints
    limits : Limits
    programme : Programme
    held : ndarray of shape (N,)
    forced : float
        Trades that the bounds force.
    other_terms : tuple of Term
        Terms that are not quadratic, without the limit on turnover; the outermost last.
    raised_turnover : float, optional
        The limit on turnover, if it was raised.
    """

    position: int
    constraints: Constraints
    limits: Limits
    programme: Programme
    held: Floats
    forced: float
    other_terms: tuple[Term, ...] = ()
    raised_turnover: float | None = None

    @property
    def room(self) -> float:
        """Turnover that is left from the start of the programme."""
        limit = self.constraints.turnover if self.raised_turnover is None else self.raised_turnover
        return math.inf if limit is None else limit - self.forced

    @property
    def terms(self) -> tuple[Term, ...]:
        """Terms that are not quadratic; the outermost last."""
        room = self.room
        return (
            (Turnover(self.programme.start, room), *self.other_terms) if room < math.inf else self.other_terms
        )

    def solve_relaxed(self) -> tuple[MeanVarianceProblem, Answer]:
        """Return the answer with the least turnover that the other limits allow, if turnover is in conflict with them.

        Raises
        ------
        InfeasibleError
            If a limit on a variance cannot be met.
        SolverError
            If the solver fails though the limits can be met.
        """
        self._check_variances()
        if self.constraints.turnover is None:
            raise SolverError(f"row {self.position}: the solver found no answer though the limits can be met")
        least = self._least_turnover()
        if least <= self.room:
            raise SolverError(f"row {self.position}: the solver found no answer though the limits can be met")
        wider = self.raise_turnover(self.forced, least)
        answer = solve_lagrangian(wider.programme, wider.terms)
        if answer is None:
            raise SolverError(
                f"row {self.position}: the solver found no answer with the least turnover {wider.raised_turnover:.4f}"
            )
        return wider, answer

    def raise_turnover(self, fixed: float, least: float) -> MeanVarianceProblem:
        """Return the problem with its limit on turnover raised to `fixed` plus the least turnover."""
        return replace(self, raised_turnover=fixed + least * (1 + 1e-6) + BREACH / 10)

    def _least_turnover(self) -> float:
        """Return the least sum of |trades| from the start that meets the other limits, to 1e-7."""
        others = [term for term in self.other_terms if term.limited]
        answer = solve_lagrangian(self.programme.minimum_turnover_programme(), others)
        if answer is None:
            raise SolverError(f"row {self.position}: the least turnover could not be found")
        return float(np.abs(answer[0].weights - self.programme.start).sum())

    def _check_variances(self) -> None:
        """Raise an error for a limit on a variance that cannot be met, with the least value."""
        gross = [term for term in self.other_terms if isinstance(term, Gross)]
        for term in self._variances:
            answer = solve_lagrangian(self.programme.minimum_variance_programme(term.benchmark), gross)
            if answer is None:
                raise SolverError(f"row {self.position}: the least {term.what} could not be found")
            least = term.deviation(answer[0].weights)
            if least > term.limit:
                name = f"{term.what} at most {term.limit:g}"
                raise InfeasibleError(
                    f"row {self.position}: {name} cannot be met by any weights that keep the other limits: the least "
                    f"is {least:.4g}. Raise it to {least * 1.0001:.4g}, or loosen another limit",
                    (name,),
                )

    @property
    def _variances(self) -> list[Variance]:
        """Return the limits on variances."""
        return [term for term in self.other_terms if isinstance(term, Variance)]

    def weights(self, answer: Answer) -> Weights:
        """Return the weights with their certificate.

        Raises
        ------
        SolverError
            If the certificate refutes the answer.
        """
        solution, _ = answer
        weights = np.zeros(len(self.held))
        weights[self.limits.inside] = solution.weights
        certificate = OptimalityCertificate(self.slack(weights), BREACH, *self._evidence(answer))
        self.check_limits_kept(certificate)
        if not certificate.gap <= _OPTIMAL:
            raise SolverError(
                f"row {self.position}: the answer may be {certificate.gap:.3g} of the objective's size from the best "
                f"one, more than {_OPTIMAL:g}"
            )
        cash = 1.0 - float(weights.sum())
        return Weights(self.position, weights, cash, self.status, certificate, note=self.note)

    @property
    def status(self) -> DecisionStatus:
        """Return `RELAXED` too where the limit on turnover had to be raised."""
        solved = DecisionStatus.SOLVED
        return solved if self.raised_turnover is None else solved | DecisionStatus.RELAXED

    @property
    def note(self) -> str:
        """Return in words that the limit on turnover had to be raised; empty if it had not."""
        if self.raised_turnover is None:
            return ""
        return (
            f"turnover limit {self.constraints.turnover:g} raised to {self.raised_turnover:.4f}: "
            "the least that the other limits allow"
        )

    def slack(self, weights: Floats) -> dict[str, float]:
        """Measure every limit from the weights alone; those on deviations as a share of the limit."""
        inside = weights[self.limits.inside]
        slack = self.limits.slack(inside)
        if self.room < math.inf:
            limit = self.room + self.forced
            slack[f"turnover at most {limit:.4g}"] = limit - float(np.abs(weights - self.held).sum())
        for term in self._variances:
            slack[f"{term.what} at most {term.limit:g}"] = 1 - term.deviation(inside) / term.limit
        return slack

    def _evidence(self, answer: Answer) -> tuple[float, float]:
        """Return duality gap and KKT residual: those of the Lagrangian, plus complementary slackness of its limits.

        The slack of a limit times its multiplier enters both.
        """
        w, prices = answer[0].weights, answer[0].prices
        priced, scale, unused, slackness = self.programme, self.programme.scale, 0.0, 0.0
        for term, multiplier in zip(self.terms, answer[1], strict=True):
            price = term.price(w, multiplier)
            priced = term.add_to_objective(priced, price)
            if term.limited:
                left = -price * term.excess(w, price)
                unused, slackness = unused + left, max(slackness, abs(left))
        gap, residual = priced.measure_optimality(w, prices, scale)
        return gap + unused / scale, max(residual, slackness / scale)

    def check_limits_kept(self, certificate: OptimalityCertificate) -> None:
        """Refuse an answer that breaks a limit.

        Raises
        ------
        SolverError
        """
        if not certificate.holds:
            worst = min(certificate.slack, key=lambda name: certificate.slack[name])
            raise SolverError(
                f"row {self.position}: the answer breaks the limit {worst!r} by {-certificate.slack[worst]:.3g}"
            )

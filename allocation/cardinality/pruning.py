"""Pruning: parts of a search that cannot hold allowed weights, found without a relaxation."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linprog

from allocation.cardinality.problem import CardinalityProblem
from allocation.cardinality.semicontinuous import ZERO, find_hull
from allocation.solver.lagrangian import solve_lagrangian
from allocation.solver.terms import Gross, Variance
from foundation.types import Floats, Ints


def breaks_single_row(problem: CardinalityProblem, allowed: Ints) -> bool:
    """Whether one row alone cannot be met by weights of which at most `most` are not 0."""
    must = allowed & ZERO == 0
    room = problem.most - int(must.sum())
    if room < 0:
        return True
    low, high = find_hull(problem.pieces, allowed)
    p = problem.programme
    ends = np.stack([p.rows * low, p.rows * high])
    for sign, limit in ((1.0, p.lower), (-1.0, -p.upper)):
        best = (sign * ends).max(axis=0)
        free = np.sort(np.where(must, 0.0, np.maximum(best, 0.0)), axis=1)[:, ::-1][:, :room]
        if (best[:, must].sum(axis=1) + free.sum(axis=1) < limit - 1e-9).any():
            return True
    return False


def is_infeasible(problem: CardinalityProblem, allowed: Ints) -> bool:
    """Whether no weights between the bounds of a node can meet all limits, for certain."""
    low, high = find_hull(problem.pieces, allowed)
    built = problem.with_bounds(low, high)
    if built is None:
        return True
    programme, terms = built
    if not _linear_feasible(problem, low, high):
        return True
    for term in terms:
        if isinstance(term, Variance):
            calm = programme.minimum_variance_programme(term.benchmark)
            answer = solve_lagrangian(calm, [t for t in terms if isinstance(t, Gross)])
            if answer is not None and term.excess(answer[0].weights, 0.0) > 1e-8 * calm.scale:
                return True
    return False


def _linear_feasible(problem: CardinalityProblem, low: Floats, high: Floats) -> bool:
    """Whether weights between bounds meet rows, turnover and gross exposure; True where the solver gives no verdict."""
    p, n = problem.programme, len(low)
    gross = min((t.limit for t in problem.other_terms if isinstance(t, Gross)), default=np.inf)
    eye, none, one = np.eye(n), np.zeros((n, n)), np.ones((1, n))
    blocks = [
        (p.rows, 0 * p.rows, 0 * p.rows, p.upper),
        (-p.rows, 0 * p.rows, 0 * p.rows, -p.lower),
        (eye, -eye, none, problem.held),
        (-eye, -eye, none, -problem.held),
        (eye, none, -eye, np.zeros(n)),
        (-eye, none, -eye, np.zeros(n)),
        (0 * one, one, 0 * one, np.array([problem.turnover])),
        (0 * one, 0 * one, one, np.array([gross])),
    ]
    A = np.vstack([np.hstack(block[:3]) for block in blocks])
    b = np.concatenate([block[3] for block in blocks])
    keep = np.isfinite(b)
    bounds = [*zip(low, high, strict=True), *[(0, None)] * (2 * n)]
    answer = linprog(np.zeros(3 * n), A_ub=A[keep], b_ub=b[keep], bounds=bounds)
    return bool(answer.status != 2)

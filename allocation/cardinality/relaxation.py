"""Relaxation: mean-variance with semi-continuous weights, solved without them, and bounded from above for certain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from allocation.cardinality.position_shares import find_shares
from allocation.cardinality.problem import CardinalityProblem
from allocation.cardinality.semicontinuous import (
    LONG,
    ZERO,
    find_hull,
    minimise_separable,
)
from allocation.solver.lagrangian import Answer, solve_lagrangian
from allocation.solver.programme import Programme
from allocation.solver.terms import Term, Turnover, Uncertainty
from foundation.types import Floats, Ints

_STEPS = 12
"""Times that shares of positions and weights are improved in turn."""
_FLOOR = 1e-4
"""Least share of a position: less is a curvature beyond the scale of the programme."""


@dataclass(frozen=True, eq=False)
class RelaxationResult:
    """What the relaxation says about some part of the weights.

    Attributes
    ----------
    bound : float
        No allowed weights have a larger objective.
    weights, shares : ndarray of shape (n,)
        Those of the relaxation; a share of 1 is a position that is held.
    held_less, unheld_less : ndarray of shape (n,)
        By how much less the bound is if an undecided asset must be held, or must not.
    """

    bound: float
    weights: Floats
    shares: Floats
    held_less: Floats
    unheld_less: Floats


def solve_relaxation(
    problem: CardinalityProblem, allowed: Ints, first: Floats, enough: float
) -> RelaxationResult | None:
    """Return the best relaxation that weights and shares improved in turn lead to, or None if none was solved.

    Parameters
    ----------
    problem : Problem
    allowed : ndarray of int, shape (n,)
        What each asset may be.
    first : ndarray of shape (n,)
        Shares to begin with.
    enough : float
        A bound below which it need not be made lower.
    """
    low, high = find_hull(problem.pieces, allowed)
    built = problem.with_bounds(low, high)
    if built is None:
        return None
    programme, terms = _capped(built[0], problem, allowed), built[1]
    curvature = programme.gamma * problem.specific + 2 * programme.impact + programme.ridge
    z, best, before = first, None, np.inf
    for _ in range(_STEPS):
        z = np.where(allowed & ZERO, np.maximum(z, _FLOOR), 1.0)
        eased = programme.with_objective(ridge=programme.ridge + curvature * (1 / z - 1))
        answer = solve_lagrangian(eased, terms)
        if answer is None:
            return best
        result = _bounded(problem, allowed, z, answer, terms)
        if best is None or result.bound < best.bound:
            best = result
        if best.bound <= enough or before - result.bound <= 0.02 * (result.bound - enough):
            break
        before = min(before, result.bound)
        z = find_shares(result.weights, curvature, problem.pieces, allowed, problem.most)
    return replace(best, shares=z) if best is not None else None


def _capped(programme: Programme, problem: CardinalityProblem, allowed: Ints) -> Programme:
    """Add the row sum w / maximum <= what may still be held, over undecided assets that are long or nothing."""
    long = allowed == ZERO + LONG
    room = problem.most - int((allowed & ZERO == 0).sum())
    if room >= long.sum() or not long.any():
        return programme
    row = np.where(long, 1 / np.where(long, programme.high, 1.0), 0.0)
    size = row.max()
    return replace(
        programme,
        rows=np.vstack([programme.rows, row / size]),
        lower=np.append(programme.lower, -1.0),
        upper=np.append(programme.upper, room / size),
    )


def _bounded(
    problem: CardinalityProblem, allowed: Ints, z: Floats, answer: Answer, terms: Sequence[Term]
) -> RelaxationResult:
    """Return the bound that an answer of the relaxation gives; any answer gives one that is true."""
    solution, prices = answer
    w, y = solution.weights, solution.prices[: len(problem.programme.rows)]
    p, offset, pull = problem.programme, 0.0, np.zeros(len(w))
    for term, multiplier in zip(terms, prices, strict=True):
        price = term.price(w, multiplier)
        if isinstance(term, Uncertainty):
            pull += price * np.square(term.error) * w  # the tangent of the norm goes through 0
            continue
        p = term.add_to_objective(p, price)
        # The turnover counts from what is held, that of the term from where these weights begin.
        offset += price * problem.turnover if isinstance(term, Turnover) else term.worth(price)
    sigma_w = p.sigma @ w
    rest = p.gamma * (sigma_w - problem.specific * w)
    slope = rest - p.mu - 2 * p.impact * problem.held + p.rows.T @ y + pull
    curvature = p.gamma * problem.specific + 2 * p.impact + p.ridge
    least, more, less = minimise_separable(
        slope, curvature, p.cost, p.gross, problem.held, problem.pieces, allowed, problem.most
    )
    used = np.where(y > 0, p.upper, np.where(y < 0, p.lower, 0.0))
    offset += float(0.5 * w @ rest + y @ used - p.impact @ np.square(problem.held))
    return RelaxationResult(offset - least, w, z, more, less)

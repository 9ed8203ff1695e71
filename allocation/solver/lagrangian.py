"""Nonlinear limits by Lagrange multipliers, each found by a search in one dimension.

A limit g(w) <= b with a convex g moves into the objective of the programme, times a multiplier. At the multiplier for
which g(w) = b the weights solve the limited problem: one equation in one unknown, whatever the number of assets. The
searches for several limits are nested.

Notes
-----
Boyd and Vandenberghe (2004), *Convex Optimization*, section 5.5. A penalty on the norm of the error of a forecast has
no limit, but is the same equation: at weights w the norm has the curvature of kappa / norm(w) times its square's.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from scipy.optimize import brentq

from allocation.solver.interior_point import solve_interior_point
from allocation.solver.programme import Programme, Solution
from allocation.solver.terms import Gross, Term, Turnover

Answer = tuple[Solution, tuple[float, ...]]
"""A solution, and the multiplier of each term."""
_STEPS = 14
"""Tenfold increases of a multiplier after which its limit counts as out of reach."""
_JUMP = 1e-10
"""Slack of a limit at its multiplier beyond which the solution is not unique."""


def solve_lagrangian(programme: Programme, terms: Sequence[Term]) -> Answer | None:
    """Return the solution of the programme with all terms, and their multipliers in that order.

    None if no solver converges, or no multiplier meets a limit. Limits on turnover and gross exposure come first and
    can go to the interior point as they are; the others are handled by multipliers around it.
    """
    linear = [term for term in terms if isinstance(term, Turnover | Gross)]
    return _solve_terms(programme, terms[len(linear) :], lambda inner: _solve_linear_terms(inner, linear))


def _solve_linear_terms(programme: Programme, terms: Sequence[Turnover | Gross]) -> Answer | None:
    """Return the exact solution with limits on turnover and gross exposure, else that of the interior point."""
    exact = _solve_terms(programme, terms, _solve_exactly)
    if exact is not None:
        return exact
    limits = {"turnover" if isinstance(term, Turnover) else "gross": term.limit for term in terms}
    answer = solve_interior_point(programme, **limits)
    if answer is None:
        return None
    solution, turnover_price, gross_price = answer
    return solution, tuple(turnover_price if isinstance(term, Turnover) else gross_price for term in terms)


def _solve_exactly(programme: Programme) -> Answer | None:
    solution = programme.solve()
    return None if solution is None else (solution, ())


def _solve_terms(
    programme: Programme, terms: Sequence[Term], solver: Callable[[Programme], Answer | None]
) -> Answer | None:
    """Return the answer of `solver` with further terms, each met by its multiplier, the last one outermost."""
    if not terms:
        return solver(programme)
    *inner, term = terms
    tried: dict[float, tuple[float, Answer]] = {}

    def excess(price: float) -> float:
        answer = _solve_terms(term.add_to_objective(programme, price), inner, solver)
        if answer is None:
            raise _UnansweredError
        tried[price] = term.excess(answer[0].weights, price), answer
        return tried[price][0]

    try:
        reached = _bracket_and_solve(excess, programme.scale)
    except _UnansweredError:
        return None
    if not reached and term.limited:
        return None
    price, (solution, prices) = _select_feasible(tried, term)
    return solution, (*prices, term.price(solution.weights, price))


def _select_feasible(tried: dict[float, tuple[float, Answer]], term: Term) -> tuple[float, Answer]:
    """Return the answer on the side of the root on which the limit holds.

    Where a covariance is singular, many weights are optimal at one multiplier, and the solutions on its two sides may
    differ: every mixture of them is as good, and one mixture meets the limit.
    """
    low = max((price for price, (over, _) in tried.items() if over > 0), default=None)
    high = min((price for price, (over, _) in tried.items() if over <= 0), default=None)
    if high is None or low is None:
        price = max(tried) if high is None else high
        return price, tried[price][1]
    answer = tried[high][1]
    if tried[high][0] > -_JUMP or high - low > 1e-9 * high:
        return high, answer
    (first, _), (second, prices) = tried[low][1], answer

    def over(share: float) -> float:
        return term.excess((1 - share) * first.weights + share * second.weights, high)

    share = float(brentq(over, 0.0, 1.0, xtol=1e-15))
    weights = (1 - share) * first.weights + share * second.weights
    return high, (Solution(weights, second.prices, False), prices)


class _UnansweredError(Exception):
    """The programme has no solution at some multiplier."""


def _bracket_and_solve(excess: Callable[[float], float], scale: float) -> bool:
    """Bracket and find the multiplier at which the excess vanishes; return whether there is one."""
    if excess(0.0) <= 0:
        return True
    low, high = 0.0, scale
    value = excess(high)
    for _ in range(_STEPS):
        if value <= 0:
            break
        low, high = high, 10 * high
        value = excess(high)
    if value > 0:
        return False
    while low == 0.0 and high > 1e-9 * scale and excess(high / 100) <= 0:
        high /= 100
    brentq(excess, low, high, xtol=1e-18 * scale, rtol=8.9e-16, maxiter=200)
    return True

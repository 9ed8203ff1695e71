"""Growth: the weights of the largest mean utility of wealth on scenarios, the logarithm (Kelly) or more cautious."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linprog

from allocation.errors import InfeasibleError, InputError, SolverError
from allocation.frontier.frontier_path import efficient_frontier
from allocation.input_alignment import align_columns
from allocation.problem.constraints import Constraints
from allocation.problem.decision_inputs import DecisionInputs, Optimum
from allocation.problem.polytope import Polytope
from allocation.problem.polytope_allocator import PolytopeAllocator
from allocation.scenarios.windows import Scenarios
from allocation.solver.interior_point import solve_interior_point
from allocation.solver.programme import Programme
from foundation.types import Floats

_OPTIMAL = 1e-9
"""Largest gap of an answer that is handed out, as a share of the marginal utility of the returns."""


class Kelly(PolytopeAllocator):
    """Maximise the mean of u(1 + r'w) over the scenarios r of a window that ends at the decision.

    u is the logarithm at a fraction of 1: the weights under which wealth grows fastest. At a smaller fraction it is the
    power utility x^(1 - gamma) / (1 - gamma) with gamma = 1 / fraction: for small returns its weights are that
    fraction of the growth-optimal ones, and they obey the limits, which a fraction of weights would not.
    Wealth is counted in units of the cash account, as returns are in excess of it.

    Parameters
    ----------
    assets : sequence of str, length N
    returns : ndarray of shape (T, N), or DataFrame with the assets as columns
        Simple returns in excess of cash, NaN where an asset is not listed.
    constraints : Constraints, optional
        All linear limits; none on turnover.
    window : int
        Rows that are the scenarios.
    at_least : int, optional
        Of them, how many must be there for all assets; see `Scenarios`.
    fraction : float
        Of Kelly's bet, more than 0 and at most 1.

    Raises
    ------
    InputError
        If the fraction is out of range, or shapes do not fit.
    LimitError
        If there are other limits.

    Notes
    -----
    Kelly (1956), *Bell System Technical Journal* 35, 917-926; MacLean, Thorp and Ziemba (2010) on fractions. Newton's
    method, each step of which is a quadratic programme within the limits, solved by the critical line, or by the
    active set where the critical line meets a singular system.
    """

    tolerance = 1e-8
    largest_gap = _OPTIMAL

    def __init__(
        self,
        assets: Sequence[str],
        returns: Floats,
        constraints: Constraints | None = None,
        *,
        window: int,
        at_least: int | None = None,
        fraction: float = 1.0,
    ) -> None:
        if not 0 < fraction <= 1:
            raise InputError(f"fraction {fraction:g} must be more than 0 and at most 1")
        self.gamma = 1.0 / fraction
        super().__init__(assets, constraints)
        self.scenarios = Scenarios(
            self.assets, align_columns("returns", returns, self.assets), window, at_least
        )

    def optimise(self, inputs: DecisionInputs) -> Optimum:
        """Return the weights of the largest mean utility.

        Raises
        ------
        InputError
            If scenarios are missing, or any weights within the limits are ruined in some scenario.
        """
        scenarios = self.scenarios.at(inputs.position, inputs.inside)
        start = _safest(inputs.position, scenarios, inputs.limits)
        return Optimum(*_newton(scenarios, inputs.limits, self.gamma, start))


def _safest(position: int, scenarios: Floats, limits: Polytope) -> Floats:
    """Return the weights whose worst scenario is least bad: a linear programme."""
    n, m = scenarios.shape[1], len(limits.rows)
    answer = linprog(
        np.r_[np.zeros(n), -1.0],
        A_ub=np.vstack(
            [
                np.column_stack([-scenarios, np.ones(len(scenarios))]),
                np.column_stack([np.vstack([limits.rows, -limits.rows]), np.zeros(2 * m)]),
            ]
        ),
        b_ub=np.r_[np.zeros(len(scenarios)), limits.upper, -limits.lower],
        bounds=[*zip(limits.low, limits.high, strict=True), (None, None)],
    )
    if answer.status == 2:
        raise InfeasibleError("the limits cannot be met together", ("all",))
    if answer.status != 0 or answer.x is None:
        raise SolverError(f"row {position}: no start was found: {answer.message}")
    if not answer.x[-1] > -1:
        raise InputError(f"row {position}: within the limits, all weights lose everything in some scenario")
    return np.clip(answer.x[:n], limits.low, limits.high)


def _utility(wealth: Floats, gamma: float) -> float:
    """Return the mean utility, minus infinity at ruin."""
    if not wealth.min() > 0:
        return -np.inf
    if gamma == 1:
        return float(np.log(wealth).mean())
    return float(np.expm1((1 - gamma) * np.log(wealth)).mean()) / (1 - gamma)


def _newton(scenarios: Floats, limits: Polytope, gamma: float, w: Floats) -> tuple[Floats, float]:
    """Return the best weights, and a bound on what could be gained, as a share of the marginal utility at stake.

    The utility is concave: it lies below its tangent, whose best value within the limits bounds the gain.
    """
    best, least = w, np.inf
    for _ in range(100):
        wealth = 1 + scenarios @ w
        slope = (wealth**-gamma) @ scenarios / len(wealth)
        # Gains and losses of the marginal utility, which cancel in the slope of a bet at its best.
        size = float(((wealth**-gamma) @ np.abs(scenarios)).max()) / len(wealth)
        gap = limits.bound_ascent(slope, w) / (size or 1.0)
        if gap < least:
            best, least = w, gap
        bend = gamma * (scenarios.T * wealth ** (-gamma - 1)) @ scenarios / len(wealth)
        bend = (bend + bend.T) / 2
        if gap <= 1e-14:
            break
        step = _maximise_quadratic(slope + bend @ w, bend, limits, w) - w
        length = _length(scenarios, gamma, w, step, float(slope @ step))
        if length == 0 or (gap > least and least <= _OPTIMAL):
            break
        w = np.clip(w + length * step, limits.low, limits.high)
    return best, least


def _make_programme(linear: Floats, bend: Floats, limits: Polytope, start: Floats) -> Programme:
    box, sums, zeros = (
        (limits.low, limits.high),
        (limits.rows, limits.lower, limits.upper),
        np.zeros(len(start)),
    )
    return Programme(linear, bend, 1.0, zeros, zeros, start, *box, *sums, zeros)


def _maximise_quadratic(linear: Floats, bend: Floats, limits: Polytope, start: Floats) -> Floats:
    """Return the weights of the largest linear @ z - z'bend z / 2 within the limits.

    The critical line needs an invertible system at each corner. Where a nearly riskless asset makes one singular, the
    active set or the interior point solves the same programme.
    """
    try:
        return efficient_frontier(linear, bend, limits, validate=False).at_risk_aversion(1.0)
    except SolverError:
        programme = _make_programme(linear, bend, limits, start)
        solution = programme.solve()
        if solution is None:
            answer = solve_interior_point(programme)
            if answer is None:
                raise
            solution = answer[0]
        return solution.weights


def _length(scenarios: Floats, gamma: float, w: Floats, step: Floats, rise: float) -> float:
    """Return the first of 1, 1/2, 1/4, ... at which the utility rises as its slope promises; 0 if it does not.

    Where the promise is as small as the rounding of the utility, Newton's step is taken as it is.
    """
    here, length = _utility(1 + scenarios @ w, gamma), 1.0
    noise = 1e-15 * (1 + abs(here))
    while length > 1e-12:
        gain = _utility(1 + scenarios @ (w + length * step), gamma) - here
        if gain > 1e-4 * length * rise - noise:
            return length
        length /= 2
    return 0.0

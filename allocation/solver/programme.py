"""The quadratic programme behind mean-variance: solved in its own units, and certified without the solver."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from allocation.covariance_types import Risk
from allocation.solver.curvature import kernel_forms
from allocation.solver.optimality import kkt_gap, objective_scale
from allocation.solver.programme_kernel import solve_programme
from foundation.types import Floats

EXACT = 1e-9
"""Largest duality gap, and excess over a limit, of an answer that is called exact."""
_PROXIMAL = (1e-6, 1e-8, 1e-10, 1e-11)
"""Curvatures, as shares of the scale, that are added around the last answer where the covariance is singular."""


@dataclass(frozen=True, eq=False)
class Solution:
    """Weights and multipliers.

    Attributes
    ----------
    weights : ndarray of shape (n,)
    prices : ndarray of shape (M,)
        Multipliers of the rows, in units of the objective: positive where the upper limit binds, negative where the
        lower one does.
    exact : bool
        Whether weights are exact to rounding: on a breakpoint (a bound, the weight held), or clearly away from it.
    """

    weights: Floats
    prices: Floats
    exact: bool


@dataclass(frozen=True, eq=False)
class Programme:
    """Maximise mu'w - gamma/2 w'Sigma w - 1/2 w'diag(ridge)w - sum c_i|w_i - s_i| + k_i(w_i - s_i)^2 + gross|w_i|.

    The weights w of n assets keep low <= w <= high and lower <= rows @ w <= upper.

    Attributes
    ----------
    mu : ndarray of shape (n,)
    sigma : Risk
        Sigma, of n assets.
    gamma : float
    cost, impact, ridge : ndarray of shape (n,)
        c, k and ridge, 0 or more.
    gross : float
        Price of gross exposure, 0 or more.
    start : ndarray of shape (n,)
        s, within the bounds.
    low, high : ndarray of shape (n,)
    rows, lower, upper : ndarray of shape (M, n), (M,), (M,)
    """

    mu: Floats
    sigma: Risk
    gamma: float
    cost: Floats
    impact: Floats
    start: Floats
    low: Floats
    high: Floats
    rows: Floats
    lower: Floats
    upper: Floats
    ridge: Floats
    gross: float = 0.0

    def solve(self, warm: Floats | None = None) -> Solution | None:
        """Return the exact solution, or None if the active set finds none that it can certify.

        Parameters
        ----------
        warm : ndarray of shape (n,), optional
            Weights to start from, instead of those held.
        """
        first = self.start if warm is None else warm
        solution = self._attempt(first)
        for proximal in _PROXIMAL if solution is None else ():
            # A proximal step: curvature around the last solution, whose gradient vanishes once the solution repeats.
            near = self._attempt(first, proximal=proximal, check=False)
            if near is None:
                continue
            gap, _, excess = self._measure(near.weights, near.prices, self.scale)
            if gap <= EXACT and excess <= EXACT:
                return near
            solution = self._attempt(near.weights, near=1e-9)
            if solution:
                return solution
            first = near.weights
        return solution

    def polish(self, w: Floats, within: float) -> Solution | None:
        """Return the exact solution at the breakpoints that are within `within` of `w`, or None."""
        return self._attempt(w, near=within)

    def _attempt(
        self, first: Floats, near: float = -1.0, proximal: float = 0.0, check: bool = True
    ) -> Solution | None:
        sigma, loadings, specific = self._forms
        solved, weights, prices, gap, excess = solve_programme(
            self.mu, self.gamma, sigma, loadings, specific, self.ridge, self.impact, self.cost, self.gross,
            self.start, self.low, self.high, self.rows, self.lower, self.upper, first, near, proximal,
        )  # fmt: skip
        if not solved or (check and not (gap <= EXACT and excess <= EXACT)):
            return None
        return Solution(weights, prices, True)

    @cached_property
    def _forms(self) -> tuple[Floats, Floats, Floats]:
        """The covariance as kernels take it."""
        return kernel_forms(self.sigma)

    @cached_property
    def scale(self) -> float:
        """Size of the objective: max(|mu|, gamma |Sigma|, c)."""
        sigma, loadings, specific = self._forms
        return float(objective_scale(self.mu, self.gamma, sigma, loadings, specific, self.cost))

    def measure_optimality(self, weights: Floats, prices: Floats, scale: float) -> tuple[float, float]:
        """Return duality gap and KKT residual, both relative to `scale` and computed without the solver.

        The gap bounds how much better than `weights` any weights within the limits can be. The concave objective lies
        below its tangent at `weights`, and the maximum of the tangent is bounded by its Lagrangian, whose minimum over
        the bounds is one comparison per asset. The bound holds for any multipliers, so the solver can make it loose
        but not wrong.

        The residual is the largest entry of the natural map of the Karush-Kuhn-Tucker conditions: for each weight, the
        projected gradient step within its bounds, costs and multipliers included; for each row, the distance of its sum
        from the value that its multiplier implies. It is 0 where all conditions hold.

        Notes
        -----
        Boyd and Vandenberghe (2004), *Convex Optimization*, section 5.1.3; Facchinei and Pang (2003),
        *Finite-Dimensional Variational Inequalities and Complementarity Problems*, section 1.5.
        """
        gap, residual, _ = self._measure(weights, prices, scale)
        return float(gap), float(residual)

    def _measure(self, weights: Floats, prices: Floats, scale: float) -> tuple[float, float, float]:
        sigma, loadings, specific = self._forms
        return kkt_gap(
            self.mu, self.gamma, sigma, loadings, specific, self.ridge, self.impact, self.cost, self.gross,
            self.start, self.low, self.high, self.rows, self.lower, self.upper, weights, prices, scale,
        )  # fmt: skip

    def excess(self, weights: Floats) -> float:
        """Return the largest violation of a row, 0 or less if all rows hold."""
        totals = self.rows @ weights
        return float(np.maximum(self.lower - totals, totals - self.upper).max())

    def minimum_variance_programme(self, benchmark: Floats) -> Programme:
        """Return the programme that minimises the variance around `benchmark` within the same limits."""
        zeros = np.zeros(len(self.mu))
        return replace(self, mu=self.sigma @ benchmark, gamma=1.0, cost=zeros, impact=zeros, ridge=zeros)

    def minimum_turnover_programme(self) -> Programme:
        """Return the programme that minimises turnover within the same limits, to 1e-7.

        A negligible weight on risk makes the solution unique.
        """
        ones, zeros = np.ones(len(self.mu)), np.zeros(len(self.mu))
        gamma = 1e-7 / max(float(np.abs(self.sigma.diagonal()).max()), 1e-300)
        return replace(self, mu=zeros, gamma=gamma, cost=ones, impact=zeros, ridge=zeros)

    def with_objective(self, **changes: object) -> Programme:
        """Return the same programme with other parameters of the objective."""
        return replace(self, **changes)  # type: ignore[arg-type]

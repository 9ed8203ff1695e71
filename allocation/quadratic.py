"""The quadratic programme behind mean-variance: solved by PIQP, and certified without it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import piqp
from numpy.typing import NDArray
from scipy.optimize import linprog

from allocation import active_set
from allocation.errors import SolverError

Floats = NDArray[np.float64]


EXACT = 1e-9
"""Largest duality gap, and excess over a limit, of an answer of the active set."""


@dataclass(frozen=True, eq=False)
class Solution:
    """What the solver found.

    Attributes
    ----------
    weights : ndarray of shape (n,)
    prices : ndarray of shape (M,)
        Multipliers of the row limits, in units of the objective: positive where the lower limit binds,
        negative where the upper one does.
    turnover_price : float
        Multiplier of the turnover limit, 0 or more.
    exact : bool
        Whether weights are exact to rounding: on a bound or on the weight held, or clearly away from it.
    """

    weights: Floats
    prices: Floats
    turnover_price: float
    exact: bool = False


@dataclass(frozen=True, eq=False)
class Quadratic:
    """Maximise mu'w - gamma/2 w'Sigma w - c 1'|w - s| within linear limits, for the n assets of the universe.

    Attributes
    ----------
    mu : ndarray of shape (n,)
    sigma : ndarray of shape (n, n)
    gamma, cost : float
    start : ndarray of shape (n,)
        s, the weights held moved inside the bounds: what that takes has to be traded whatever the answer is.
    low, high : ndarray of shape (n,)
    rows, lower, upper : ndarray of shape (M, n), (M,), (M,)
        lower <= rows @ w <= upper; the first row is the budget.
    room : float
        Most that may be traded from `start`, sum of |w - s|; infinite without a turnover limit.
    """

    mu: Floats
    sigma: Floats
    gamma: float
    cost: float
    start: Floats
    low: Floats
    high: Floats
    rows: Floats
    lower: Floats
    upper: Floats
    room: float

    @property
    def scale(self) -> float:
        """Size of the objective: max(|mu|, gamma |Sigma|, c)."""
        return max(
            float(np.abs(self.mu).max()), self.gamma * float(np.abs(self.sigma).max()), self.cost, 1e-300
        )

    def solve(self) -> Solution | None:
        """Return the solution, or None if no solver vouches for one.

        One budget, bounds and costs are solved exactly by the active set; whatever else there is, and what the active
        set gives up, by the interior point.
        """
        return self._by_active_set() or self._by_interior_point()

    def _by_active_set(self) -> Solution | None:
        """Return the solution of a problem whose only row limit is a budget that must be met."""
        if len(self.rows) > 1 or self.lower[0] != self.upper[0] or np.isfinite(self.room):
            return None
        # Returns a minute are as small as rounding errors of returns a year: bring the objective to order 1.
        scale = self.scale
        solved, weights, price = active_set.solve(
            self.mu / scale,
            np.ascontiguousarray(self.sigma / scale),
            self.gamma,
            self.cost / scale,
            self.start,
            self.low,
            self.high,
            float(self.lower[0]),
        )
        if not solved:
            return None
        weights = np.clip(weights, self.low, self.high)
        found = Solution(weights, np.array([-price * scale]), 0.0, exact=True)
        return found if self.gap(weights, found) <= EXACT and self.excess(weights) <= EXACT else None

    def _by_interior_point(self) -> Solution | None:
        """Return the solution of PIQP, or None if it does not vouch for one.

        The solver sees purchases b and sales s >= 0 with w = start + b - s, so that the limits on each asset
        are bounds of its variables.
        """
        n = len(self.mu)
        gradient = self.gamma * self.sigma @ self.start - self.mu
        # Absolute tolerances would be silently wrong on returns a minute: bring the objective to order 1.
        scale = max(
            float(np.abs(gradient).max()), self.gamma * float(np.abs(self.sigma).max()), self.cost, 1e-300
        )
        P = np.asfortranarray(
            self.gamma / scale * np.block([[self.sigma, -self.sigma], [-self.sigma, self.sigma]])
        )
        q = np.r_[self.cost + gradient, self.cost - gradient] / scale
        G = np.column_stack([self.rows, -self.rows])
        shift = self.rows @ self.start
        lows, highs = self.lower - shift, self.upper - shift
        if np.isfinite(self.room):
            G = np.vstack([G, np.ones(2 * n)])
            lows, highs = np.r_[lows, -np.inf], np.r_[highs, max(self.room, 0.0)]
        equal = lows == highs
        A, b = np.asfortranarray(G[equal]), highs[equal]
        G, lows, highs = np.asfortranarray(G[~equal]), lows[~equal], highs[~equal]
        bounds = np.r_[self.high - self.start, self.start - self.low]
        for tolerance in (1e-12, 1e-10, 1e-8):
            solver = piqp.DenseSolver()
            solver.settings.eps_abs = solver.settings.eps_rel = tolerance
            solver.settings.eps_duality_gap_abs = solver.settings.eps_duality_gap_rel = tolerance
            solver.setup(
                P,
                q,
                A if len(b) else None,
                b if len(b) else None,
                G if len(highs) else None,
                lows if len(highs) else None,
                highs if len(highs) else None,
                np.zeros(2 * n),
                bounds,
            )
            if solver.solve() == piqp.PIQP_SOLVED:
                return self._read(solver.result, equal, scale)
        return None

    def _read(self, result: piqp.Result, equal: NDArray[np.bool_], scale: float) -> Solution:
        n, m = len(self.mu), len(self.rows)
        x = np.asarray(result.x)
        multipliers = np.empty(len(equal))
        multipliers[equal] = np.asarray(result.y)
        multipliers[~equal] = np.asarray(result.z_u) - np.asarray(result.z_l)
        turnover = max(float(multipliers[m]), 0.0) * scale if len(equal) > m else 0.0
        return Solution(self.start + x[:n] - x[n:], -multipliers[:m] * scale, turnover)

    def gap(self, weights: Floats, solution: Solution) -> float:
        """Return how much better than `weights` any weights within the limits can be at most, as a share of `scale`.

        The objective lies below its tangent at `weights`, and the best point of the tangent is bounded by its
        Lagrangian, whose minimum over the bounds is one comparison an asset. The bound holds for whatever
        multipliers are put in, so the solver can make it loose but not wrong.

        Notes
        -----
        Boyd and Vandenberghe (2004), *Convex Optimization*, section 5.1.3.
        """
        slope = self.gamma * self.sigma @ weights - self.mu
        prices, per_trade = solution.prices, self.cost + solution.turnover_price
        reduced = slope - self.rows.T @ prices
        corners = np.stack([self.low, self.start, self.high])
        best = (reduced * corners + per_trade * np.abs(corners - self.start)).min(axis=0).sum()
        best += float(np.maximum(prices, 0) @ self.lower - np.maximum(-prices, 0) @ self.upper)
        if solution.turnover_price > 0:
            best -= solution.turnover_price * self.room
        here = slope @ weights + self.cost * np.abs(weights - self.start).sum()
        return float(here - best) / self.scale

    def excess(self, weights: Floats) -> float:
        """Return by how much the worst of the row limits and the turnover limit is broken, negative if none is."""
        sums = self.rows @ weights
        traded = float(np.abs(weights - self.start).sum())
        return max(float((self.lower - sums).max()), float((sums - self.upper).max()), traded - self.room)

    def least_turnover(self) -> float:
        """Return the least sum of |trades| from `start` that meets the limits (a linear programme).

        Raises
        ------
        SolverError
            If it cannot be found.
        """
        shift = self.rows @ self.start
        both = np.column_stack([self.rows, -self.rows])
        n = len(self.start)
        most = np.r_[self.high - self.start, self.start - self.low]
        answer = linprog(
            np.ones(2 * n),
            A_ub=np.vstack([both, -both]),
            b_ub=np.r_[self.upper - shift, shift - self.lower],
            bounds=list(zip(np.zeros(2 * n), most, strict=True)),
        )
        if answer.status != 0 or answer.fun is None:
            raise SolverError(f"the least turnover could not be found: {answer.message}")
        return float(answer.fun)

    def with_room(self, room: float) -> Quadratic:
        """Return the same problem with another turnover limit."""
        return replace(self, room=room)

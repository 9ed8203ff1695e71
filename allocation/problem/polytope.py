"""Polytope: all linear limits of one decision as numbers, and the best that a linear objective can reach in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
from scipy.optimize import linprog

from allocation.errors import LimitError
from allocation.problem.constraints import Constraints
from allocation.problem.sum_limits import check_known
from foundation.types import Bools, Floats, Ints

TOLERANCE = 1e-9
"""How far a limit may be missed in weight."""

BOUNDS = ("minimum", "maximum", "overrides", "cash_minimum", "cash_maximum")
LINEAR = (*BOUNDS, "groups")


@dataclass(frozen=True, eq=False)
class Polytope:
    """Weights z with low <= z <= high and lower <= rows @ z <= upper.

    Attributes
    ----------
    low, high : ndarray of shape (n,)
        Finite.
    rows : ndarray of shape (M, n)
        The first is the budget, the sum of all weights.
    lower, upper : ndarray of shape (M,)
    names : tuple of str, length M
        What each row limits, in words.
    """

    low: Floats
    high: Floats
    rows: Floats
    lower: Floats
    upper: Floats
    names: tuple[str, ...]

    def select_assets(self, inside: Ints) -> Polytope:
        """Return the limits on the assets of these indices, the others being 0."""
        if len(inside) == len(self.low):
            return self
        return replace(self, low=self.low[inside], high=self.high[inside], rows=self.rows[:, inside])

    def slack(self, w: Floats) -> dict[str, float]:
        """Return by limit the distance to its bound, negative where it is broken."""
        sums = self.rows @ w
        slack = {
            "minimum weight": float((w - self.low).min()),
            "maximum weight": float((self.high - w).min()),
        }
        for name, total, lower, upper in zip(self.names, sums, self.lower, self.upper, strict=True):
            slack[f"{name} at least {lower:g}"] = float(total - lower)
            slack[f"{name} at most {upper:g}"] = float(upper - total)
        return slack

    def bound_ascent(self, slope: Floats, w: Floats) -> float:
        """Return an upper bound of slope @ z - slope @ w over the polytope, exact where the linear programme is solved.

        Multipliers of the rows are estimated from the weights: at an optimum the slope of a weight between its bounds
        is a combination of its rows. By weak duality any multipliers give a bound. If this one is loose, the linear
        programme is solved.

        Parameters
        ----------
        slope, w : ndarray of shape (n,)

        Notes
        -----
        Boyd and Vandenberghe (2004), *Convex Optimization*, section 5.1.3.
        """
        between = (w > self.low) & (w < self.high)
        prices = np.zeros(len(self.rows))
        if between.any():
            binding = self._binding(w)
            columns = self.rows[binding][:, between].T
            prices[binding] = np.linalg.lstsq(columns, slope[between], rcond=1e-12)[0]
        bound = self.bound_linear(slope, prices) - float(slope @ w)
        if bound <= 1e-9 * float(np.abs(slope).max()):
            return bound
        return min(bound, self._maximise(slope) - float(slope @ w))

    def _maximise(self, slope: Floats) -> float:
        """Return the largest slope @ z by linear programming, infinite where that fails."""
        best = linprog(
            -slope,
            A_ub=np.vstack([self.rows, -self.rows]),
            b_ub=np.r_[self.upper, -self.lower],
            bounds=list(zip(self.low, self.high, strict=True)),
        )
        return np.inf if best.status != 0 or best.fun is None else -float(best.fun)

    def bound_linear(self, slope: Floats, prices: Floats) -> float:
        """Return an upper bound of slope @ z over the polytope, for any multipliers of the rows, shape (M,)."""
        reduced = slope - self.rows.T @ prices
        corners = np.where(reduced > 0, self.high, self.low)
        return float(reduced @ corners + np.where(prices > 0, self.upper, self.lower) @ prices)

    def _binding(self, w: Floats) -> Bools:
        sums, size = self.rows @ w, 1e-9
        return np.asarray((sums <= self.lower + size) | (sums >= self.upper - size))


def make_polytope(constraints: Constraints, assets: Sequence[str]) -> Polytope:
    """Return the limits on all assets.

    Raises
    ------
    LimitError
        If a limit names an asset that does not exist.
    """
    assets = tuple(map(str, assets))
    low, high = constraints.bounds(assets)
    rows, names = [np.ones(len(assets))], ["sum of weights"]
    lower, upper = [1 - constraints.cash_maximum], [1 - constraints.cash_minimum]
    for name, group in constraints.groups.items():
        check_known(f"group {name!r}", group.assets, assets)
        rows.append(np.array([float(asset in group.assets) for asset in assets]))
        names.append(f"group {name!r}")
        lower.append(group.minimum)
        upper.append(group.maximum)
    return Polytope(low, high, np.array(rows), np.array(lower), np.array(upper), tuple(names))


def check_supported(allowed: Sequence[str], constraints: Constraints, allocator: str) -> None:
    """Refuse limits that an allocator does not support, so that none is ignored.

    Parameters
    ----------
    allowed : sequence of str
        Fields of `Constraints` that the allocator obeys: `BOUNDS` or `LINEAR`.
    constraints : Constraints
    allocator : str
        Its name, for the message.

    Raises
    ------
    LimitError
        Naming the limits.
    """
    plain = Constraints()
    refused = [
        field.name
        for field in fields(constraints)
        if field.name not in allowed and getattr(constraints, field.name) != getattr(plain, field.name)
    ]
    if refused:
        raise LimitError(
            f"{allocator} does not take the limits {', '.join(refused)}; it takes {', '.join(allowed)}"
        )

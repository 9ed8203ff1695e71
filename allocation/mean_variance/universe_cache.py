"""What decisions on the same universe share: limits, rates, and conflicts of limits that were found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from allocation.errors import InfeasibleError, SolverError
from allocation.problem.constraints import Constraints
from allocation.problem.feasibility import check_feasible
from allocation.problem.limit_builder import build_limits
from allocation.problem.limits import Limits
from foundation.types import Bools, Floats


@dataclass(frozen=True, eq=False)
class UniverseMembers:
    """Numbers that all decisions on one universe of n assets share: limits, and rates of shape (n,)."""

    limits: Limits
    cost: Floats
    impact: Floats
    benchmark: Floats
    nothing: Floats


class UniverseCache:
    """What is known of each universe on which a decision was made.

    Parameters
    ----------
    assets : sequence of str, length N
    constraints : Constraints
    cost, impact : ndarray of shape (N,)

    Raises
    ------
    LimitError
        If a limit names an asset that does not exist.
    """

    def __init__(self, assets: Sequence[str], constraints: Constraints, cost: Floats, impact: Floats) -> None:
        self.assets = assets
        self.constraints = constraints
        self.cost = cost
        self.impact = impact
        self.benchmark = constraints.benchmark_weights(assets)
        self._known: dict[bytes, UniverseMembers] = {}
        self._conflicts: dict[bytes, InfeasibleError] = {}
        everything = np.ones(len(assets), dtype=bool)
        self.members(np.zeros(len(assets)), everything)  # refuses limits on assets that do not exist

    def members(self, mu: Floats, universe: Bools) -> UniverseMembers:
        """Return the numbers that decisions on a universe share; limits that depend on the means are rebuilt."""
        if self.constraints.minimum_return is not None:
            return self._select(build_limits(self.constraints, self.assets, universe, mu))
        key = universe.tobytes()
        if key not in self._known:
            self._known[key] = self._select(build_limits(self.constraints, self.assets, universe))
        return self._known[key]

    def _select(self, limits: Limits) -> UniverseMembers:
        inside = limits.inside
        nothing = np.zeros(len(inside))
        return UniverseMembers(
            limits, self.cost[inside], self.impact[inside], self.benchmark[inside], nothing
        )

    def raise_known_conflict(self, position: int, universe: Bools) -> None:
        """Raise the conflict of limits that was found before on the same universe.

        Raises
        ------
        InfeasibleError
        """
        error = self._conflicts.get(universe.tobytes()) if self._conflicts else None
        if error is not None:
            raise error.at(position)

    def check_feasible(self, position: int, mu: Floats, universe: Bools) -> None:
        """Raise an error with the row if the limits contradict one another.

        Raises
        ------
        InfeasibleError
            Naming the limits in conflict.
        SolverError
            If no verdict is found.
        """
        try:
            check_feasible(self.constraints, self.assets, universe, mu)
        except InfeasibleError as error:
            if self.constraints.minimum_return is None:
                self._conflicts[universe.tobytes()] = error
            raise error.at(position) from error
        except SolverError as error:
            raise SolverError(f"row {position}: {error}") from error

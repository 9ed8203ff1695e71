"""Relaxation of limits that cannot be met together, in a stated order."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from allocation.allocator import Allocator
from allocation.covariance_types import Risk
from allocation.decision_status import DecisionStatus
from allocation.errors import InfeasibleError
from allocation.input_alignment import align_inputs
from allocation.problem.closed_markets import fix_bounds
from allocation.problem.constraints import RELAXATION_ORDER, Constraints, Family
from allocation.problem.feasibility import check_feasible
from allocation.problem.sum_limits import Group
from allocation.weights import Weights
from foundation.types import Bools, Floats

_HALVINGS = 20
_STEP = 1e-4
"""Unit to which shares are rounded up; it exceeds the tolerance of any solver."""


def _loosen_family(constraints: Constraints, family: Family, share: float) -> Constraints:
    """Return limits of which one family is `share` of the way from what is stated (0) to no limit (1).

    No limit is, for a long portfolio, weights and groups between 0 and 1; minima below 0 stay as they are.
    """
    c, s = constraints, share

    def up(high: float) -> float:
        return high + s * max(0.0, 1.0 - high)

    def down(low: float) -> float:
        return low - s * max(0.0, low)

    if family == "groups":
        groups = {
            name: Group(g.assets, down(g.minimum), up(g.maximum)) for name, g in constraints.groups.items()
        }
        return replace(c, groups=groups)
    if family == "maximum":
        return replace(c, maximum=up(c.maximum))
    if family == "minimum":
        return replace(c, minimum=down(c.minimum))
    if family == "overrides":
        return replace(c, overrides={a: (down(low), up(high)) for a, (low, high) in c.overrides.items()})
    return replace(c, cash_minimum=down(c.cash_minimum), cash_maximum=up(c.cash_maximum))


def relax_constraints(
    constraints: Constraints, order: Sequence[Family], assets: Sequence[str], universe: Bools
) -> tuple[Constraints, str]:
    """Return limits that can be met, and a note on what was relaxed.

    Families are relaxed in the order given: each fully before the next begins, and the last one by the least share
    of the way (rounded up to a hundredth of a percent) that lets all limits be met.

    Raises
    ------
    InfeasibleError
        If relaxing all families is not enough.
    """
    given: list[str] = []
    for family in order:
        whole = _loosen_family(constraints, family, 1.0)
        if _meets(whole, assets, universe):
            share = _least(constraints, family, assets, universe)
            given.append(f"{family} by {share:.2%}")
            return _loosen_family(constraints, family, share), f"relaxed: {', '.join(given)}"
        given.append(f"{family} entirely")
        constraints = whole
    check_feasible(constraints, assets, universe)
    return constraints, f"relaxed: {', '.join(given)}"


def _meets(constraints: Constraints, assets: Sequence[str], universe: Bools) -> bool:
    try:
        check_feasible(constraints, assets, universe)
    except InfeasibleError:
        return False
    return True


def _least(constraints: Constraints, family: Family, assets: Sequence[str], universe: Bools) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _meets(_loosen_family(constraints, family, middle), assets, universe):
            high = middle
        else:
            low = middle
    return min(1.0, math.ceil(high / _STEP + 0.1) * _STEP)


class RelaxedAllocator:
    """An allocator whose limits are relaxed in a stated order where they cannot be met; the note says how.

    Parameters
    ----------
    make : callable
        From limits to an Allocator.
    constraints : Constraints
    order : sequence of Family
    """

    def __init__(
        self,
        make: Callable[[Constraints], Allocator],
        constraints: Constraints,
        order: Sequence[Family] = RELAXATION_ORDER,
    ) -> None:
        self.make = make
        self.constraints = constraints
        self.order = tuple(order)
        self.allocator = make(constraints)
        self.assets = self.allocator.assets
        self._eased: dict[bytes, tuple[Allocator, str]] = {}

    def with_fixed(self, weights: Mapping[str, float]) -> RelaxedAllocator:
        """Return the same allocator with the weights of some assets fixed, whatever their own limits."""
        return RelaxedAllocator(self.make, fix_bounds(self.constraints, weights), self.order)

    @align_inputs
    def solve(
        self, position: int, mu: Floats, sigma: Risk, held: Floats, universe: Bools, *, validate: bool = True
    ) -> Weights:
        """Return the allocator's weights, under limits relaxed as little as possible."""
        try:
            return self.allocator.solve(position, mu, sigma, held, universe, validate=validate)
        except InfeasibleError:
            allocator, note = self._relaxed_allocator(universe)
            answer = allocator.solve(position, mu, sigma, held, universe, validate=validate)
            note = f"{note}; {answer.note}" if answer.note else note
            return replace(answer, status=answer.status | DecisionStatus.RELAXED, note=note)

    def _relaxed_allocator(self, universe: Bools) -> tuple[Allocator, str]:
        """Return the allocator under limits that can be met on a universe, kept from the last time."""
        key = universe.tobytes()
        if key not in self._eased:
            limits, note = relax_constraints(self.constraints, self.order, self.assets, universe)
            self._eased[key] = self.make(limits), note
        return self._eased[key]

"""UniverseCheck: whether the assets of one decision can meet the limits, including scores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from allocation.cardinality.limits import check_position_limits
from allocation.errors import AllocationError, InfeasibleError
from allocation.esg.allocator import EsgAllocator
from allocation.mean_variance.relaxed_allocator import relax_constraints
from allocation.problem.constraints import Constraints
from allocation.problem.feasibility import check_feasible
from allocation.problem.limit_builder import build_limits
from allocation.problem.sum_limits import Linear
from foundation.types import Bools
from market.panel import Panel
from pipeline.errors import RunError
from pipeline.strategies.allocators import RunAllocators


@dataclass(frozen=True)
class UniverseCheck:
    """Checks of the limits at one decision, from values known before any fit.

    Attributes
    ----------
    allocators : RunAllocators
    """

    allocators: RunAllocators

    @cached_property
    def _scores(self) -> EsgAllocator | None:
        allocator = self.allocators.build(self.allocators.constraints)
        return allocator if isinstance(allocator, EsgAllocator) else None

    def apply_scores(self, position: int, universe: Bools) -> tuple[Bools, Linear | None]:
        """Return the assets that scores leave in the universe, and the floor as a limit, or None without a floor.

        Raises
        ------
        InfeasibleError
            If the scores exclude all assets.
        """
        if self._scores is None:
            return universe, None
        _, allowed = self._scores.allowed(position, universe)
        return allowed, self._scores.floor_as_limit(position, allowed)

    def check_limits(self, position: int, universe: Bools, floor: Linear | None, limits: Constraints) -> None:
        """Refuse limits that cannot be met together on a universe, after relaxing those that may be relaxed.

        Raises
        ------
        InfeasibleError
        """
        assets = self.allocators.panel.assets
        limits = self.relax_limits(universe, limits)
        if floor is not None:
            check_feasible(replace(limits, linear={**limits.linear, "esg.floor": floor}), assets, universe)
        few = self.allocators.settings.allocation.positions
        if few is not None:
            on = build_limits(limits, assets, universe)
            check_position_limits(position, on.entries, len(on.low), few.maximum, few.minimum_weight)

    def relax_limits(self, universe: Bools, limits: Constraints) -> Constraints:
        """Return the limits, relaxed as configured if they cannot be met.

        Raises
        ------
        InfeasibleError
            If the relaxed limits cannot be met, or relaxing is not allowed.
        """
        assets, allocation = self.allocators.panel.assets, self.allocators.settings.allocation
        try:
            check_feasible(limits, assets, universe)
        except InfeasibleError:
            if allocation.on_infeasible != "relax":
                raise
            limits, _ = relax_constraints(limits, allocation.relax, assets, universe)
        return limits


@contextmanager
def date_errors(panel: Panel, position: int, hold: bool, name: str = "") -> Iterator[None]:
    """Add the date to an error of one decision; ignore infeasible limits if the portfolio is then held unchanged.

    Raises
    ------
    RunError
    """
    try:
        yield
    except AllocationError as error:
        if hold and isinstance(error, InfeasibleError):
            return
        text = str(error).removeprefix(f"row {position}: ")
        where = f"strategies.{name}" if name else "allocation"
        raise RunError(f"{where}, at {panel.dates[position]:%Y-%m-%d}: {text}") from error

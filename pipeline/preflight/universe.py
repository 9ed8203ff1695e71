"""UniverseCheck: whether limits can be met on the assets of one decision, scores included."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property

from allocation.cardinality.limits import check_position_limits
from allocation.errors import AllocationError, InfeasibleError
from allocation.esg.allocator import EsgAllocator
from allocation.mean_variance.relaxed_allocator import relax_constraints
from allocation.problem.constraints import Constraints, Linear
from allocation.problem.feasibility import check_feasible
from allocation.problem.limits import build_limits
from foundation.types import Bools
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.strategies.builder import Allocators


@dataclass(frozen=True)
class UniverseCheck:
    """Checks of the limits at one decision, from what is known before anything is fitted.

    Attributes
    ----------
    panel : Panel
    config : RunConfig
    allocators : Allocators
    """

    panel: Panel
    config: RunConfig
    allocators: Allocators

    @cached_property
    def _scores(self) -> EsgAllocator | None:
        allocator = self.allocators.make(self.allocators.constraints)
        return allocator if isinstance(allocator, EsgAllocator) else None

    def scores(self, position: int, universe: Bools) -> tuple[Bools, Linear | None]:
        """Return the assets that scores leave in the universe, and the floor as a limit, None without one.

        Raises
        ------
        InfeasibleError
            If they leave none.
        """
        if self._scores is None:
            return universe, None
        _, allowed = self._scores.allowed(position, universe)
        return allowed, self._scores.floor_as_limit(position, allowed)

    def limits(self, position: int, universe: Bools, floor: Linear | None, limits: Constraints) -> None:
        """Refuse limits that cannot be met together on a universe, after those that may have given way.

        Raises
        ------
        InfeasibleError
        """
        assets, settings = self.panel.assets, self.config.allocation
        limits = self.given_way(universe, limits)
        if floor is not None:
            check_feasible(replace(limits, linear={**limits.linear, "esg.floor": floor}), assets, universe)
        few = settings.positions
        if few is not None:
            on = build_limits(limits, assets, universe)
            check_position_limits(position, on.entries, few.maximum, few.minimum_weight, on.low, on.high)

    def given_way(self, universe: Bools, limits: Constraints) -> Constraints:
        """Return the limits, eased as the configuration wants it where they cannot be met.

        Raises
        ------
        InfeasibleError
            If they cannot be met then, or must not be eased.
        """
        settings = self.config.allocation
        try:
            check_feasible(limits, self.panel.assets, universe)
        except InfeasibleError:
            if settings.on_infeasible != "relax":
                raise
            limits, _ = relax_constraints(limits, settings.relax, self.panel.assets, universe)
        return limits


@contextmanager
def dated(panel: Panel, position: int, hold: bool, name: str = "") -> Iterator[None]:
    """Turn what is wrong with one decision into an error with its date; nothing where infeasible limits only hold.

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

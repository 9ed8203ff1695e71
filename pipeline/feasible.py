"""Whether the limits can be met, or give way, at every decision: found out before anything is fitted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from allocation.cardinality_limits import check_together
from allocation.constraints import Linear
from allocation.errors import AllocationError, InfeasibleError, InputError
from allocation.esg import Responsible
from allocation.feasibility import check_feasible
from allocation.limits import limits_on
from allocation.relaxation import relax
from allocation.risk import eligible_assets
from market.panel import Panel
from pipeline.allocation_config import AllocationSection
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.strategies import Allocators, check_assets
from pipeline.timetable import Schedule
from pipeline.trading import decided_at

Bools = NDArray[np.bool_]


def check_limits(panel: Panel, schedule: Schedule, config: RunConfig) -> None:
    """Find out before anything is fitted whether the limits can be met, or give way, at every decision.

    Raises
    ------
    RunError
        Naming the date, and the limits in conflict; or if at some decision no asset has enough history, or a score.
    LimitError
        If a limit names an asset that does not exist.
    """
    check_assets(panel, config)
    allocators, seen = Allocators(panel, config), set[str]()
    allocator = allocators.make(config.allocation.constraints())
    for position, universe in _universes(panel, schedule, config):
        try:
            floor = None
            if isinstance(allocator, Responsible):
                _, universe = allocator.allowed(position, universe)
                floor = allocator.floor_as_limit(position, universe)
            key = f"{universe.tobytes()!r}{floor}"
            if key not in seen:
                seen.add(key)
                _check(position, panel.assets, universe, floor, config.allocation)
        except InfeasibleError as error:
            if config.allocation.on_infeasible != "hold":
                raise _dated(error, position, panel) from error
        except InputError as error:
            raise _dated(error, position, panel) from error


def _check(
    position: int,
    assets: tuple[str, ...],
    universe: Bools,
    floor: Linear | None,
    settings: AllocationSection,
) -> None:
    """Refuse limits that cannot be met together on a universe, after those that may have given way."""
    limits = settings.constraints()
    try:
        check_feasible(limits, assets, universe)
    except InfeasibleError:
        if settings.on_infeasible != "relax":
            raise
        limits, _ = relax(limits, settings.relax, assets, universe)
    if floor is not None:
        check_feasible(replace(limits, linear={**limits.linear, "esg.floor": floor}), assets, universe)
    few = settings.positions
    if few is not None:
        on = limits_on(limits, assets, universe)
        check_together(position, on.named, few.maximum, few.minimum_weight, on.low, on.high)


def _universes(panel: Panel, schedule: Schedule, config: RunConfig) -> Iterator[tuple[int, Bools]]:
    """Yield each decision's row, and the assets that have enough history there."""
    settings, positions = config.allocation, decided_at(panel, schedule)
    eligible = eligible_assets(
        panel.returns - panel.cash[:, None],
        positions,
        window=settings.covariance_window,
        min_history=settings.min_history,
        closed=panel.closed,
    )
    # Nothing is held yet at the first decision, so that only what can be bought there counts.
    eligible[0] &= ~panel.closed[positions[0]]
    for position, universe in zip(positions.tolist(), eligible, strict=True):
        if not universe.any():
            raise RunError(
                f"no asset can be held at {panel.dates[position]:%Y-%m-%d}: none is listed with at least "
                f"{settings.min_history} returns in the last {settings.covariance_window} "
                "(allocation.min_history, allocation.covariance_window)"
            )
        yield position, universe


def _dated(error: AllocationError, position: int, panel: Panel) -> RunError:
    """Return the error with the date in place of the row."""
    text = str(error).removeprefix(f"row {position}: ")
    return RunError(f"allocation, at {panel.dates[position]:%Y-%m-%d}: {text}")

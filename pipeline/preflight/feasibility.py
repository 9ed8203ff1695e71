"""Feasibility: check before any fit that the limits can be met, or relaxed, at every decision."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from allocation.covariance.path_estimation import eligible_assets
from foundation.counts import format_count
from foundation.types import Bools
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.preflight.strategies import check_assets, check_strategies
from pipeline.stages.schedule import Schedule
from pipeline.stages.trading import decision_rows
from pipeline.strategies.allocators import RunAllocators
from pipeline.strategies.universe_check import UniverseCheck, date_errors


def check_limits(panel: Panel, schedule: Schedule, config: RunConfig) -> None:
    """Check before any fit that the limits can be met, or relaxed, at every decision.

    This covers the limits of the run's allocator, and those of each strategy that do not depend on a fit.

    Raises
    ------
    RunError
        Names the date and the conflicting limits; also if at some decision no asset has enough history, or a score.
    LimitError
        If a limit names an asset that does not exist.
    """
    check_assets(panel, config)
    check, seen = UniverseCheck(RunAllocators(panel, config.trading_settings())), set[str]()
    universes = list(_universes(panel, schedule, config))
    for position, universe in universes:
        with date_errors(panel, position, config.allocation.on_infeasible == "hold"):
            for inside in (universe, universe & _forecast_at(panel, schedule, position)):
                if inside.any():
                    _check_once(check, position, inside, seen)
    check_strategies(panel, schedule, config, check, universes)


def _check_once(check: UniverseCheck, position: int, inside: Bools, seen: set[str]) -> None:
    """Check the limits of the run on some assets, unless they were checked at an earlier decision."""
    allowed, floor = check.apply_scores(position, inside)
    key = f"{allowed.tobytes()!r}{floor}"
    if key not in seen:
        seen.add(key)
        check.check_limits(position, allowed, floor, check.allocators.constraints)


def _forecast_at(panel: Panel, schedule: Schedule, position: int) -> Bools:
    """Return the assets that can have a forecast at a row.

    These have a unit of risk, or are closed and keep their last forecast. An asset that has just reopened may lack a
    return in its risk window, and is then in no portfolio on forecasts.
    """
    return np.asarray(np.isfinite(schedule.target.risk[position]) | panel.closed[position])


def _universes(panel: Panel, schedule: Schedule, config: RunConfig) -> Iterator[tuple[int, Bools]]:
    """Yield each decision's row, and the assets that have enough history there."""
    settings, positions = config.allocation, decision_rows(panel, schedule)
    eligible = eligible_assets(
        panel.returns - panel.cash[:, None],
        positions,
        window=settings.covariance_window,
        min_history=settings.min_history,
        closed=panel.closed,
        member=panel.member,
    )
    # The portfolio is empty before the first decision, so only assets that can be bought there count.
    eligible[0] &= ~panel.closed[positions[0]]
    for position, universe in zip(positions.tolist(), eligible, strict=True):
        if not universe.any():
            where = "listed" if panel.member is None else "a listed member of data.universe"
            raise RunError(
                f"no asset can be held at {panel.dates[position]:%Y-%m-%d}: none is {where} with at least "
                f"{format_count(settings.min_history, 'return')} in the last {settings.covariance_window} "
                "(allocation.min_history, allocation.covariance_window)"
            )
        yield position, universe

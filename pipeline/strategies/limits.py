"""Which limits of the run each strategy keeps; what one would not keep is refused when the configuration is read."""

from __future__ import annotations

from collections.abc import Mapping

from allocation.errors import LimitError
from pipeline.settings.allocation import AllocationSection
from pipeline.settings.limit_keys import ALL, LimitKey, limits_set
from pipeline.strategies.kinds import StatedStrategy, TacticalStrategy
from pipeline.strategies.section import StrategySection

STATED_BASELINES = ("equal_weight", "buy_and_hold")
"""Baselines whose weights are known before anything is fitted; the others are made by the run's allocator."""
NO_CONFLICT: frozenset[LimitKey] = frozenset(
    {"turnover", "annual_volatility", "annual_tracking_error", "esg.tilt"}
)
"""Limits that the strategic weights themselves cannot stand in the way of before something is estimated."""


def limit_conflict(allocation: AllocationSection, strategies: Mapping[str, StrategySection]) -> str:
    """Return what says that a strategy does not keep a limit of the run, "" if each does or is exempt from it."""
    try:
        allocation.constraints()
    except LimitError:
        return ""  # a limit that is wrong by itself is named by whoever reads the configuration
    given = limits_set(allocation)
    for name, section in strategies.items():
        refused = [key for key in given if key not in section.keeps() and key not in section.exempt]
        if refused:
            keys = ", ".join(f"allocation.{key}" for key in refused)
            return (
                f"strategies.{name}: the kind {section.kind} does not keep {keys}; "
                f"write exempt: [{', '.join([*section.exempt, *refused])}] in the strategy to let it go without, "
                f"or remove the limit{'s' if len(refused) > 1 else ''}"
            )
        if isinstance(section, TacticalStrategy):
            unknown = _unknown_anchor(name, section, given, strategies)
            if unknown and allocation.on_infeasible != "hold":
                return unknown
    return ""


def _unknown_anchor(
    name: str,
    section: TacticalStrategy,
    given: tuple[LimitKey, ...],
    strategies: Mapping[str, StrategySection],
) -> str:
    """Return that limits around a strategic portfolio can be met is known only after fitting; "" if before."""
    asked = [key for key in given if key not in NO_CONFLICT and key not in section.exempt]
    anchor = strategies.get(section.strategic)
    if isinstance(anchor, StatedStrategy) or section.strategic in STATED_BASELINES:
        return ""
    kept = ALL if anchor is None else anchor.keeps() - set(anchor.exempt)
    open_keys = [key for key in asked if key not in kept]
    if not open_keys:
        return ""
    return (
        f"strategies.{name}.strategic: whether {', '.join(f'allocation.{key}' for key in open_keys)} can be met around "
        f"{section.strategic!r} is known only after fitting; choose a strategic portfolio of stated weights, or one "
        f"that keeps the limit, set allocation.on_infeasible: hold, or write exempt: [{', '.join(open_keys)}]"
    )

"""Limits of the run that a strategy would not keep, refused when the configuration is read."""

from __future__ import annotations

from collections.abc import Mapping

from allocation.errors import LimitError
from pipeline.settings.allocation import AllocationSection
from pipeline.settings.limit_keys import limits_set
from pipeline.strategies.settings import StrategySettings


def find_limit_conflict(allocation: AllocationSection, strategies: Mapping[str, StrategySettings]) -> str:
    """Return a message if a strategy neither keeps a limit of the run nor is exempt from it; "" otherwise."""
    try:
        allocation.constraints()
    except LimitError:
        return ""  # reading the configuration reports a limit that is invalid by itself
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
    return ""

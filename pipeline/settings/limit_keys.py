"""Limits of the run by their keys in the section `allocation`."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Literal, get_args

from pipeline.settings.allocation import AllocationSection

LimitKey = Literal[
    "minimum",
    "maximum",
    "overrides",
    "cash",
    "groups",
    "linear",
    "turnover",
    "leverage",
    "annual_volatility",
    "annual_tracking_error",
    "positions",
    "esg",
    "esg.tilt",
]
"""`cash` stands for cash_minimum and cash_maximum, `esg` for the exclusions and the floor, `esg.tilt` for the tilt."""
ALL: frozenset[LimitKey] = frozenset(get_args(LimitKey))
BOUNDS: frozenset[LimitKey] = frozenset({"minimum", "maximum", "overrides", "cash"})
_FIELDS: dict[LimitKey, tuple[str, ...]] = {
    "cash": ("cash_minimum", "cash_maximum"),
    "annual_tracking_error": ("annual_tracking_error", "benchmark"),
}
"""Fields of `AllocationSection` for each key whose field has another name."""


def limits_set(allocation: AllocationSection) -> tuple[LimitKey, ...]:
    """Return the limits that a configuration sets to something other than their default.

    By default weights lie between 0 and 1, and optimised portfolios hold no cash.
    """
    keys = [key for key in get_args(LimitKey) if key != "esg.tilt" and _differs(allocation, key)]
    return (*keys, "esg.tilt") if allocation.esg is not None and allocation.esg.tilt else tuple(keys)


def select_limits(allocation: AllocationSection, kept: Collection[LimitKey]) -> AllocationSection:
    """Return the section with all limits except the kept ones reset to their defaults; scores stay unchanged."""
    dropped = [key for key in limits_set(allocation) if key not in kept and not key.startswith("esg")]
    return allocation.model_copy(
        update={field: _default(field) for key in dropped for field in _FIELDS.get(key, (key,))}
    )


def _differs(allocation: AllocationSection, key: LimitKey) -> bool:
    return any(getattr(allocation, field) != _default(field) for field in _FIELDS.get(key, (key,)))


def _default(field: str) -> Any:
    return AllocationSection.model_fields[field].get_default(call_default_factory=True)

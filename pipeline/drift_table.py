"""Rows of the report's section on drift."""

from __future__ import annotations

from pipeline.columns import chance
from pipeline.drift import FeatureDrift, Finding
from pipeline.narrative import number, percent

SHIFTS = 10
"""Features that the report shows; summary.json has all."""


def shift_cells(one: FeatureDrift) -> tuple[str, bool, list[str]]:
    """Return name, whether it alarms, and the cells of a feature, as the template heads them."""
    missing = f"{percent(one.missing_before, 0)} / {percent(one.missing_after, 0)}"
    return (
        one.name,
        one.alarm,
        [
            number(one.psi),
            number(one.usual),
            number(one.distance),
            f"{number(one.before, 0)} / {number(one.after, 0)}",
            missing,
            chance(one.p_value),
            chance(one.corrected),
            percent(one.importance),
        ],
    )


def watch_cells(found: Finding) -> tuple[str, bool, list[str]]:
    """Return what is watched, whether it alarms, and its cells."""
    watch = found.watch
    return (
        f"{watch.subject}: {watch.what}",
        found.alarm,
        [
            number(watch.before),
            number(watch.recent),
            number(watch.statistic),
            number(watch.usual),
            chance(watch.p_value),
            chance(found.corrected),
        ],
    )

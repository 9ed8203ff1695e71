"""Drift tables: rows of the report, and a table for the command line."""

from __future__ import annotations

from rich.table import Table

from pipeline.drift.drift import Drift, FeatureDrift, Finding
from pipeline.report.formats import chance, number, percent

SHIFTS = 10
"""Number of features in the report; summary.json has all."""


def shift_cells(one: FeatureDrift) -> tuple[str, bool, list[str]]:
    """Return name, alarm and cells of a feature, in the order of the template's headings."""
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
    """Return name, alarm and cells of a watch."""
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


def drift_table(drift: Drift) -> Table:
    """Return the result of each watch, and the features whose shift is least likely due to chance."""
    table = Table(box=None, pad_edge=False)
    table.add_column(f"Drift at {drift.as_of}, the last {drift.window} dates")
    table.add_column("p, corrected", justify="right")
    table.add_column("")
    for finding in drift.findings:
        table.add_row(finding.watch.text, chance(finding.corrected), "ALARM" if finding.alarm else "")
    for one in drift.features[:5]:
        text = f"{one.name}: PSI {number(one.psi)}, usual {number(one.usual)}; KS distance {number(one.distance)}"
        table.add_row(text, chance(one.corrected), "ALARM" if one.alarm else "")
    return table

"""Length of the evaluation: whether it has enough holding periods for a test to mean anything."""

from __future__ import annotations

from collections.abc import Iterator

from foundation.counts import format_count
from market.findings import Finding
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.stages.schedule import Schedule

_FEWEST = 10
"""Holding periods without overlap below which t-statistics and verdicts are of little use."""


def check_evaluation_length(panel: Panel, schedule: Schedule, config: RunConfig) -> Iterator[Finding]:
    """Find evaluations of few holding periods: overlapping labels make them look like many observations."""
    if not len(schedule.decisions):
        return
    target, first = config.target, int(schedule.decisions[0])
    periods = (len(panel.dates) - 1 - first - target.execution_lag) / target.horizon
    if periods < _FEWEST:
        text = (
            f"from {panel.dates[first]:%Y-%m-%d} to {panel.dates[-1]:%Y-%m-%d} the evaluation has {max(periods, 0):.1f}"
            f" holding periods of {format_count(target.horizon, 'row')} that do not overlap: t-statistics, p-values and"
            " the verdict are of little use"
        )
        fix = "take an earlier evaluation.start or a shorter target.horizon"
        yield Finding("short evaluation", "warning", None, panel.dates[first], text, fix)

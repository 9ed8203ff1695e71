"""Loading: the first stage of every run, and the only one that is always done."""

from __future__ import annotations

import pandas as pd

from market.checks import Finding
from market.panel import Panel
from market.sources import load
from pipeline.config import RunConfig
from pipeline.progress import Reporter


def load_data(config: RunConfig, reporter: Reporter) -> tuple[Panel, tuple[Finding, ...]]:
    """Load and check the data that the configuration names."""
    data = config.data
    return reporter.stage(
        "data",
        lambda: load(data.source, **data.model_dump(exclude={"source"})),
        lambda value: _describe(*value),
    )


def reload(config: RunConfig, known_by: pd.Timestamp) -> Panel:
    """Load the data as it would have been read at the close of a date, from the rows up to it alone."""
    data = config.data.model_dump(exclude={"source", "end"})
    return load(config.data.source, **data, known_by=known_by)[0]


def _describe(panel: Panel, findings: tuple[Finding, ...]) -> str:
    grades = {g: sum(f.severity == g for f in findings) for g in ("warning", "note")}
    return (
        f"{panel.name}: {len(panel.dates)} dates x {len(panel.assets)} assets, "
        f"{panel.dates[0]:%Y-%m-%d} to {panel.dates[-1]:%Y-%m-%d}; "
        f"{grades['warning']} warnings, {grades['note']} notes"
    )

"""Loading: the first stage of every run, and the only one that is always done."""

from __future__ import annotations

import pandas as pd

from market.checks import Finding
from market.panel import Panel
from market.sources import load
from pipeline.config import RunConfig
from pipeline.progress import Reporter


def load_data(
    config: RunConfig, reporter: Reporter, *, unseal: bool = False, known_by: pd.Timestamp | None = None
) -> tuple[Panel, tuple[Finding, ...]]:
    """Load and check the data that the configuration names, up to the holdout unless it is unsealed.

    What is not loaded, no stage can read: a sealed source is read as if it ended the day before the holdout.

    Parameters
    ----------
    config : RunConfig
    reporter : Reporter
    unseal : bool
    known_by : Timestamp, optional
        Read the source as if it ended there.
    """
    data, holdout = config.data, config.evaluation.holdout
    sealed = None if unseal else sealed_before(config)
    ends = [end for end in (sealed, known_by) if end is not None]
    return reporter.stage(
        "data",
        lambda: load(
            data.source, **data.model_dump(exclude={"source"}), known_by=min(ends) if ends else None
        ),
        lambda value: _describe(*value) + ("" if sealed is None else f"; sealed from {holdout}"),
    )


def sealed_before(config: RunConfig) -> pd.Timestamp | None:
    """Return the last day that may be read while the holdout is sealed; None where there is none."""
    holdout = config.evaluation.holdout
    return None if holdout is None else pd.Timestamp(holdout) - pd.Timedelta(days=1)


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

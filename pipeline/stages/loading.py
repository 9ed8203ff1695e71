"""Loading: the first stage of every run, and the only one that is never reused."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from foundation.counts import format_count
from market.findings import Finding
from market.panel import Panel
from market.readers.scores import load_scores
from pipeline.config import RunConfig
from pipeline.data_source import load_source
from pipeline.own_data.reading import with_own_data
from pipeline.progress import Reporter
from pipeline.stages.run_warnings import finding_notes, finding_warnings

Loaded = tuple[Panel, tuple[Finding, ...]]
"""Data, and the findings of its checks."""


def load_data(
    config: RunConfig, reporter: Reporter, *, unseal: bool = False, known_by: pd.Timestamp | None = None
) -> Loaded:
    """Load and check the configured data, up to the holdout unless it is unsealed.

    Later dates are not loaded, so no stage can read them: a sealed source is read as if it ended the day before the
    holdout, and one requested as of a date as if it ended there.
    """
    data, holdout = config.data, config.evaluation.holdout
    sealed = None if unseal else cut_at_holdout(config)
    until = min((date for date in (sealed, known_by) if date is not None), default=None)

    def read() -> Loaded:
        panel, findings = load_source(data, config.output, end=data.end, known_by=until)
        panel, warnings = with_scores(panel, config, until)
        panel, notes = with_own_data(panel, data, config.output, until)
        return panel, (*findings, *warnings, *notes)

    loaded = reporter.stage(
        "data",
        read,
        lambda value: _describe(*value) + ("" if sealed is None else f"; sealed from {holdout}"),
    )
    for text in finding_warnings(loaded[1]):
        reporter.warn(text)
    for text in (*finding_notes(loaded[1]), *loaded[0].notes):
        reporter.note(text)
    return loaded


def with_scores(panel: Panel, config: RunConfig, known_by: pd.Timestamp | None = None) -> Loaded:
    """Return the panel with the configured scores, as far as they were known at a date.

    The findings are warnings about the file of scores.
    """
    esg = config.allocation.esg
    if esg is None:
        return panel, ()
    given = esg.model_dump(include={"max_age_days", "lag_days", "date_column", "score_column"})
    table, warnings = load_scores(esg.path, panel.assets, **given)
    return replace(panel, scores=table if known_by is None else table.known_by(known_by)), warnings


def cut_at_holdout(config: RunConfig) -> pd.Timestamp | None:
    """Return the last day that may be read while the holdout is sealed; None without a holdout."""
    holdout = config.evaluation.holdout
    return None if holdout is None else pd.Timestamp(holdout) - pd.Timedelta(days=1)


def reload(config: RunConfig, known_by: pd.Timestamp) -> Panel:
    """Load the data as it would have been read at the close of a date of the panel, from rows up to that date only.

    Scores, series and tables are not read, since assets that are listed later may be missing here. A row of a
    resampled panel ends its period, even if only the calendar of the exchange shows that it does.
    """
    data = config.data
    if data.frequency is not None or data.sessions is not None:
        data = data.model_copy(update={"running_period": "keep"})
    return load_source(data, config.output, end=None, known_by=known_by, repeats=True)[0]


def _describe(panel: Panel, findings: tuple[Finding, ...]) -> str:
    grades = {g: sum(f.severity == g for f in findings) for g in ("warning", "note")}
    grades["note"] += len(panel.notes)
    return (
        f"{panel.name}: {format_count(len(panel.dates), 'date')} x {format_count(len(panel.assets), 'asset')}, "
        f"{panel.dates[0]:%Y-%m-%d} to {panel.dates[-1]:%Y-%m-%d}; "
        f"{format_count(grades['warning'], 'warning')}, {format_count(grades['note'], 'note')}"
    )

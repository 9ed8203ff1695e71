"""Preparation shared by commands: read the configuration, check the output folder and its records."""

from __future__ import annotations

import datetime as dt
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.config import CompletedConfig, RunConfig
    from pipeline.progress import Reporter
    from pipeline.store import Store


def read_config(path: Path, *, writes: bool = True) -> RunConfig:
    """Read a configuration, and check its output folder.

    Parameters
    ----------
    path : Path
    writes : bool
        Whether the command writes to the output folder.
    """
    return _read_completed(path, writes, None).config


def _read_completed(path: Path, writes: bool, as_of: dt.datetime | None) -> CompletedConfig:
    import pandas as pd

    from pipeline.cli.as_of import end_of_day
    from pipeline.config import read_config_file
    from pipeline.config_files.paths import check_output_folder

    until = None if as_of is None else pd.Timestamp(end_of_day(as_of)).tz_localize(None)
    completed = read_config_file(path, until)
    check_output_folder(completed.config.output, writes=writes)
    return completed


def prepare_run(
    path: Path, fresh: bool, *, writes: bool = True, trains: bool = True, as_of: dt.datetime | None = None
) -> tuple[RunConfig, Store, Reporter]:
    """Return the configuration, its store, and the reporter of progress.

    The records of the output folder are checked first: no stage runs and no model is used if a record lost lines.

    Parameters
    ----------
    path : Path
    fresh : bool
        Ignore stored stages.
    writes : bool
        Whether the command writes to the output folder.
    trains : bool
        Whether the command makes a run of these settings: only such a command prints which it chose.
    as_of : datetime, optional
        Settings that follow from the data follow from what was known at the end of this day.
    """
    from pipeline.chains.checks import check_state
    from pipeline.progress import Reporter, RunConsole
    from pipeline.store import Store

    completed = _read_completed(path, writes, as_of)
    config = completed.config
    check_state(config.output, config.name)
    # A pipe has no width: tables must not be squeezed into 80 columns.
    console = RunConsole() if sys.stdout.isatty() else RunConsole(width=120)
    reporter = Reporter(console)
    if completed.completion is not None:
        if trains:
            reporter.line("defaults", f"{completed.completion.describe()} (tangency config {path} shows all)")
        if text := _describe_changes(completed):
            reporter.warn(text)
    for text in completed.durations:
        reporter.note(text)
    return config, Store(config.output / "store", fresh=fresh), reporter


def _describe_changes(completed: CompletedConfig) -> str:
    """Return the chosen settings that differ from those of the last run, "" if there are none."""
    from pipeline.defaults.changes import describe_changed_choices
    from pipeline.export.latest_run import read_last_settings

    config, completion = completed.config, completed.completion
    last = read_last_settings(config.output, config.name)
    if completion is None or last is None:
        return ""
    run, before = last
    text = describe_changed_choices(completion.choices, config.model_dump(mode="json"), before)
    return text and (
        f"settings that follow from the data differ from those of run {run}, so that this is another configuration: "
        f"{text}. Write them into the configuration to keep them"
    )

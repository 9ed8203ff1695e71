"""Preparation shared by commands: read the configuration, check the output folder and its records."""

from __future__ import annotations

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
    return _read_completed(path, writes).config


def _read_completed(path: Path, writes: bool) -> CompletedConfig:
    from pipeline.config import read_config_file
    from pipeline.config_files.paths import check_output_folder

    completed = read_config_file(path)
    check_output_folder(completed.config.output, writes=writes)
    return completed


def prepare_run(path: Path, fresh: bool, *, writes: bool = True) -> tuple[RunConfig, Store, Reporter]:
    """Return the configuration, its store, and the reporter of progress.

    The records of the output folder are checked first: no stage runs and no model is used if a record lost lines.
    """
    from rich.console import Console

    from pipeline.chains.checks import check_state
    from pipeline.progress import Reporter
    from pipeline.store import Store

    completed = _read_completed(path, writes)
    config = completed.config
    check_state(config.output, config.name)
    # A pipe has no width: tables must not be squeezed into 80 columns.
    console = Console() if sys.stdout.isatty() else Console(width=120)
    reporter = Reporter(console)
    if completed.completion is not None:
        reporter.line("defaults", f"{completed.completion.describe()} (tangency config {path} shows all)")
    for text in completed.durations:
        reporter.note(text)
    return config, Store(config.output / "store", fresh=fresh), reporter

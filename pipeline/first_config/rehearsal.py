"""Rehearsal: all steps of a run before its models are fitted, so that a new configuration runs at the first try."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

from rich.console import Console

from pipeline.config import RunConfig, load_config
from pipeline.errors import USER_ERRORS, RunError
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.store import Store


def rehearse(text: str, path: Path) -> RunConfig:
    """Read a configuration, build its features, check training data and limits, and fit its regimes; nothing is kept.

    Parameters
    ----------
    text : str
        The configuration.
    path : Path
        Its file to be, for messages.

    Raises
    ------
    RunError
        With the reason for which a run would stop.
    """
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder) / path.name
        draft.write_text(text, encoding="utf-8")
        try:
            config = load_config(draft)
            quiet = Reporter(Console(file=io.StringIO()))
            pipeline = Pipeline(config, Store(Path(folder) / "store", fresh=True), quiet)
            pipeline.estimate(pipeline.prepare())
        except USER_ERRORS as error:
            reason = str(error).replace(str(draft), str(path))
            raise RunError(f"no configuration was written, because its run would stop: {reason}") from error
    return config

"""Files from which a champion is loaded, and checks against the SHA-256 that the decision about the run recorded."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from operations.errors import OperationsError
from pipeline.chains.recorded_files import read_recorded
from pipeline.config import RunConfig
from pipeline.errors import LedgerError
from pipeline.files import read_regular

FILES = ("summary.json", "config.json", "model.json", "inputs.json", "forecasts.parquet")
"""Files of a run's folder from which a champion is loaded."""
WHOLE = (
    "The run is not whole: make it again (tangency run) and make the new one champion (tangency promote RUN "
    "--reason ...), or go back to the champion before (tangency rollback)"
)
"""Advice for a run with unusable files."""
_INSTEAD = (
    "make the run again (tangency run) and make the new one champion (tangency promote RUN --reason ...), "
    "or go back to the champion before (tangency rollback)"
)
"""Advice if there is no copy of a changed file."""

_ID = r"-\d{8}T\d{6}-[0-9a-f]{6}-[0-9a-f]{4}"
"""Pattern of the suffix after the configuration's name in a run's folder (`pipeline.export.run_folder.new_run_id`)."""


def runs_of(config: RunConfig) -> list[str]:
    """Return the names of a configuration's runs in its output folder, oldest first."""
    if not config.output.is_dir():
        return []
    own = re.compile(re.escape(config.name) + _ID)
    return sorted(
        path.name
        for path in config.output.iterdir()
        if own.fullmatch(path.name) and (path / FILES[0]).exists()
    )


def advise_on_champion(config: RunConfig) -> str:
    """Return advice on how to get a champion if there is none."""
    runs = runs_of(config)
    if not runs:
        return "`tangency retrain` trains and judges one"
    return (
        f"`tangency promote {runs[-1]} --reason ...` makes the newest run champion, `tangency retrain` trains and "
        "judges one"
    )


def read_run_file(folder: Path, name: str, recorded: Mapping[str, str]) -> bytes:
    """Check a file of a run's folder against its recorded SHA-256, and return its content.

    Parameters
    ----------
    folder : Path
    name : str
    recorded : mapping of str to str
        SHA-256 of files of the folder by name; files without an entry are not checked.

    Raises
    ------
    LedgerError
        If the file differs from its recorded SHA-256.
    OperationsError
        If the file has no recorded SHA-256 and cannot be read.
    """
    path = folder / name
    if name in recorded:
        return read_recorded(path, recorded[name], f"the decision about the run {folder.name}", _INSTEAD)
    try:
        return read_regular(path)
    except OSError as error:
        raise OperationsError(f"{path} cannot be read: {error.strerror or error}. {WHOLE}") from error


def find_damage(folder: Path, recorded: Mapping[str, str]) -> str:
    """Return a message on the first damaged file of a run's folder; "" if all files match their SHA-256.

    Parameters
    ----------
    folder : Path
    recorded : mapping of str to str
        SHA-256 of the files by name, as recorded by the decision about the run.
    """
    try:
        for name in FILES:
            read_run_file(folder, name, recorded)
    except (LedgerError, OperationsError) as error:
        return str(error)
    return ""

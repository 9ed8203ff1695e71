"""Latest run: the link `latest`, and the last run, which is shown again if the results are the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foundation.json_text import to_json
from pipeline.errors import RunError
from pipeline.files import explain, read_regular, replace_link
from pipeline.tracking.pending_runs import RECORD

if TYPE_CHECKING:
    from pipeline.export.artifacts import RunArtifacts


def reuse_run(output: Path, made: RunArtifacts) -> Path | None:
    """Return the folder of a configuration's last run if its results are the same, and point `latest` at it.

    The same configuration, data, code and versions give the same bits, so no new folder is needed. The verdict changes
    with other trials, drift with the way it is measured, and a score with the code that computes it. The printed
    warnings are not compared, since they depend on the command. A folder whose model or tables differ from the new ones
    was edited or damaged, and counts as another run.

    Raises
    ------
    RunError
        If the link cannot be written.
    """
    summary = json.loads(to_json({key: part for key, part in made.summary.items() if key != "warnings"}))
    for folder in _last_runs(output, summary["config"]):
        if _has_summary(folder, summary) and (folder / RECORD).exists() and _is_whole(folder, made):
            point_latest(output, folder.name)
            return folder
    return None


def _last_runs(output: Path, config: str) -> list[Path]:
    """Return the run to which `latest` points, and the newest run by name.

    They are the same run, except in two cases. Names sort by the clock, which may be wrong. And a process that was
    killed after it wrote its folder has not moved the link.
    """
    link = output / "latest"
    linked = [output / link.readlink().name] if link.is_symlink() and link.exists() else []
    newest = _find_newest(output, config, (config, None))
    return linked + [folder for folder in [newest] if folder is not None and folder not in linked]


def _find_newest(output: Path, config: str, names: tuple[str | None, ...]) -> Path | None:
    """Return the newest run, by the name of its folder, whose configuration has one of these names."""
    by_name = sorted((path.parent for path in output.glob(f"{config}-*/summary.json")), reverse=True)
    return next((folder for folder in by_name if _config_of(folder) in names), None)


def read_last_settings(output: Path, config: str) -> tuple[str, dict[str, Any]] | None:
    """Return the name and all settings of the newest run of a configuration; None without one that can be read."""
    folder = _find_newest(output, config, (config,))
    settings = None if folder is None else _read_object(folder / "config.json")
    return None if folder is None or settings is None else (folder.name, settings)


def _config_of(folder: Path) -> str | None:
    """Return the name of a run's configuration, or None if its summary cannot be read."""
    return (_read_summary(folder) or {}).get("config")


def _has_summary(folder: Path, expected: Mapping[str, Any]) -> bool:
    found = _read_summary(folder)
    return found is not None and all(found.get(key) == value for key, value in expected.items())


def _read_summary(folder: Path) -> dict[str, Any] | None:
    """Return the summary of a run, or None if it was damaged."""
    return _read_object(folder / "summary.json")


def _read_object(path: Path) -> dict[str, Any] | None:
    """Return the mapping in a JSON file, or None if the file is missing or was damaged."""
    try:
        found = json.loads(read_regular(path))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None


def _is_whole(folder: Path, made: RunArtifacts) -> bool:
    """Whether the files from which models in use are read have the expected content."""
    files = {"model.json": made.model, "inputs.json": made.inputs}
    try:
        texts = all(read_regular(folder / name) == text.encode() for name, text in files.items())
        return texts and read_regular(folder / "forecasts.parquet") == made.forecasts
    except OSError:
        return False


def point_latest(output: Path, run_id: str) -> None:
    """Point the link `latest` to the folder of a run."""
    try:
        replace_link(output / "latest", run_id)
    except OSError as error:
        raise RunError(f"cannot write the run: {explain(error)}") from error

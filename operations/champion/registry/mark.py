"""The mark: a file with the number of decisions sent to MLflow's registry, and checks that the registry holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from operations.champion.decisions import Decision
from operations.state_dir import state_dir
from pipeline.chains.database import DATABASE, query_database
from pipeline.config import RunConfig
from pipeline.files import read_regular, write_whole

MARK = "registry.json"
"""Name of the mark in the folder of a configuration's operations."""
CHAMPION = "champion"
"""Alias of the version in use."""
RUN = "run_folder"
"""Tag of a model version with the name of the folder of its run."""


def marked_decisions(config: RunConfig, tracking_name: str) -> int:
    """Return the number of decisions that the mark records for this registry; 0 without a readable mark."""
    try:
        mark = json.loads(read_regular(state_dir(config) / MARK))
    except (OSError, ValueError, RecursionError):
        return 0
    if not isinstance(mark, dict) or mark.get("tracking_uri") != tracking_name:
        return 0
    count = mark.get("decisions")
    return count if isinstance(count, int) and count > 0 else 0


def write_mark(config: RunConfig, tracking_name: str, decisions: int) -> None:
    """Record the number of decisions that were sent to the registry."""
    text = json.dumps({"tracking_uri": tracking_name, "decisions": decisions})
    write_whole(state_dir(config) / MARK, text.encode())


def held_locally(config: RunConfig, decisions: Sequence[Decision]) -> bool:
    """Return whether the local database still holds these decisions; it may have been deleted or replaced.

    Raises
    ------
    TrackingError
        If the database cannot be read.
    """
    versions = _registered_runs(config.output, config.name)
    return holds(config.output, decisions, versions, _registered_aliases(config.output, config.name))


def holds(
    output: Path, decisions: Sequence[Decision], versions: Mapping[str, str], aliases: Mapping[str, str]
) -> bool:
    """Return whether a registry with these versions (by run folder) and aliases holds the decisions.

    A run whose folder was deleted can no longer be registered, and is required only if it is the champion.
    """
    champion = decisions[-1].champion if decisions else None
    if champion is not None and (champion not in versions or aliases.get(CHAMPION) != versions[champion]):
        return False
    return all(decision.run in versions or not (output / decision.run).exists() for decision in decisions)


def _registered_runs(output: Path, model: str) -> dict[str, str]:
    """Return the run folders of the versions of a registered model in the local database, with their versions."""
    rows = query_database(
        output / DATABASE,
        "SELECT value, version FROM model_version_tags WHERE name = ? AND key = ?",
        (model, RUN),
    )
    return {str(run): str(version) for run, version in rows}


def _registered_aliases(output: Path, model: str) -> dict[str, str]:
    """Return the aliases of a registered model in the local database, with their versions."""
    rows = query_database(
        output / DATABASE, "SELECT alias, version FROM registered_model_aliases WHERE name = ?", (model,)
    )
    return {str(alias): str(version) for alias, version in rows}

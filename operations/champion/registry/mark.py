"""The mark: a file with the number of decisions sent to MLflow's registry, and checks that the registry holds them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from operations.champion.decisions import Decision
from operations.state_dir import state_dir
from pipeline.chains.database import registered_aliases, registered_runs
from pipeline.config import RunConfig
from pipeline.files import read_regular, write_whole

MARK = "registry.json"
"""Name of the mark in the folder of a configuration's operations."""
CHAMPION = "champion"
"""Alias of the version in use."""


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
    versions = registered_runs(config.output, config.name)
    return holds(config.output, decisions, versions, registered_aliases(config.output, config.name))


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

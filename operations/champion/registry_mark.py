"""The mark in a folder that says how many decisions MLflow's registry was told, and whether it still holds them."""

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
"""Its name in the folder of a configuration's operations."""
CHAMPION = "champion"
"""The alias of the version that is in use."""


def marked_decisions(config: RunConfig, tracking_name: str) -> int:
    """Return how many decisions the mark says this registry was told; 0 if there is no mark, or a damaged one."""
    try:
        mark = json.loads(read_regular(state_dir(config) / MARK))
    except (OSError, ValueError, RecursionError):
        return 0
    if not isinstance(mark, dict) or mark.get("tracking_uri") != tracking_name:
        return 0
    count = mark.get("decisions")
    return count if isinstance(count, int) and count > 0 else 0


def write_mark(config: RunConfig, tracking_name: str, decisions: int) -> None:
    """Note how many decisions the registry was told."""
    text = json.dumps({"tracking_uri": tracking_name, "decisions": decisions})
    write_whole(state_dir(config) / MARK, text.encode())


def held_locally(config: RunConfig, decisions: Sequence[Decision]) -> bool:
    """Whether the local database still holds these decisions: it may have been deleted, or replaced by a copy.

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
    """Whether a registry with these versions, by run folder, and aliases holds the decisions.

    A run whose folder was deleted cannot be registered any more, and need not be unless it is champion.
    """
    champion = decisions[-1].champion if decisions else None
    if champion is not None and (champion not in versions or aliases.get(CHAMPION) != versions[champion]):
        return False
    return all(decision.run in versions or not (output / decision.run).exists() for decision in decisions)

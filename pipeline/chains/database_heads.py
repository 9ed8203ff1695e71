"""Heads of chains in the tags of runs in the local MLflow database."""

from __future__ import annotations

import functools
from pathlib import Path

from pipeline.chains.database import query_database
from pipeline.chains.heads import Head, heads_from_json
from pipeline.errors import TrackingError
from pipeline.files import file_stamp

HEADS_TAG = "chain_heads"
"""Tag of a run in MLflow that holds the heads of its output folder's chains."""


def heads_in_database(path: Path) -> dict[str, Head]:
    """Return the longest head of each chain; empty if there is no database."""
    stamp = file_stamp(path)
    return _read_database(path, (*stamp, *file_stamp(path.with_name(f"{path.name}-wal")))) if stamp else {}


@functools.lru_cache(maxsize=16)
def _read_database(path: Path, stamp: tuple[int, ...]) -> dict[str, Head]:
    """Return the longest head of each chain in the tags of runs; unreadable tags are skipped.

    Runs whose artifacts lie elsewhere belong to another output folder that uses the same database. The exception is an
    experiment whose artifacts lie here: then the output folder was moved or copied, and the database has the old
    location.
    """
    query = (
        "SELECT value, artifact_uri, name, artifact_location FROM tags JOIN runs USING (run_uuid) "
        "JOIN experiments USING (experiment_id) WHERE key = ?"
    )
    artifacts = (path.parent / "artifacts").resolve()
    try:
        rows = query_database(path, query, (HEADS_TAG,))
    except TrackingError:  # commands that need the database report the error
        return {}
    newest: dict[str, Head] = {}
    for text, uri, experiment, location in rows:
        here = str(uri).startswith(f"{artifacts.as_uri()}/")
        if not here and not _was_moved(artifacts, str(uri), str(experiment), str(location)):
            continue
        for name, head in heads_from_json(str(text)).items():
            if name not in newest or newest[name].lines < head.lines:
                newest[name] = head
    return newest


def _was_moved(artifacts: Path, uri: str, experiment: str, location: str) -> bool:
    """Whether a run's artifacts were recorded in its experiment's folder elsewhere, and that folder is now here."""
    folder = artifacts / experiment
    tail = f"/{artifacts.name}{folder.as_uri()[len(artifacts.as_uri()) :]}"
    recorded = location.startswith("file:") and location.endswith(tail) and uri.startswith(f"{location}/")
    return recorded and folder.is_dir()

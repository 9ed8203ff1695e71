"""Anchor sources: the files of an output folder that record heads of its chains, and the heads in each of them."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.chains.database import DATABASE, query_database
from pipeline.chains.heads import (
    HEADS,
    Head,
    chain_name,
    chain_paths,
    heads_from_dict,
    heads_from_json,
    read_heads,
)
from pipeline.errors import TrackingError
from pipeline.files import file_stamp, read_regular

HEADS_TAG = "chain_heads"
"""Tag of a run in MLflow that holds the heads of its output folder's chains."""


def find_sources(output: Path, name: str) -> Iterator[tuple[str, dict[str, Head], bool]]:
    """Yield each file that holds heads except the chain itself: name, heads, and whether it belongs to no run."""
    yield str(output / HEADS), _heads_in(output / HEADS), True
    for path in chain_paths(output):
        if chain_name(output, path) != name:
            yield str(path), _heads_in_chain(path), True
    for folder in _run_folders(output):
        yield f"the run {folder.name}", _heads_in(folder / HEADS), False
    yield str(output / DATABASE), _heads_in_database(output / DATABASE), True


def _run_folders(output: Path) -> list[Path]:
    try:
        with os.scandir(output) as entries:
            names = [
                entry.name
                for entry in entries
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")
            ]
    except OSError:
        return []
    return [output / name for name in sorted(names, reverse=True)]


def _heads_in(path: Path) -> dict[str, Head]:
    stamp = file_stamp(path)
    return _read_heads(path, stamp) if stamp else {}


@functools.lru_cache(maxsize=4096)
def _read_heads(path: Path, stamp: tuple[int, ...]) -> dict[str, Head]:
    return read_heads(path)


def _heads_in_chain(path: Path) -> dict[str, Head]:
    stamp = file_stamp(path)
    return _read_last_anchors(path, stamp) if stamp else {}


@functools.lru_cache(maxsize=64)
def _read_last_anchors(path: Path, stamp: tuple[int, ...]) -> dict[str, Head]:
    """Return the anchors in the last line that has any: a line anchors all chains, and chains only grow."""
    try:
        lines = read_regular(path).split(b"\n")[:-1]
    except OSError:
        return {}
    for line in reversed(lines):
        if b'"anchors"' in line:
            try:
                return heads_from_dict(json.loads(line)["anchors"])
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
    return {}


def _heads_in_database(path: Path) -> dict[str, Head]:
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

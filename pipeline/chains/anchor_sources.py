"""Anchor sources: the files of an output folder that record heads of its chains, and the heads in each of them."""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Iterator
from pathlib import Path

from pipeline.chains.database import DATABASE
from pipeline.chains.database_heads import heads_in_database
from pipeline.chains.heads import HEADS, Head, chain_name, chain_paths, heads_from_dict, read_heads
from pipeline.files import file_stamp, read_regular


def find_sources(output: Path, name: str) -> Iterator[tuple[str, dict[str, Head], bool]]:
    """Yield each file that holds heads except the chain itself: name, heads, and whether it belongs to no run."""
    yield str(output / HEADS), _heads_in(output / HEADS), True
    for path in chain_paths(output):
        if chain_name(output, path) != name:
            yield str(path), _heads_in_chain(path), True
    for folder in _run_folders(output):
        yield f"the run {folder.name}", _heads_in(folder / HEADS), False
    yield str(output / DATABASE), heads_in_database(output / DATABASE), True


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

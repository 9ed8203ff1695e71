"""Anchors: records of a chain's length in other files, which reveal that a chain lost its last lines.

The heads of each chain are stored in the output folder's file of heads, in the lines of the other chains, in the folder
of each run and in the tags of each run in the local MLflow database. A chain agrees with an anchor if its line with
that number has the anchored hash. If some anchors are deleted, the others remain; deleting all of them goes unnoticed.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from foundation.counts import format_count
from pipeline.chains.database import DATABASE, query_database
from pipeline.chains.heads import (
    CHAINS,
    HEADS,
    LEDGER,
    Head,
    chain_name,
    chain_paths,
    heads_from_dict,
    heads_from_json,
    read_heads,
)
from pipeline.errors import LedgerError, TrackingError
from pipeline.files import file_stamp, read_regular

HEADS_TAG = "chain_heads"
"""Tag of a run in MLflow that holds the heads of its output folder's chains."""
SHOWN = 3
"""Maximum number of anchors named in a message."""

Excused = Collection[tuple[str, int, str]]
"""Chain, lines and hash of the anchors that a repair has accepted as lost."""


@dataclass(frozen=True)
class Anchor:
    """A file's record of the head of a chain.

    Attributes
    ----------
    source : str
        Name of the file, for messages.
    head : Head
    own : bool
        Whether the file belongs to the output folder. A run's folder may have been copied from another output folder.
    related : bool
        Whether the file is an own file, or that of a run with the same ledger as the output folder.
    """

    source: str
    head: Head
    own: bool = True
    related: bool = True


def find_anchors(output: Path, name: str) -> list[Anchor]:
    """Return all anchors of a chain in an output folder, the longest first."""
    sources = list(_sources(output, name))
    ledgers = {heads[LEDGER].first for _, heads, own in sources if own and LEDGER in heads}
    if name != LEDGER and (ledger := Head.of(output / LEDGER)) is not None:
        ledgers.add(ledger.first)
    anchors = [
        Anchor(source, heads[name], own, own or (LEDGER in heads and heads[LEDGER].first in ledgers))
        for source, heads, own in sources
        if name in heads
    ]
    return sorted(anchors, key=lambda anchor: -anchor.head.lines)


def anchored_chains(output: Path) -> set[str]:
    """Return the names of all anchored chains of an output folder, whether the chains exist or not."""
    names = {name for _, heads, _ in _sources(output, "") for name in heads}
    return {name for name in names if _is_chain(name)}


def _is_chain(name: str) -> bool:
    """Whether a name in a file of heads, which may have been edited, is that of a chain in the output folder."""
    path = PurePosixPath(name)
    alike = [pattern for pattern in CHAINS if path.match(pattern)]
    return ".." not in path.parts and any(len(path.parts) == pattern.count("/") + 1 for pattern in alike)


def check_anchors(
    output: Path, name: str, hashes: Sequence[str], anchors: Sequence[Anchor], excused: Excused
) -> None:
    """Compare a chain with its anchors.

    Parameters
    ----------
    output : Path
    name : str
        Name of the chain.
    hashes : sequence of str
        Hashes of its lines, read after the anchors.
    anchors : sequence of Anchor
    excused : collection of (str, int, str)
        Anchors that a repair has accepted as lost.

    Raises
    ------
    LedgerError
        Names the anchors that disagree.
    """
    lost = missing_anchors(name, hashes, anchors, excused)
    if lost:
        raise LedgerError(_message(output / name, hashes, lost) + _copy_hint(hashes, anchors, lost))


def missing_anchors(
    name: str, hashes: Sequence[str], anchors: Sequence[Anchor], excused: Excused
) -> list[Anchor]:
    """Return the anchors with which a chain does not agree, the longest first.

    The output folder's own files always count. A run's folder may have been copied from another output folder, with
    anchors of that folder's chains. Its anchor counts if its first line is that of the chain here, or that of an own
    anchor that disagrees. Otherwise it counts if the chain is missing and the run has the ledger of this output folder,
    and if the chain exists and no anchor agrees with it.
    """
    agreeing = any(_agrees(hashes, anchor.head) for anchor in anchors)
    lost = [
        anchor
        for anchor in anchors
        if not _agrees(hashes, anchor.head) and (name, anchor.head.lines, anchor.head.hash) not in excused
    ]
    firsts = {*hashes[:1], *(anchor.head.first for anchor in lost if anchor.own)}
    return [
        anchor
        for anchor in lost
        if anchor.own or anchor.head.first in firsts or (not agreeing if hashes else anchor.related)
    ]


def _agrees(hashes: Sequence[str], head: Head) -> bool:
    return head.lines <= len(hashes) and hashes[head.lines - 1] == head.hash


def _message(path: Path, hashes: Sequence[str], lost: Sequence[Anchor]) -> str:
    first = lost[0]
    sources = ", ".join(anchor.source for anchor in lost[:SHOWN])
    more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
    if not hashes:
        what = (
            f"the file is {'empty' if path.exists() else 'missing'}, but it had "
            f"{format_count(first.head.lines, 'line')}"
        )
    elif first.head.lines > len(hashes):
        what = (
            f"it has {format_count(len(hashes), 'line')} now and had {format_count(first.head.lines, 'line')}"
        )
    else:
        what = f"line {first.head.lines} is not the line that was written"
    return (
        f"{path}: {what}, according to {sources}{more}. Restore the file from a copy. If there is none, "
        "`tangency ledger repair --reason ...` goes on with what is left and records what was lost"
    )


def _copy_hint(hashes: Sequence[str], anchors: Sequence[Anchor], lost: Sequence[Anchor]) -> str:
    """Return advice if the output folder was copied and both copies were used; "" if that cannot be the reason.

    A run of the other copy, and an MLflow that both use, know lines that this copy never had. Nothing distinguishes
    them from lines that were removed and replaced, so the error remains. But in this case the output folder's own
    files, which know the whole chain, agree with it.
    """
    own = [anchor.head for anchor in anchors if anchor.own]
    whole = all(_agrees(hashes, head) for head in own) and any(head.lines == len(hashes) for head in own)
    if not hashes or not whole or any(anchor.own for anchor in lost):
        return ""
    return (
        ". All files of this output folder agree with the chain: if the folder was copied and both copies went on, "
        "these lines are the other copy's, and none was lost. Then move the other copy's runs out of this folder; or "
        '`tangency ledger repair --reason "copied output"` accepts the lines and separates the copies in MLflow'
    )


def _sources(output: Path, name: str) -> Iterator[tuple[str, dict[str, Head], bool]]:
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

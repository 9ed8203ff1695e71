"""Chain: a file of JSON lines, each with the SHA-256 of the line before it.

A changed, missing or moved line breaks the chain. A chain that lost its last lines, or all lines, is still consistent
in itself; anchors in other files reveal the loss (`pipeline.chains.anchors`).
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline.chains.anchors import check_anchors, find_anchors
from pipeline.chains.heads import REPAIRS, Head, chain_name, lock_path, note_head, other_heads
from pipeline.errors import LedgerError
from pipeline.files import make_folder, name_in_errors, read_regular, sync_folder

START = "0" * 64
"""Previous hash in the first line."""
ANCHORS = "anchors"
"""Key of a line under which it stores the heads of the other chains."""
ORIGIN = "origin"
"""Key of a random text in the first line, by which the chains of two folders differ even if their entries agree."""

Entry = dict[str, Any]


class Chain:
    """An append-only file, created with its first line.

    Parameters
    ----------
    path : Path
    output : Path, optional
        Output folder whose other chains, runs and MLflow database hold anchors of this chain. This chain holds anchors
        of the folder's other chains. Without it the chain has no anchors.

    Raises
    ------
    LedgerError
        On reading, if a line was changed, removed or moved, or if an anchor shows that lines are missing.
    """

    def __init__(self, path: Path, output: Path | None = None) -> None:
        self.path = path
        self.output = output

    def lines(self) -> list[Entry]:
        """Return all entries in order, after checking the chain and its anchors.

        A last line that a killed process left incomplete is ignored.
        """
        if self.output is None:
            return self.read()[0]
        # Anchors are read first: other processes may extend the chain, and an anchor is never ahead of it.
        name = chain_name(self.output, self.path)
        anchors = find_anchors(self.output, name)
        entries, hashes = self.read()
        if anchors:
            check_anchors(self.output, name, hashes, anchors, excused_anchors(self.output))
        return entries

    def read(self) -> tuple[list[Entry], list[str]]:
        """Return the entries and the hashes of their lines, after checking the chain without its anchors."""
        entries, hashes, whole = self.sound_part()
        if not whole:
            raise LedgerError(
                f"{self.path}, line {len(hashes) + 1}: the chain of hashes is broken: a line was changed, left out "
                "or moved. Restore the file from a copy. If there is none, `tangency ledger repair --reason ...` keeps "
                "the lines before it and records the loss"
            )
        return entries, hashes

    def sound_part(self) -> tuple[list[Entry], list[str], bool]:
        """Return the entries and hashes up to the first broken line, and whether the whole chain is sound."""
        raw = read_regular(self.path).split(b"\n")[:-1] if self.path.exists() else []
        before, entries, hashes = START, list[Entry](), list[str]()
        for line in raw:
            entry = _sound(line, before)
            if entry is None:
                return entries, hashes, False
            before = entry.pop("hash")
            entries.append(
                {key: value for key, value in entry.items() if key not in ("previous", ANCHORS, ORIGIN)}
            )
            hashes.append(before)
        return entries, hashes, True

    def head(self) -> str:
        """Return the hash of the last line, which covers all lines; for an empty chain, the start value."""
        head = Head.of(self.path)
        return START if head is None else head.hash

    def extend(self, choose: Callable[[list[Entry]], Sequence[Entry]]) -> list[Entry]:
        """Append, under a lock, the entries that `choose` derives from the existing ones, and return them.

        The heads of the other chains are read before this chain is locked, so no process waits for two locks. These
        heads are on disk by then: an anchor is never ahead of its chain.
        """
        anchors = {} if self.output is None else other_heads(self.output, self.path)
        with self.locked():
            new = list(choose(self.lines()))
            if new:
                self._append(new, anchors)
            head = Head.of(self.path)
        if new and head is not None and self.output is not None:
            note_head(self.output, chain_name(self.output, self.path), head, anchors)
        return new

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Prevent other processes from appending. The operating system releases the lock when its holder ends."""
        make_folder(self.path.parent)
        with FileLock(lock_path(self.path)):
            yield

    def _append(self, entries: Sequence[Entry], anchors: Mapping[str, Head]) -> None:
        existed = self.path.exists()
        content = read_regular(self.path) if existed else b""
        whole = content[: content.rfind(b"\n") + 1]
        before = self.head()
        kept = {ANCHORS: {name: head.as_dict() for name, head in anchors.items()}} if anchors else {}
        with name_in_errors(self.path), self.path.open("r+b" if existed else "wb") as file:
            file.truncate(len(whole))  # incomplete line left by a killed process
            file.seek(len(whole))
            for entry in entries:
                origin = {ORIGIN: secrets.token_hex(8)} if before == START else {}
                line = {"at": _now(), **entry, **kept, **origin, "previous": before}
                before = _hash(line)
                file.write(json.dumps({**line, "hash": before}, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        if not existed:
            sync_folder(self.path.parent)


def excused_anchors(output: Path) -> set[tuple[str, int, str]]:
    """Return chain, lines and hash of the anchors that repairs of an output folder have accepted as lost."""
    entries, _ = Chain(output / REPAIRS).read()
    return {(entry["chain"], lines, last) for entry in entries for lines, last in entry["excused"]}


def _sound(line: bytes, before: str) -> Entry | None:
    """Return the entry of a line with its hash, or None if the line does not follow the one with the hash `before`."""
    try:
        entry: Entry = json.loads(line)
        stated = entry.pop("hash")
        sound = stated == _hash(entry) and entry["previous"] == before
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
    return {**entry, "hash": stated} if sound else None


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _hash(entry: Entry) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()

"""Chain: a file of JSON lines, each with the SHA-256 of the one before. What was written cannot be unwritten unseen."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock

from pipeline.errors import LedgerError

START = "0" * 64
"""What the first line names as the line before it."""

Entry = dict[str, Any]


class Chain:
    """A file to which lines are only added; made with the first of them.

    Parameters
    ----------
    path : Path

    Raises
    ------
    LedgerError
        On reading, if a line was changed, left out or moved.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[Entry]:
        """Return all entries, in their order, after checking the chain.

        A last line that a killed process left half-written is no entry.
        """
        if not self.path.exists():
            return []
        before, entries = START, []
        raw = self.path.read_bytes().split(b"\n")
        for number, line in enumerate(raw[:-1], start=1):
            try:
                entry: Entry = json.loads(line)
                told = entry.pop("hash")
                sound = told == _hash(entry) and entry.pop("previous") == before
            except (ValueError, KeyError, AttributeError):
                sound = False
            if not sound:
                raise LedgerError(
                    f"{self.path}, line {number}: the chain of hashes is broken: a line was changed, left out or "
                    "moved. Restore the file from a copy; what was done is not to be forgotten"
                )
            before = told
            entries.append(entry)
        return entries

    def head(self) -> str:
        """Return the hash of the last line, which stands for all of them; of no line, that of the start."""
        whole = self.path.read_bytes() if self.path.exists() else b""
        lines = whole[: whole.rfind(b"\n") + 1].splitlines()
        return str(json.loads(lines[-1])["hash"]) if lines else START

    def extend(self, choose: Callable[[list[Entry]], Sequence[Entry]]) -> list[Entry]:
        """Append, under a lock, what `choose` makes of the entries that are there; return what was appended."""
        with self.locked():
            new = list(choose(self.lines()))
            self._append(new)
        return new

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes from adding; the lock is the operating system's, and ends with its holder."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(self.path.with_name(f".{self.path.name}.lock")):
            yield

    def _append(self, entries: Iterable[Entry]) -> None:
        content = self.path.read_bytes() if self.path.exists() else b""
        whole = content[: content.rfind(b"\n") + 1]
        before = self.head()
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.truncate(len(whole))  # what a killed process left of a line
            file.seek(len(whole))
            for entry in entries:
                line = {"at": _now(), **entry, "previous": before}
                before = _hash(line)
                file.write(json.dumps({**line, "hash": before}, sort_keys=True).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")


def _hash(entry: Entry) -> str:
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()

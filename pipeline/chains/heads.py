"""Heads: the length of each chain of an output folder, and the hash of its last line.

A head recorded in another file is an anchor: the chain may grow, but the line with that number always has that hash.
The newest head of every chain is stored in one file of the output folder, and a copy in each run's folder.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from pipeline.files import read_regular, write_whole

HEADS = "chain_heads.json"
"""File that holds the heads of all chains, in the output folder and in the folder of each run."""
LEDGER = "ledger.jsonl"
"""The chain of trials, in the output folder."""
REPAIRS = "repairs.jsonl"
"""The chain of repairs, in the output folder."""
CHAINS = (LEDGER, REPAIRS, "operations/*/decisions.jsonl", "operations/*/data/versions.jsonl")
"""Locations of the chains in an output folder."""


@dataclass(frozen=True)
class Head:
    """The end of a chain.

    Attributes
    ----------
    lines : int
        Number of lines.
    hash : str
        Hash of the last line.
    first : str
        Hash of the first line; chains with different first lines are different chains.
    """

    lines: int
    hash: str
    first: str

    @classmethod
    def of(cls, path: Path) -> Head | None:
        """Return the head of a chain, or None if it has no complete line or an invalid one."""
        content = read_regular(path) if path.exists() else b""
        content = content[: content.rfind(b"\n") + 1]
        if not content:
            return None
        last = content[content.rfind(b"\n", 0, -1) + 1 :]
        first = content[: content.find(b"\n")]
        try:
            return cls(content.count(b"\n"), str(json.loads(last)["hash"]), str(json.loads(first)["hash"]))
        except (ValueError, KeyError, TypeError, RecursionError):
            return None

    @classmethod
    def from_json(cls, value: Any) -> Head | None:
        """Return the head that `as_dict` encoded, or None if the value is not one."""
        if not isinstance(value, dict):
            return None
        lines, last, first = value.get("lines"), value.get("hash"), value.get("first")
        if isinstance(lines, int) and lines > 0 and isinstance(last, str) and isinstance(first, str):
            return cls(lines, last, first)
        return None

    def as_dict(self) -> dict[str, Any]:
        """Return the head for JSON."""
        return asdict(self)


def chain_paths(output: Path) -> list[Path]:
    """Return the chains that exist in an output folder."""
    return [path for pattern in CHAINS for path in sorted(output.glob(pattern))]


def chain_name(output: Path, path: Path) -> str:
    """Return the name of a chain in anchors: its path below the output folder."""
    return path.relative_to(output).as_posix()


def lock_path(path: Path) -> Path:
    """Return the lock file of a chain."""
    return path.with_name(f".{path.name}.lock")


def other_heads(output: Path, path: Path | None = None) -> dict[str, Head]:
    """Return the heads of all chains of an output folder except one, as far as they are known to be on disk.

    A chain that another process is writing is left out, or taken from the output folder's file of heads.
    """
    noted = read_heads(output / HEADS)
    heads: dict[str, Head] = {}
    for each in chain_paths(output):
        name = chain_name(output, each)
        if each == path:
            continue
        with _written(each) as written:
            head = Head.of(each) if written else noted.get(name)
        if head is not None:
            heads[name] = head
    return heads


@contextmanager
def _written(path: Path) -> Iterator[bool]:
    """Hold the lock of a chain, whose writer has then synchronised it; False if a process is writing."""
    lock = FileLock(lock_path(path))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()


def note_head(output: Path, name: str, head: Head, others: Mapping[str, Head]) -> None:
    """Record the head of an extended chain in the output folder's file, and those of chains missing there.

    A recorded head never moves back: of two processes, the first to extend the chain may be the last to arrive here.
    """
    with FileLock(lock_path(output / HEADS)):
        noted = read_heads(output / HEADS)
        wanted = {**others, **noted}
        if name not in noted or noted[name].lines < head.lines:
            wanted[name] = head
        if wanted != noted:
            write_heads(output / HEADS, wanted)


def write_heads(path: Path, heads: Mapping[str, Head]) -> None:
    """Write a file of heads, completely or not at all."""
    write_whole(path, heads_to_json(heads).encode())


def heads_to_json(heads: Mapping[str, Head]) -> str:
    """Return heads as JSON."""
    return json.dumps({name: heads[name].as_dict() for name in sorted(heads)}, indent=2) + "\n"


def read_heads(path: Path) -> dict[str, Head]:
    """Return the heads in a file; none if it is missing or damaged, since other anchors remain."""
    try:
        return heads_from_json(read_regular(path).decode())
    except (OSError, ValueError):
        return {}


def heads_from_json(text: str) -> dict[str, Head]:
    """Return the heads that `heads_to_json` encoded; invalid heads are left out."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return heads_from_dict(value)


def heads_from_dict(value: Any) -> dict[str, Head]:
    """Return the heads in a mapping of names to values of `Head.as_dict`; invalid heads are left out."""
    pairs = value.items() if isinstance(value, dict) else ()
    return {name: head for name, one in pairs if (head := Head.from_json(one)) is not None}

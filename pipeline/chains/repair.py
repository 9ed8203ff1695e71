"""Repair: go on where a chain has lost lines and there is no copy of it, on the record and with the loss counted."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from pipeline.chains.anchors import Anchor, anchored_chains, find_anchors, missing_anchors
from pipeline.chains.chain import Chain, Entry, excused_anchors
from pipeline.chains.heads import (
    HEADS,
    LEDGER,
    REPAIRS,
    Head,
    chain_name,
    chain_paths,
    lock_path,
    read_heads,
    write_heads,
)
from pipeline.chains.ledger import name_of
from pipeline.chains.recorded_files import check_newest_version
from pipeline.files import sync_folder


@dataclass(frozen=True)
class Repair:
    """What was done about one chain.

    Attributes
    ----------
    chain : str
        Its name below the output folder.
    lines : int
        Lines that are left.
    lost : int
        Lines that an anchor saw and that are gone.
    kept_aside : Path or None
        Where the file lies as it was, if it had to be cut behind its last whole line.
    """

    chain: str
    lines: int
    lost: int
    kept_aside: Path | None


def check_chains(output: Path, config: str | None = None) -> dict[str, tuple[int, Head | None]]:
    """Check chains of an output folder, and return the number of lines and the head of each by its name.

    Parameters
    ----------
    output : Path
    config : str, optional
        Name of a configuration: chains of others are left out. By default all are checked.

    Raises
    ------
    LedgerError
        If a chain is broken, or an anchor shows that it lost lines.
    """
    names = {chain_name(output, path) for path in chain_paths(output)} | anchored_chains(output)
    found: dict[str, tuple[int, Head | None]] = {}
    for name in sorted(names):
        own = not name.startswith("operations/") or config is None or name.split("/")[1] == config
        if own:
            lines = len(Chain(output / name, output).lines())
            found[name] = lines, Head.of(output / name)
    return found


def check_state(output: Path, config: str) -> None:
    """Check the chains that concern a configuration, and the newest version of its data.

    Raises
    ------
    LedgerError
        If anything is not as it was recorded.
    """
    check_chains(output, config)
    check_newest_version(output / "operations" / config)


def repair_chains(output: Path, reason: str, known: Sequence[Entry] = ()) -> list[Repair]:
    """Accept what is left of every damaged chain of an output folder, and record what was lost and why.

    A chain is cut behind its last whole line; the file as it was stays beside it. The anchors that disagree are
    excused by a line in the chain of repairs. Lines that the ledger of trials has lost count as trials from then on.

    Parameters
    ----------
    output : Path
    reason : str
        For the record.
    known : sequence of Entry
        Trials that are known elsewhere. Those that a damaged ledger lacks are added to it, and are not lost.
    """
    done = []
    names = {chain_name(output, path) for path in chain_paths(output)} | anchored_chains(output)
    for name in sorted(names, key=lambda each: (each != REPAIRS, each)):  # the others are excused by it
        found = _repair(output, name, reason, known if name == LEDGER else ())
        if found is not None:
            done.append(found)
    return done


def _repair(output: Path, name: str, reason: str, known: Sequence[Entry]) -> Repair | None:
    chain, aside = Chain(output / name), None
    anchors = find_anchors(output, name)
    hashes, whole, there = list[str](), True, 0
    if chain.path.exists():
        with chain.locked():
            _, hashes, whole = chain.sound_part()
            there = chain.path.read_bytes().count(b"\n")
            if not whole:
                aside = _cut(chain.path, len(hashes))
    lost = missing_anchors(name, hashes, anchors, set() if name == REPAIRS else excused_anchors(output))
    if whole and not lost:
        return None
    added = chain.extend(lambda entries: _lacking(entries, known)) if known else []
    count = max(_count_lost(hashes, anchors, lost), there - len(hashes)) - len(added)
    entry = {
        "kind": "repair",
        "chain": name,
        "lines": len(hashes) + len(added),
        "lost": max(count, 0),
        "excused": sorted({(anchor.head.lines, anchor.head.hash) for anchor in lost}),
        "reason": reason,
    }
    Chain(output / REPAIRS).extend(lambda _: [entry])
    _note_heads(output, name)
    return Repair(name, len(hashes) + len(added), max(count, 0), aside)


def _lacking(entries: Sequence[Entry], known: Sequence[Entry]) -> list[Entry]:
    """Return the trials among known ones that are not among entries."""
    there = {name_of(entry) for entry in entries}
    return [entry for entry in known if name_of(entry) not in there]


def _count_lost(hashes: Sequence[str], anchors: Sequence[Anchor], lost: Sequence[Anchor]) -> int:
    """Return how many lines anchors saw that are gone: those behind the end, or those that others stand for."""
    longest = max((anchor.head.lines for anchor in lost), default=0)
    if longest > len(hashes):
        return longest - len(hashes)
    seen = max((anchor.head.lines for anchor in anchors if anchor not in lost), default=0)
    return max(longest - seen, 0)


def _cut(path: Path, lines: int) -> Path:
    """Keep a file aside as it was, and leave its first lines in place."""
    aside = path.with_name(f"{path.name}.damaged-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}")
    content = path.read_bytes()
    aside.write_bytes(content)
    kept = b"".join(content.splitlines(keepends=True)[:lines])
    with path.open("r+b") as file:
        file.truncate(len(kept))
        os.fsync(file.fileno())
    sync_folder(path.parent)
    return aside


def _note_heads(output: Path, name: str) -> None:
    """Write the present heads of a repaired chain and of the chain of repairs into the output folder's file."""
    with FileLock(lock_path(output / HEADS)):
        heads = read_heads(output / HEADS)
        for each in (name, REPAIRS):
            head = Head.of(output / each)
            if head is None:
                heads.pop(each, None)
            else:
                heads[each] = head
        write_heads(output / HEADS, heads)

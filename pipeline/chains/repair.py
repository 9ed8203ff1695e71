"""Repair: continue with a chain that has lost lines and has no copy; the loss is recorded and counted."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from pipeline.chains.anchors import Anchor, chain_names, find_anchors, missing_anchors
from pipeline.chains.chain import Chain, Entry, excused_anchors
from pipeline.chains.heads import HEADS, LEDGER, REPAIRS, Head, lock_path, read_heads, write_heads
from pipeline.chains.ledger import lacking
from pipeline.files import read_regular, write_whole

REPAIR = "repair"
"""Lock file in the output folder that a repair holds from its first read to its last write."""


@dataclass(frozen=True)
class Repair:
    """Result of repairing one chain.

    Attributes
    ----------
    chain : str
        Name of the chain below the output folder.
    lines : int
        Number of remaining lines.
    lost : int
        Lines that an anchor recorded and that are gone.
    kept_aside : Path or None
        Copy of the original file, if the chain had to be cut after its last sound line.
    """

    chain: str
    lines: int
    lost: int
    kept_aside: Path | None


def repair_chains(
    output: Path, reason: str, known: Sequence[Entry] = (), seen: Sequence[Anchor] = ()
) -> list[Repair]:
    """Accept the remaining part of every damaged chain of an output folder, and record the loss and its reason.

    A chain is cut after its last sound line; a copy of the original file stays next to it. The anchors that disagree
    are excused by a line in the chain of repairs. Lost lines of the ledger of trials count as trials from then on.
    Only one repair runs at a time. A repair that was killed is completed by the next one, which counts nothing twice.

    Parameters
    ----------
    output : Path
    reason : str
        For the record.
    known : sequence of Entry
        Trials known elsewhere. Those missing in a damaged ledger are added to it, and do not count as lost.
    seen : sequence of Anchor
        Anchors of the ledger in MLflow.
    """
    with FileLock(lock_path(output / REPAIR)):
        names = sorted(
            chain_names(output), key=lambda each: (each != REPAIRS, each)
        )  # its lines excuse the others
        repairs = [
            _repair(output, name, reason, *((known, seen) if name == LEDGER else ((), ()))) for name in names
        ]
    return [repair for repair in repairs if repair is not None]


def _repair(
    output: Path, name: str, reason: str, known: Sequence[Entry], seen: Sequence[Anchor]
) -> Repair | None:
    """Repair one chain under the lock of repairs.

    The intended repair is recorded first. A repair that was killed after that is completed by the next one. The record
    shows whether the loss was counted, and which trials to restore.
    """
    chain, aside = Chain(output / name), None
    record: Entry | None = None
    anchors = [*find_anchors(output, name), *seen]
    # Only repairs write the chain of repairs, and each repair holds its lock.
    with chain.locked() if chain.path.exists() and name != REPAIRS else nullcontext():
        entries, hashes, whole = chain.sound_part()
        content = b"" if whole else read_regular(chain.path)
        digest = hashlib.sha256(content).hexdigest()
        if name == REPAIRS and not whole:  # nothing can be recorded after a broken line
            aside = _cut(chain.path, content, len(hashes))
        past = [entry for entry in Chain(output / REPAIRS).lines() if entry["chain"] == name]
        lost = missing_anchors(name, hashes, anchors, set() if name == REPAIRS else excused_anchors(output))
        counted = whole or any(entry.get("damaged") == digest for entry in past)
        promised = [entry for each in past for entry in each.get("restored", ())]
        if lost or not counted:
            restored = lacking(entries, [*promised, *known])
            count = max(
                _count_lost(hashes, anchors, lost), 0 if counted else content.count(b"\n") - len(hashes)
            )
            record = {
                "kind": "repair",
                "chain": name,
                "lines": len(hashes) + len(restored),
                "lost": max(count - len(restored), 0),
                "excused": sorted({(anchor.head.lines, anchor.head.hash) for anchor in lost}),
                "reason": reason,
                **({} if whole else {"damaged": digest}),
                **({"restored": restored} if restored else {}),
                **({"mlflow": True} if any(anchor in seen for anchor in lost) else {}),
            }
            _record(output, record)
            promised += restored
        if name != REPAIRS and not whole:
            aside = _cut(chain.path, content, len(hashes))
    added = chain.extend(lambda entries: lacking(entries, promised)) if promised else []
    _note_heads(output, name)
    if record is None and aside is None and not added:
        return None
    latest = record or past[-1]
    return Repair(name, len(hashes) + len(added), int(latest["lost"]), aside)


def _count_lost(hashes: Sequence[str], anchors: Sequence[Anchor], lost: Sequence[Anchor]) -> int:
    """Return the number of anchored lines that are gone: lines beyond the end, or lines that were replaced."""
    longest = max((anchor.head.lines for anchor in lost), default=0)
    if longest > len(hashes):
        return longest - len(hashes)
    seen = max((anchor.head.lines for anchor in anchors if anchor not in lost), default=0)
    return max(longest - seen, 0)


def _record(output: Path, entry: Entry) -> None:
    Chain(output / REPAIRS).extend(lambda _: [entry])


def _cut(path: Path, content: bytes, lines: int) -> Path:
    """Keep a copy of the file's content, and cut the file to its first lines."""
    aside = path.with_name(f"{path.name}.damaged-{dt.datetime.now(dt.UTC):%Y%m%dT%H%M%S}")
    write_whole(aside, content)
    kept = b"".join(content.splitlines(keepends=True)[:lines])
    with path.open("r+b") as file:
        file.truncate(len(kept))
        os.fsync(file.fileno())
    return aside


def _note_heads(output: Path, name: str) -> None:
    """Record the present heads of a repaired chain and of the chain of repairs in the output folder's file.

    A longer recorded head stays if its chain agrees with it: the chain has grown in the meantime.
    """
    heads = {each: _synchronised_head(output / each) for each in (name, REPAIRS)}
    with FileLock(lock_path(output / HEADS)):
        noted = read_heads(output / HEADS)
        wanted = dict(noted)
        for each, head in heads.items():
            _, hashes, _ = Chain(output / each).sound_part()
            if head is None:
                wanted.pop(each, None)
            elif each not in noted or noted[each].lines < head.lines or noted[each].hash not in hashes:
                wanted[each] = head
        if wanted != noted:
            write_heads(output / HEADS, wanted)


def _synchronised_head(path: Path) -> Head | None:
    """Return the head of a chain while no process writes it, so that the anchor is not ahead of the disk."""
    if not path.exists():
        return None
    with Chain(path).locked():
        return Head.of(path)

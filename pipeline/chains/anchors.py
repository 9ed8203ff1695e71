"""Anchors: records of a chain's length in other files, which reveal that a chain lost its last lines.

The heads of each chain are stored in the output folder's file of heads, in the lines of the other chains, in the folder
of each run and in the tags of each run in the local MLflow database. A chain agrees with an anchor if its line with
that number has the anchored hash. If some anchors are deleted, the others remain; deleting all of them goes unnoticed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from foundation.counts import format_count
from pipeline.chains.anchor_sources import find_sources
from pipeline.chains.heads import CHAINS, LEDGER, Head, chain_name, chain_paths
from pipeline.errors import LedgerError

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
    sources = list(find_sources(output, name))
    ledgers = {heads[LEDGER].first for _, heads, own in sources if own and LEDGER in heads}
    if name != LEDGER and (ledger := Head.of(output / LEDGER)) is not None:
        ledgers.add(ledger.first)
    anchors = [
        Anchor(source, heads[name], own, own or (LEDGER in heads and heads[LEDGER].first in ledgers))
        for source, heads, own in sources
        if name in heads
    ]
    return sorted(anchors, key=lambda anchor: -anchor.head.lines)


def chain_names(output: Path) -> set[str]:
    """Return the names of all chains of an output folder, and of those that are anchored and do not exist."""
    anchored = {name for _, heads, _ in find_sources(output, "") for name in heads}
    return {chain_name(output, path) for path in chain_paths(output)} | set(filter(_is_chain, anchored))


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

"""Versions: the history of a source, as one Parquet file per change and a chain of lines that refer to the files.

Files are never rewritten. A version exists once its line is in the chain. A file without a line, left by a killed
process, is not a version and is removed before the next version is written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from market.panel import Panel
from operations.data.assembly import assemble_panel, find_orphans, read_newest_frame
from operations.data.long_format import narrow_types
from operations.data.membership_record import describe_changed_membership, list_flips
from operations.data.panel_frame import Extent, Frame, strip_unrecorded
from operations.data.revisions import Difference, added, difference, extends
from operations.data.version import Version, check_time, describe_version, read_version
from operations.data.version_files import read_changes, read_content, write_changes
from operations.errors import OperationsError, RevisedError
from pipeline.chains.chain import Chain, Entry
from pipeline.errors import LedgerError

CHAIN = "versions.jsonl"


@dataclass(frozen=True)
class Recorded:
    """The result of `Versions.record`.

    Attributes
    ----------
    version : Version
        The newest version.
    before : Version or None
        The newest version before the call.
    difference : Difference or None
        The recorded changes; None if nothing was new.
    """

    version: Version
    before: Version | None
    difference: Difference | None


class Versions:
    """All recorded versions of the data of one configuration.

    Parameters
    ----------
    folder : Path
        Created with the first version.
    output : Path, optional
        Output folder whose other files hold anchors of the chain (`pipeline.chains.anchors`).

    Raises
    ------
    LedgerError
        On reading, if a line of the chain or a file was changed or is missing.
    """

    def __init__(self, folder: Path, output: Path | None = None) -> None:
        self.folder = folder
        self.chain = Chain(folder / CHAIN, output)

    def log(self) -> list[Version]:
        """Check the chain, and return all versions, oldest first."""
        return [read_version(entry) for entry in self.chain.lines()]

    def read(self, version: int | None = None) -> Panel:
        """Return the panel of a version, by default the newest, bit for bit as it was recorded.

        Raises
        ------
        OperationsError
            If there is no such version.
        LedgerError
            If one of its files was changed or is missing, or the panel does not match the recorded digest.
        """
        log = self.log()
        selected = self._of(log, version)
        panel = assemble_panel(self.folder, log[: selected.version])
        if panel.digest() != selected.digest:
            raise LedgerError(
                f"{self.folder}: the files of version {selected.version} make another panel than was recorded"
            )
        return panel

    def changes(self, version: int) -> pd.DataFrame:
        """Return the changes of a version, with columns `operations.data.revisions.COLUMNS`; raises as `read` does."""
        return read_changes(read_content(self.folder, self._of(self.log(), version)))

    def changed_past(self, panel: Panel, until: pd.Timestamp | None = None) -> Difference | None:
        """Return how a panel differs from what was recorded of the past; None if only new data or a rescaling does.

        Parameters
        ----------
        panel : Panel
            Data as read now.
        until : Timestamp, optional
            The panel was read as of this date, so later recorded data is not compared.
        """
        log = self.log()
        frame = read_newest_frame(self.folder, log)
        if frame is None:
            return None
        moved = _compare_membership(log[-1], frame, panel)
        panel = strip_unrecorded(panel)
        if not moved and extends(panel, log[-1].extent, frame, log[-1].digest):
            return None
        recorded = assemble_panel(self.folder, log)
        if until is not None:
            recorded = recorded.as_of(until)
            known = np.asarray(recorded.listed.any(axis=0))
            kept = [name for j, name in enumerate(recorded.assets) if known[j] or name in panel.assets]
            recorded = narrow_types(recorded, kept)
        change = _add_sentences(difference(recorded, panel), moved)
        return change if change.revises and not change.restates else None

    def verify(self) -> list[str]:
        """Check the chain, every file and the newest panel; return the names of files without a version.

        Raises
        ------
        LedgerError
            For the first line, file or panel that differs from the record.
        """
        log = self.log()
        for version in log:
            read_content(self.folder, version)
        self.read()
        return sorted(path.name for path in find_orphans(self.folder, log))

    def record(
        self,
        panel: Panel,
        source: Mapping[str, Any],
        *,
        now: dt.datetime,
        known_by: pd.Timestamp,
        accept_revisions: bool = False,
    ) -> Recorded:
        """Record the changes of a panel as a new version; without changes, record nothing.

        Parameters
        ----------
        panel : Panel
            All present data of the source. Scores and traded prices are not recorded; of the universe it is recorded
            when each asset entered and left it.
        source : mapping
            Description of the source, in types that JSON supports.
        now : datetime
        known_by : Timestamp
            Later data of the source was ignored.
        accept_revisions : bool
            Record the panel even if the source has rewritten the past.

        Raises
        ------
        RevisedError
            If the past was rewritten by more than a rescaling of prices, and `accept_revisions` is False. Nothing is
            recorded.
        OperationsError
            If `known_by` lies before that of the newest version; an earlier version already holds that data.
        """
        recorded: list[Recorded] = []
        whole, panel = panel, strip_unrecorded(panel)
        flips = list_flips(whole)

        def choose(entries: list[Entry]) -> list[Entry]:
            log = [read_version(entry) for entry in entries]
            frame = read_newest_frame(self.folder, log)
            for orphan in find_orphans(self.folder, log):
                orphan.unlink()
            before = log[-1] if log else None
            if before is not None:
                check_time(before, known_by, panel)
            known = None if frame is None else frame.membership
            unmoved = flips == ({} if known is None else known)
            if before is not None and unmoved and panel.digest() == before.digest:
                recorded.append(Recorded(before, before, None))
                return []
            change = self._change(log, frame, panel)
            if before is not None and frame is not None:
                change = _add_sentences(change, _compare_membership(before, frame, whole))
            if change.revises and not (change.restates or accept_revisions):
                raise RevisedError(change.sentences())
            file = write_changes(
                self.folder,
                1 if before is None else before.version + 1,
                change.changes,
                replace(Frame.of(panel), membership=flips),
            )
            line = _describe_line(before, frame, change, panel, file)
            line |= {"at": now.isoformat(timespec="seconds"), "known_by": known_by.isoformat()}
            line |= {"source": dict(source)}
            recorded.append(Recorded(read_version(line), before, change))
            return [line]

        self.chain.extend(choose)
        return recorded[0]

    def _change(self, log: list[Version], frame: Frame | None, panel: Panel) -> Difference:
        """Return the changes from the newest version to a panel; past files are read only if the past has changed."""
        if frame is None:
            return added(panel, Extent())
        extent = log[-1].extent
        if extends(panel, extent, frame, log[-1].digest):
            return added(panel, extent)
        return difference(assemble_panel(self.folder, log), panel)

    def _of(self, log: list[Version], version: int | None) -> Version:
        if not log:
            raise OperationsError(f"{self.folder}: no data was recorded yet; tangency update does")
        if version is not None and not 1 <= version <= len(log):
            raise OperationsError(f"{self.folder}: no version {version}, there are 1 to {len(log)}")
        return log[(version or len(log)) - 1]


def _describe_line(
    before: Version | None, frame: Frame | None, change: Difference, panel: Panel, file: tuple[str, str]
) -> Entry:
    """Return the line that describes a change, its file and the resulting panel."""
    number = 1 if before is None else before.version + 1
    described = describe_version(change, panel, before, () if frame is None else frame.assets)
    return {"version": number, "file": file[0], "sha256": file[1]} | described


def _compare_membership(newest: Version, frame: Frame, panel: Panel) -> tuple[str, ...]:
    """Return sentences on how the universe of a panel differs from that of the newest version, as far as both reach."""
    last = min(pd.Timestamp(newest.last), panel.dates[-1])
    return tuple(describe_changed_membership(frame.membership, list_flips(panel), last))


def _add_sentences(change: Difference, sentences: tuple[str, ...]) -> Difference:
    """Return a difference with further changes that are no cells; with them it is no mere rescaling."""
    if not sentences:
        return change
    return replace(change, described=(*change.described, *sentences), restates=False)

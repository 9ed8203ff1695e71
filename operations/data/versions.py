"""Versions: all that a source ever said, a Parquet file each time it said something new, and a chain that names them.

What was written is never written again. A version is there once its line is in the chain; a file that a killed process
left without a line is no version, and is removed before the next one is written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from market.panel import Panel
from operations.data.long_format import KEY, Extent, Frame, from_cells
from operations.data.revisions import Difference, added, difference, extends
from operations.data.version import Version, describe_version, read_version
from operations.data.version_files import read_changes, read_frame, write_changes
from operations.errors import OperationsError
from pipeline.chains.chain import Chain, Entry
from pipeline.chains.recorded_files import read_version_file
from pipeline.errors import LedgerError

CHAIN = "versions.jsonl"


@dataclass(frozen=True)
class Recorded:
    """What `Versions.record` found and did.

    Attributes
    ----------
    version : Version
        The newest one.
    before : Version or None
        The one that was the newest.
    difference : Difference or None
        What came with it; None if nothing was new.
    """

    version: Version
    before: Version | None
    difference: Difference | None


class RevisedError(OperationsError):
    """The source rewrites what was known; it is recorded once that is accepted."""


class Versions:
    """The data of one configuration, version by version.

    Parameters
    ----------
    folder : Path
        Made with the first version.
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
        """Return all versions, oldest first, after checking the chain."""
        return [read_version(entry) for entry in self.chain.lines()]

    def read(self, version: int | None = None) -> Panel:
        """Return the panel that was known as of a version, the newest by default: that panel, to the last bit.

        Raises
        ------
        OperationsError
            If there is no such version.
        LedgerError
            If a file that it is made of was changed or is missing, or the result is another panel.
        """
        log = self.log()
        wanted = self._of(log, version)
        panel = self._assembled(log[: wanted.version])
        if panel.digest() != wanted.digest:
            raise LedgerError(
                f"{self.folder}: the files of version {wanted.version} make another panel than was recorded"
            )
        return panel

    def changes(self, version: int) -> pd.DataFrame:
        """Return what came with a version, `operations.data.revisions.COLUMNS`; with the errors of `read`."""
        return read_changes(self._content(self._of(self.log(), version)))

    def verify(self) -> list[str]:
        """Check the chain, every file and the newest panel; return the names of files that are no version.

        Raises
        ------
        LedgerError
            Naming the first thing that is not as it was recorded.
        """
        log = self.log()
        for version in log:
            self._content(version)
        self.read()
        return sorted(path.name for path in self._orphans(log))

    def record(
        self,
        panel: Panel,
        source: Mapping[str, Any],
        *,
        now: dt.datetime,
        known_by: pd.Timestamp,
        accept_revisions: bool = False,
    ) -> Recorded:
        """Keep what is new in a panel as a version; nothing new makes none.

        Parameters
        ----------
        panel : Panel
            All that the source says now.
        source : mapping
            Where it came from, in types that JSON knows.
        now : datetime
        known_by : Timestamp
            The source was read as if it ended there.
        accept_revisions : bool
            Record it also if the source rewrites the past.

        Raises
        ------
        RevisedError
            If the past was rewritten, in more than the unit of prices, and that is not accepted; nothing is recorded.
        OperationsError
            If `known_by` lies before that of the newest version: what was known then is in the log.
        """
        found: list[Recorded] = []

        def choose(entries: list[Entry]) -> list[Entry]:
            log = [read_version(entry) for entry in entries]
            frame = self._newest_frame(log)
            for orphan in self._orphans(log):
                orphan.unlink()
            before = log[-1] if log else None
            if before is not None:
                _check_time(before, known_by, panel)
            if before is not None and panel.digest() == before.digest:
                found.append(Recorded(before, before, None))
                return []
            change = self._change(log, frame, panel)
            if change.revises and not (change.restates or accept_revisions):
                raise _revised(change)
            line = self._made(before, frame, change, panel)
            line |= {"at": now.isoformat(timespec="seconds"), "known_by": known_by.isoformat()}
            line |= {"source": dict(source)}
            found.append(Recorded(read_version(line), before, change))
            return [line]

        self.chain.extend(choose)
        return found[0]

    def _newest_frame(self, log: list[Version]) -> Frame | None:
        """Return the frame of the newest version, after checking its file and that all older ones are there.

        An older file is read, and then checked, by what needs it.
        """
        for version in log[:-1]:
            if not (self.folder / version.file).is_file():
                self._content(version)  # says what is wrong
        return read_frame(self._content(log[-1])) if log else None

    def _made(self, before: Version | None, frame: Frame | None, change: Difference, panel: Panel) -> Entry:
        """Write the file of a change, and return what the line tells of it and of the panel that it leads to."""
        number = 1 if before is None else before.version + 1
        file, sha256 = write_changes(self.folder, number, change.changes, Frame.of(panel))
        known = () if frame is None else frame.assets
        return {"version": number, "file": file, "sha256": sha256} | describe_version(
            change, panel, before, known
        )

    def _change(self, log: list[Version], frame: Frame | None, panel: Panel) -> Difference:
        """Return what leads from the newest version to a panel; the past is read only if it is not what it was."""
        if frame is None:
            return added(panel, Extent())
        newest = log[-1]
        if extends(panel, newest.extent, frame, newest.digest):
            return added(panel, newest.extent)
        return difference(self._assembled(log), panel)

    def _assembled(self, log: list[Version]) -> Panel:
        """Return the panel of the newest of these versions: of each cell what was said last."""
        contents = [self._content(version) for version in log]
        said = pd.concat([read_changes(content) for content in contents], ignore_index=True)
        if any(version.kind not in ("first", "append") for version in log):
            # Only who rewrites the past says a second time of a cell what it is.
            said = said[~said.duplicated(KEY, keep="last")]
            said = said[said["change"] != "removed"]
        return from_cells(said, read_frame(contents[-1]))

    def _content(self, version: Version) -> bytes:
        """Return a version's file after checking it."""
        return read_version_file(self.folder, version.file, version.sha256, version.version)

    def _of(self, log: list[Version], version: int | None) -> Version:
        if not log:
            raise OperationsError(f"{self.folder}: no data was recorded yet; tangency update does")
        if version is not None and not 1 <= version <= len(log):
            raise OperationsError(f"{self.folder}: no version {version}, there are 1 to {len(log)}")
        return log[(version or len(log)) - 1]

    def _orphans(self, log: list[Version]) -> Iterator[Path]:
        """Yield the files that no line names."""
        named = {version.file for version in log}
        for path in self.folder.iterdir() if self.folder.is_dir() else ():
            if (path.suffix == ".parquet" or path.name.startswith(".partial-")) and path.name not in named:
                yield path


def _check_time(before: Version, known_by: pd.Timestamp, panel: Panel) -> None:
    """Refuse to record what was known earlier than the newest version.

    A version of the future was recorded while a clock was ahead, and one that ends before the panel does cannot have
    known the source later: neither stands in the way.
    """
    recorded = pd.Timestamp(before.known_by)
    future = recorded > pd.Timestamp.now("UTC").tz_localize(None) + pd.Timedelta(days=1)
    if known_by < recorded and not future and panel.dates[-1] <= pd.Timestamp(before.last):
        raise OperationsError(
            f"the data is asked for as of {known_by:%Y-%m-%d %H:%M}, but version {before.version} knows the source as "
            f"of {recorded:%Y-%m-%d %H:%M}: read what was known then with tangency data show --version"
        )


def _revised(change: Difference) -> RevisedError:
    return RevisedError(
        "the source has rewritten the past; nothing was recorded\n  "
        + "\n  ".join(change.sentences())
        + "\nIf it is right to do so, record it with --accept-revisions: what was known before stays readable"
    )

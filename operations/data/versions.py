"""Versions: all that a source ever said, a Parquet file each time it said something new, and a chain that names them.

What was written is never written again. A version is there once its line is in the chain; a file that a killed process
left without a line is no version, and is removed before the next one is written.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from market.panel import Panel
from operations.data.long_format import KEY, Extent, Frame, from_cells
from operations.data.revisions import Difference, added, difference, extends
from operations.data.version_files import read_changes, read_frame, write_changes
from operations.errors import OperationsError
from pipeline.chains.chain import Chain, Entry
from pipeline.chains.recorded_files import read_version_file
from pipeline.errors import LedgerError

CHAIN = "versions.jsonl"


@dataclass(frozen=True)
class Version:
    """One line of the chain: what came with a version, and the panel that it makes of those before.

    Attributes
    ----------
    version : int
        From 1 on.
    kind : {"first", "append", "revision", "restatement"}
        A restatement is the same past in another unit of prices.
    at : str
        When it was recorded, ISO 8601.
    known_by : str
        The source was read as if it ended there.
    file, sha256 : str
        What holds it, and its SHA-256.
    source : mapping
        The section `data` of the configuration.
    rows : mapping of str to int
        Cells added, changed and removed.
    revised : mapping of str to int
        Those among them that rewrite the past.
    largest : mapping or None
        The largest change of a number of the past.
    described : tuple of str
        Changes of the past that are no numbers.
    assets_new, assets_gone : tuple of str
    dates_new : int
        Dates after the last of the version before.
    dates : int
        Dates of the panel.
    first, last : str
        First and last date of the panel.
    assets : int
        Number of assets of the panel.
    observations : mapping of str to int
        Observations of each macro series.
    digest : str
        `Panel.digest()` of the panel.
    """

    version: int
    kind: str
    at: str
    known_by: str
    file: str
    sha256: str
    source: Mapping[str, Any]
    rows: Mapping[str, int]
    revised: Mapping[str, int]
    largest: Mapping[str, Any] | None
    described: tuple[str, ...]
    assets_new: tuple[str, ...]
    assets_gone: tuple[str, ...]
    dates_new: int
    dates: int
    first: str
    last: str
    assets: int
    digest: str
    observations: Mapping[str, int] = field(default_factory=dict)

    @property
    def extent(self) -> Extent:
        """How far the version's panel reaches."""
        return Extent(self.dates, dict(self.observations))


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
        return [_version(entry) for entry in self.chain.lines()]

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
            log = [_version(entry) for entry in entries]
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
            told = self._made(before, frame, change, panel)
            told |= {"at": now.isoformat(timespec="seconds"), "known_by": known_by.isoformat()}
            told |= {"source": dict(source)}
            found.append(Recorded(_version(told), before, change))
            return [told]

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
        return {"version": number, "file": file, "sha256": sha256} | _told(change, panel, before, known)

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


def _told(change: Difference, panel: Panel, before: Version | None, known: tuple[str, ...]) -> Entry:
    """Return what a line tells of a change and of the panel that it leads to."""
    kinds = change.changes["change"]
    extent = Extent.of(panel)
    kind = "first" if before is None else _kind(change)
    later = panel.dates > pd.Timestamp(before.last) if before is not None else panel.dates == panel.dates
    return {
        "kind": kind,
        "rows": {name: int((kinds == name).sum()) for name in ("added", "changed", "removed")},
        "revised": change.counts(),
        "largest": change.largest(),
        "described": list(change.described),
        "assets_new": [name for name in panel.assets if before is not None and name not in known],
        "assets_gone": [name for name in known if name not in panel.assets],
        "dates_new": int(later.sum()),
        "dates": extent.dates,
        "first": panel.dates[0].isoformat(),
        "last": panel.dates[-1].isoformat(),
        "assets": len(panel.assets),
        "digest": panel.digest(),
        "observations": dict(extent.observations),
    }


def _kind(change: Difference) -> str:
    if not change.revises:
        return "append"
    return "restatement" if change.restates else "revision"


def _version(entry: Entry) -> Version:
    lists = {name: tuple(entry[name]) for name in ("described", "assets_new", "assets_gone")}
    return Version(**(entry | lists))

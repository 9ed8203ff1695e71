"""Entry to all sources: makes each one local files that the readers read."""

from __future__ import annotations

import datetime as dt
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from foundation.counts import format_count
from market.findings import Finding
from market.sources.arrow_tables import check_size, write_parquet
from market.sources.excel import is_excel, read_excel
from market.sources.fetching import fetch_answer
from market.sources.file_lists import list_files
from market.sources.kinds import Download, Files, Source
from market.sources.settings import FetchSettings, Origin, OriginFinding


@dataclass(frozen=True)
class LocalFile:
    """A CSV or Parquet file that holds data of a source.

    Attributes
    ----------
    path : Path
        Its name without the ending names the asset, if it holds bars of one asset.
    label : str
        What messages call it: `path`, or the source of which it is a copy.
    """

    path: Path
    label: str


@dataclass(frozen=True)
class OpenedSource:
    """A source as local files, which exist until its context ends.

    Attributes
    ----------
    label : str
    files : tuple of LocalFile
        One at least.
    findings : tuple of Finding
        Notes and warnings that say where the data came from; none for one local file.
    """

    label: str
    files: tuple[LocalFile, ...]
    findings: tuple[Finding, ...]

    def restore_labels(self, text: str) -> str:
        """Return a message with the labels of files instead of the paths of copies."""
        for file in self.files:
            if str(file.path) != file.label:
                text = text.replace(str(file.path), file.label)
        return text


@contextmanager
def open_source(source: Source, settings: FetchSettings | None = None) -> Iterator[OpenedSource]:
    """Yield a source as local CSV and Parquet files.

    Parameters
    ----------
    source : Source
    settings : FetchSettings, optional
        How sources outside of local files are asked.

    Yields
    ------
    OpenedSource

    Raises
    ------
    SourceError
        If the source cannot be read. UnreachableError if it cannot be reached, and no earlier answer may be used.
    """
    settings = settings or FetchSettings()
    with tempfile.TemporaryDirectory(prefix="tangency-") as folder:
        if isinstance(source, Files):
            paths, findings = list_files(source.paths)
            files = [LocalFile(path, str(path)) for path in paths]
            findings = (*_note_files(source, paths), *findings)
            sheet = source.sheet
        else:
            answer = fetch_answer(source, settings, Path(folder) / "answer")
            files = [LocalFile(answer.path, source.label)]
            findings = _describe_origin(answer.origin, answer.problem)
            sheet = source.sheet if isinstance(source, Download) else None
        tables = []
        for place, file in enumerate(files):
            if not is_excel(file.path):
                tables.append(file)
                continue
            table, notes = _convert_excel(file, sheet, settings, Path(folder) / str(place))
            tables.append(table)
            findings = (*findings, *notes)
        yield OpenedSource(source.label, tuple(tables), findings)


def _convert_excel(
    file: LocalFile, sheet: str | None, settings: FetchSettings, folder: Path
) -> tuple[LocalFile, tuple[Finding, ...]]:
    """Return a sheet of a workbook as a Parquet file of the same name, and notes of how it was read."""
    table, notes = read_excel(file.path, file.label, sheet, settings.max_bytes)
    check_size(file.label, table, settings.max_bytes)
    folder.mkdir()
    target = folder / f"{file.path.stem}.parquet"
    write_parquet(table, target)
    return LocalFile(target, file.label), notes


def _note_files(source: Files, paths: Sequence[Path]) -> tuple[Finding, ...]:
    """Return a note that counts the files of a list, folder or pattern."""
    if paths == source.paths and len(paths) == 1:
        return ()
    names = tuple(map(str, paths))
    ends = names[0] if len(names) == 1 else f"{names[0]} to {names[-1]}"
    text = f"{source.label}: {format_count(len(names), 'file')}, {ends}"
    return (OriginFinding("files", "note", None, None, text, origin=Origin(source.label, files=names)),)


def _describe_origin(origin: Origin, problem: str) -> tuple[Finding, ...]:
    """Return a note that says when an answer was fetched, or a warning if an old one is used."""
    filled = origin.filled_at or dt.datetime.now(dt.UTC)
    when = f"{filled.astimezone(dt.UTC):%Y-%m-%d %H:%M} UTC"
    if not problem:
        return (
            OriginFinding("fetched", "note", None, None, f"{origin.label}: fetched {when}", origin=origin),
        )
    age = _describe_age(dt.datetime.now(dt.UTC) - filled)
    text = f"{problem}; the data are those of the cache, fetched {age} ago ({when})"
    return (OriginFinding("old data", "warning", None, None, text, origin=origin),)


def _describe_age(age: dt.timedelta) -> str:
    minutes = age.total_seconds() / 60
    if minutes >= 2 * 1440:
        return f"{minutes / 1440:.0f} days"
    return f"{minutes / 60:.0f} hours" if minutes >= 120 else f"{minutes:.0f} minutes"

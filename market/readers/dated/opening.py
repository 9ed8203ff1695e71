"""Opening: the source of a series or table as local files, and messages that name the source."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from market.errors import DataError
from market.findings import Finding
from market.sources.kinds import Files, Source
from market.sources.opening import open_source
from market.sources.settings import FetchSettings

_T = TypeVar("_T")
Read = Callable[[Sequence[Path], str], tuple[_T, tuple[Finding, ...]]]
"""Function that reads files, called in messages as its second argument says."""


def read_source(
    by: str, source: Path | Source, fetch: FetchSettings | None, read: Read[_T]
) -> tuple[_T, tuple[Finding, ...]]:
    """Return what `read` makes of the files of a source, with findings that also say where they come from.

    Raises
    ------
    DataError
        SourceError if the source cannot be read; and those of `read`. Messages begin with the key of the configuration,
        `by`, and name the source instead of its copies.
    """
    opened = None
    try:
        with open_source(Files((source,)) if isinstance(source, Path) else source, fetch) as opened:
            paths = [file.path for file in opened.files]
            made, findings = read(paths, str(paths[0]) if len(paths) == 1 else opened.label)
    except DataError as error:
        text = str(error) if opened is None else opened.restore_labels(str(error))
        raise type(error)(text if text.startswith(by) else f"{by}: {text}") from error
    named = (replace(finding, message=opened.restore_labels(finding.message)) for finding in findings)
    return made, (*opened.findings, *named)

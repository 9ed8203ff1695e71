"""Sources of a configuration, and what tells whether they hold something new."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic import BaseModel

from market.sources.fetching import fetch_answer
from market.sources.file_lists import list_files
from market.sources.kinds import Files, Source
from operations.errors import OperationsError
from pipeline.config import RunConfig
from pipeline.settings.sources.place import SourceSection


def find_places(config: RunConfig) -> list[Source]:
    """Return the sources that a configuration names.

    Raises
    ------
    OperationsError
        If it names none: packaged data never changes.
    """
    places = [section.place() for section in _find_sections(config.data)]
    if config.allocation.esg is not None:
        places.append(Files((config.allocation.esg.path,)))
    found = [place for place in places if place is not None]
    if not found:
        raise OperationsError(
            f"{config.name}: its source {config.data.source!r} is packaged and never changes; watch a configuration"
            " with data of your own"
        )
    return found


def _find_sections(value: object) -> Iterator[SourceSection]:
    """Yield all sections with a place of data in a section, itself included."""
    if isinstance(value, SourceSection):
        yield value
    if isinstance(value, BaseModel):
        value = [getattr(value, name) for name in type(value).model_fields]
    if isinstance(value, Mapping):
        value = list(value.values())
    for each in value if isinstance(value, list | tuple) else ():
        yield from _find_sections(each)


def fingerprint(config: RunConfig) -> tuple[str, ...]:
    """Return a text for each source, which differs if the source holds something else.

    A local file is recognised by its size and time of change. Other sources are asked, and their answers are cached.

    Raises
    ------
    SourceError
        If a source cannot be reached or read.
    """
    settings = replace(config.data.fetch.settings(config.output), when_offline="refuse")
    texts: list[str] = []
    with tempfile.TemporaryDirectory(prefix="tangency-") as folder:
        for source in find_places(config):
            if isinstance(source, Files):
                texts += [_stamp(path) for path in list_files(source.paths)[0]]
            else:
                texts.append(str(fetch_answer(source, settings, Path(folder)).path))
    return tuple(texts)


def _stamp(path: Path) -> str:
    """Return name, size and time of change of a file; without them if it cannot be read, which the update explains."""
    try:
        status = path.stat()
    except OSError:
        return f"{path} absent"
    return f"{path} {status.st_size} {status.st_mtime_ns} {status.st_ino}"

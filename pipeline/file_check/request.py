"""Request: which files `tangency check` and `tangency init` read, and how, from options or a configuration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from market.readers.prices import FileSettings
from market.sources.kinds import Source
from market.sources.settings import FetchSettings
from pipeline.config import RunConfig
from pipeline.data_source import read_file_settings
from pipeline.errors import ConfigError
from pipeline.settings.data import DataSection
from pipeline.settings.section import OUTPUT
from pipeline.settings.sources.place import PLACES

NOT_OPTIONS = ("source", *PLACES)
"""Keys of the section `data` that are no options: files are arguments, and other sources need a configuration."""


@dataclass(frozen=True)
class FileRequest:
    """A file, or another source, and how to read it.

    Attributes
    ----------
    source : Source
        Usually files.
    fetch : FetchSettings
        How a source that is no local file is asked.
    settings : FileSettings
    values_given : bool
        Whether the user says what the values are.
    start, end : date or None
    given : mapping
        The settings that the user gives, as in a configuration.
    """

    source: Source
    fetch: FetchSettings
    settings: FileSettings
    values_given: bool
    start: date | None = None
    end: date | None = None
    given: Mapping[str, Any] = field(default_factory=dict)


def request_by_options(paths: Sequence[Path], options: Mapping[str, str]) -> FileRequest:
    """Return the request of files with options, whose values are written as in a configuration.

    Parameters
    ----------
    paths : sequence of Path
        Files, folders and patterns, one at least.
    options : mapping of str to str
        Keys of the section `data`. Mappings and lists are written as in YAML.

    Raises
    ------
    ConfigError
        If an option is none, or its value is none that the key takes.
    """
    path = paths[0] if len(paths) == 1 else tuple(paths)
    given: dict[str, Any] = {}
    for key, text in options.items():
        try:
            # A plain name stays text, also where YAML would read 600519 or NO as something else.
            given[key] = yaml.safe_load(text) if text.lstrip().startswith(("{", "[")) else text
        except yaml.YAMLError as error:
            raise ConfigError(f"--{key.replace('_', '-')}: {text!r} is not valid YAML") from error
    try:
        section = DataSection.model_validate({"source": "prices", "path": path, **given})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        option = f"--{key.replace('_', '-')}" if key and key != "path" else str(paths[0])
        raise ConfigError(f"{option}: {first['msg'].removeprefix('Value error, ')}") from error
    return replace(_make_request(section, Path(OUTPUT), "values" in given), given=given)


def request_by_config(config: RunConfig) -> FileRequest:
    """Return the request of the source of a configuration.

    Raises
    ------
    ConfigError
        If its source is packaged.
    """
    data = config.data
    if data.place() is None:
        raise ConfigError(
            f"data.source is {data.source!r}, which is packaged: its checks run in each tangency run; check reads your"
            " own data"
        )
    return _make_request(data, config.output, values_given=True)


def _make_request(data: DataSection, output: Path, values_given: bool) -> FileRequest:
    source = data.place()
    if source is None:
        raise ConfigError("source 'prices' needs a path")
    settings = read_file_settings(data)
    return FileRequest(source, data.fetch.settings(output), settings, values_given, data.start, data.end)

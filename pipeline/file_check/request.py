"""Request: which file `tangency check` and `tangency init` read, and how, from options or a configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import date
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from market.readers.prices import FileSettings
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.settings.data import DataSection

NOT_OPTIONS = ("source", "path")
"""Keys of the section `data` that are no options: the file is an argument."""


@dataclass(frozen=True)
class FileRequest:
    """A file, and how to read it.

    Attributes
    ----------
    path : Path
    settings : FileSettings
    values_given : bool
        Whether the user says what the values are.
    start, end : date or None
    given : mapping
        The settings that the user gives, as in a configuration.
    """

    path: Path
    settings: FileSettings
    values_given: bool
    start: date | None = None
    end: date | None = None
    given: Mapping[str, Any] = field(default_factory=dict)


def request_by_options(path: Path, options: Mapping[str, str]) -> FileRequest:
    """Return the request of a file with options, whose values are written as in a configuration.

    Parameters
    ----------
    path : Path
    options : mapping of str to str
        Keys of the section `data`. Mappings and lists are written as in YAML.

    Raises
    ------
    ConfigError
        If an option is none, or its value is none that the key takes.
    """
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
        option = f"--{key.replace('_', '-')}" if key and key != "path" else f"{path}"
        raise ConfigError(f"{option}: {first['msg'].removeprefix('Value error, ')}") from error
    return replace(_make_request(section, "values" in given), given=given)


def request_by_config(config: RunConfig) -> FileRequest:
    """Return the request of the file of a configuration.

    Raises
    ------
    ConfigError
        If its source is packaged.
    """
    data = config.data
    if data.path is None:
        raise ConfigError(
            f"data.source is {data.source!r}, which is packaged: its checks run in each tangency run; check reads files"
        )
    return _make_request(data, values_given=True)


def _make_request(data: DataSection, values_given: bool) -> FileRequest:
    content = data.model_dump()
    settings = FileSettings(**{each.name: content[each.name] for each in fields(FileSettings)})
    return FileRequest(Path(content["path"]), settings, values_given, data.start, data.end)

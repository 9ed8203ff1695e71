"""Completion: fill in the settings that a configuration leaves open and that follow from its data."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd
from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError
from pydantic_core.core_schema import ErrorType

from foundation.counts import format_count
from pipeline.settings.data import DataSection
from pipeline.settings.section import OUTPUT

if TYPE_CHECKING:
    from market.panel import Panel
    from pipeline.defaults.choices import Choice

_SECTIONS = ("target", "walk_forward", "regimes", "allocation", "evaluation")
_COMPLETABLE = (*_SECTIONS, "models", "cost_rate")
_KNOWN_TYPES = frozenset(get_args(ErrorType))
_OPTIONAL = ("features.exclude", "walk_forward.train_every", "regimes.features", "allocation.cash_maximum")
"""Choices of keys that have a fixed default: made only where the whole section is absent."""


@dataclass(frozen=True)
class Completion:
    """A configuration with all settings, and those that were chosen.

    Attributes
    ----------
    content : dict
        As a configuration file would hold it.
    choices : tuple of Choice
        What was filled in.
    facts : str
        What the choices follow from, in one line.
    """

    content: dict[str, Any]
    choices: tuple[Choice, ...]
    facts: str

    def describe(self) -> str:
        """Return the facts and the choices in one line; models are named, lists counted."""
        return (
            f"{self.facts}: {', '.join(f'{each.key} {summarize_value(each.value)}' for each in self.choices)}"
        )


def summarize_value(value: Any) -> str:
    """Return a value as text: of a mapping its keys, of a list its length."""
    if isinstance(value, Mapping):
        return f"({', '.join(value)})"
    return f"({format_count(len(value), 'name')})" if isinstance(value, list) else str(value)


def without_completable(error: ValidationError) -> ValidationError | None:
    """Return a validation error without the missing settings that follow from the data, None if nothing is left.

    If nothing is left, the data of the configuration is described completely.
    """
    left = [each for each in error.errors(include_url=False) if not _is_completable(each)]
    if not left:
        return None
    details = [
        InitErrorDetails(type=_kind_of(each), loc=each["loc"], input=each["input"], ctx=each.get("ctx", {}))
        for each in left
    ]
    return ValidationError.from_exception_data(error.title, details)


def _is_completable(item: ErrorDetails) -> bool:
    key = ".".join(map(str, item["loc"]))
    return item["type"] == "missing" and (key in _COMPLETABLE or key.rpartition(".")[0] in _SECTIONS)


def _kind_of(item: ErrorDetails) -> str | PydanticCustomError:
    """Return the type of an error as pydantic takes it back."""
    known = item["type"] in _KNOWN_TYPES
    return item["type"] if known else PydanticCustomError(item["type"], item["msg"])


def complete_content(
    content: Mapping[str, Any], data: DataSection, known_by: pd.Timestamp | None = None
) -> Completion:
    """Fill in what a configuration leaves open.

    The data is loaded up to the holdout, as a run loads it, with its series and tables. Settings that the configuration
    gives are kept, and the choices fit them.

    Parameters
    ----------
    content : mapping
        The configuration as far as it is written.
    data : DataSection
    known_by : Timestamp, optional
        Choose from the data up to this date.

    Raises
    ------
    DataError
        If the data cannot be read.
    ConfigError
        If its span is too short.
    """
    from pipeline.defaults.choices import choose_settings  # heavy, as the readers are

    panel = _load(content, data, known_by)
    found = data.place()
    source = data.source if found is None else found.label
    chosen, facts = choose_settings(panel, content, source)
    choices = [each for each in chosen if _is_open(content, each.key)]
    filled: dict[str, Any] = deepcopy(dict(content))
    for choice in choices:
        section, _, key = choice.key.rpartition(".")
        place = filled.setdefault(section, {}) if section else filled
        place[key] = choice.value
    return Completion(filled, tuple(choices), facts)


def _is_open(content: Mapping[str, Any], key: str) -> bool:
    """Whether the configuration leaves a setting to the data."""
    section, _, name = key.rpartition(".")
    if not section:
        return content.get(name) is None
    given = content.get(section)
    if given is None:
        return True
    return key not in _OPTIONAL and given.get(name) is None


def find_last_day(content: Mapping[str, Any], known_by: pd.Timestamp | None) -> pd.Timestamp | None:
    """Return the last day of data that may decide on settings: before a holdout, and up to `known_by`."""
    evaluation = content.get("evaluation")
    holdout = evaluation.get("holdout") if isinstance(evaluation, Mapping) else None
    sealed = None if holdout is None else pd.Timestamp(str(holdout)) - pd.Timedelta(days=1)
    return min((day for day in (sealed, known_by) if day is not None), default=None)


def _load(content: Mapping[str, Any], data: DataSection, known_by: pd.Timestamp | None) -> Panel:
    from pipeline.data_source import load_source  # readers are heavy, and complete configurations need none
    from pipeline.own_data.reading import with_own_data

    until = find_last_day(content, known_by)
    output = Path(str(content.get("output") or OUTPUT))
    panel = load_source(data, output, end=data.end, known_by=until)[0]
    return with_own_data(panel, data, output, until)[0]

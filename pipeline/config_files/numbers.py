"""Numbers that pydantic derives from values that were probably not meant as numbers: truth values, leading zeros."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from pipeline.settings.section import SettingError

_LEADING_ZERO = re.compile(r"\s*[-+]?0[0-9_]+\s*")


def find_misread_numbers(
    section: Any, given: Any, path: tuple[str | int, ...] = ()
) -> Iterator[SettingError]:
    """Yield each number of a checked section that was written as a truth value or with a leading zero.

    Parameters
    ----------
    section : BaseModel, or a mapping or tuple of such
    given : mapping or list
        The values from which it was built.
    path : tuple of str or int
        Path of the section.
    """
    if isinstance(section, BaseModel) and isinstance(given, dict):
        for name in set(given) & set(type(section).model_fields):
            if name in _number_fields(type(section)):
                yield from _misread(given[name], (*path, name))
            else:
                yield from find_misread_numbers(getattr(section, name), given[name], (*path, name))
    elif isinstance(section, dict) and isinstance(given, dict):
        for name in set(given) & set(section):
            yield from find_misread_numbers(section[name], given[name], (*path, name))
    elif isinstance(section, tuple) and isinstance(given, list):
        for place, (part, came) in enumerate(zip(section, given, strict=False)):
            yield from find_misread_numbers(part, came, (*path, place))


def _misread(given: Any, path: tuple[str | int, ...]) -> Iterator[SettingError]:
    if isinstance(given, dict):
        for name, value in given.items():
            yield from _misread(value, (*path, name))
    elif isinstance(given, list):
        for place, value in enumerate(given):
            yield from _misread(value, (*path, place))
    elif isinstance(given, bool):
        yield SettingError(path, f"expected a number, got {str(given).lower()}")
    elif isinstance(given, str) and _LEADING_ZERO.fullmatch(given):
        yield SettingError(
            path, f"expected a number without a leading zero, which some read as octal, got {given}"
        )


@functools.cache
def _number_fields(section: type[BaseModel]) -> frozenset[str]:
    """Return the fields of a section that accept numbers but neither truth values nor text."""
    types = {name: _types_in(field.annotation) for name, field in section.model_fields.items()}
    return frozenset(
        name for name, kinds in types.items() if kinds & {int, float} and not kinds & {bool, str}
    )


def _types_in(annotation: Any) -> set[Any]:
    """Return the types in an annotation, without the key types of mappings."""
    parts = get_args(annotation)
    if get_origin(annotation) is dict:
        parts = parts[1:]
    types = {annotation} if isinstance(annotation, type) else set()
    return types.union(*(_types_in(part) for part in parts))

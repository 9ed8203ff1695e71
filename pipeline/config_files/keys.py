"""Keys and kinds that a configuration may have at a path, derived from the types of its sections."""

from __future__ import annotations

from collections.abc import Sequence
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, Tag


def known_keys(section: Any, parts: Sequence[str | int]) -> list[str]:
    """Return the keys that exist at a path; empty if there is no section.

    Parameters
    ----------
    section : type
        The section at which the path begins.
    parts : sequence of str or int
        The path as pydantic reports it, with the name of the chosen alternative after a value of a union type.
    """
    annotation = _type_at(section, parts)
    chosen = [_bare(each) for each in _members(annotation) if _is_section(_bare(each))]
    return list(chosen[0].model_fields) if len(chosen) == 1 else []


def drop_choices(section: Any, parts: Sequence[str | int]) -> list[str | int]:
    """Return a path without the names of union alternatives, as in the file."""
    kept, annotation = [], section
    for part in parts:
        members = _members(annotation)
        if len(members) < 2 or not any(part in _names(each) for each in members):
            kept.append(part)
        annotation = _step(annotation, part)
    return kept


def known_kinds(section: Any, parts: Sequence[str | int]) -> list[str]:
    """Return the allowed kinds of the section at a path."""
    annotation = _type_at(section, parts)
    return [kind for each in _members(annotation) for kind in _names(each)]


def _type_at(found: Any, parts: Sequence[str | int]) -> Any:
    for part in parts:
        found = _step(found, part)
    return found


def _step(found: Any, part: str | int) -> Any:
    """Return the type that a part of a path leads to; None if it is unknown."""
    members = _members(found)
    if len(members) > 1:
        named = [each for each in members if part in _names(each)]
        if named:
            return named[0]
        sections = [each for each in members if _is_section(_bare(each))]
        return _step(sections[0], part) if len(sections) == 1 else None
    bare: Any = _bare(members[0]) if members else None
    if _is_section(bare):
        fields: dict[Any, Any] = bare.model_fields
        return fields[part].annotation if part in fields else None
    if get_origin(bare) is dict:
        return get_args(bare)[1]
    return get_args(bare)[0] if get_origin(bare) in (tuple, list) else None


def _members(found: Any) -> list[Any]:
    """Return the types of a union, or the type itself; None is left out."""
    bare = _bare(found)
    if get_origin(bare) in (Union, UnionType):
        return [member for each in get_args(bare) for member in _members_kept(each)]
    return [found] if found not in (None, type(None)) else []


def _members_kept(found: Any) -> list[Any]:
    # A member with its own tag keeps it, since pydantic reports that name.
    return [found] if _tags(found) else _members(found)


def _names(found: Any) -> list[str]:
    """Return the names that pydantic may use for a member of a union: its tag, or its kind."""
    bare = _bare(found)
    field = bare.model_fields.get("kind") if _is_section(bare) else None
    kinds = list(get_args(field.annotation)) if field and get_origin(field.annotation) is Literal else []
    return _tags(found) + kinds


def _tags(found: Any) -> list[str]:
    return [each.tag for each in getattr(found, "__metadata__", ()) if isinstance(each, Tag)]


def _bare(found: Any) -> Any:
    return get_args(found)[0] if get_origin(found) is Annotated else found


def _is_section(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, BaseModel)

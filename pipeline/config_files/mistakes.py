"""Mistakes: translate pydantic's errors about a configuration into messages for the user."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import BaseModel, ValidationError
from yaml.nodes import Node, ScalarNode

from foundation.counts import format_count
from foundation.suggestions import suggest
from market.sources.secrets import hide_secrets
from pipeline.config_files.document import Document, Place, show_node
from pipeline.config_files.keys import drop_choices, known_keys, known_kinds
from pipeline.config_files.text import join_lines, show_name, show_value
from pipeline.settings.section import SettingError

_WORDS = {
    "model_type": "expected a mapping of keys to values",
    "model_attributes_type": "expected a mapping of keys to values",
    "dict_type": "expected a mapping of names to values",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "too_short": "expected one entry at least",
    "date_type": "expected a date such as 2010-01-31",
    "date_parsing": "expected a date such as 2010-01-31",
    "date_from_datetime_parsing": "expected a date such as 2010-01-31",
    "date_from_datetime_inexact": "expected a date such as 2010-01-31, without a time of day",
}
"""Replacements, by error type, for pydantic messages that refer to Python instead of the file."""


def explain_mistakes(name: str, error: ValidationError, document: Document, section: type[BaseModel]) -> str:
    """Return one message that names every mistake, or the first ones and the number of the others.

    Parameters
    ----------
    name : str
        Name of the file in the message.
    error : ValidationError
    document : Document
        The checked document.
    section : type
        The section that defines its keys.
    """
    lines: dict[str, list[str]] = {}
    for item in error.errors(include_url=False):
        key, text = _explain(item, document, section)
        lines.setdefault(key, []).append(text)
    # A value of a union type has one mistake per alternative.
    texts = [
        f"{key}{': ' if key else ''}{'; or '.join(dict.fromkeys(texts))}" for key, texts in lines.items()
    ]
    return _join(name, texts)


def list_mistakes(name: str, errors: Iterable[SettingError], document: Document) -> str:
    """Return one message about wrong settings, by their paths from the top of the file."""
    placed = [(document.find(error.key), error.message) for error in errors]
    placed.sort(key=lambda each: each[0].line or 0)
    return _join(name, [f"{_dotted(place)}: {message}{_line(place)}" for place, message in placed])


def _join(name: str, texts: Sequence[str]) -> str:
    count = format_count(len(texts), "mistake")
    return join_lines(f"{name}: {count}", texts)


def _explain(item: Any, document: Document, section: type[BaseModel]) -> tuple[str, str]:
    """Return the dotted path of a mistake, and its explanation with the line."""
    loc = item["loc"]
    parts = drop_choices(section, loc)
    raised = item.get("ctx", {}).get("error")
    if isinstance(raised, SettingError):
        place = document.find([*parts, *raised.key])
        missing = raised.key[len(place.path) - len(document.find(parts).path) :]
        return _dotted(place, *map(str, missing)), f"{raised.message}{_line(place)}"
    place = document.find(parts)
    line = _line(place)
    if item["type"] == "extra_forbidden":
        return _dotted(place), f"unknown key{suggest(str(loc[-1]), known_keys(section, loc[:-1]))}{line}"
    if item["type"] == "missing":
        return _dotted(place, str(loc[-1])), f"missing{line}"
    if item["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return _dotted(place, "kind"), _explain_kind(item, loc, section) + line
    message = item["msg"].removeprefix("Value error, ")
    if not place.path:
        return "", message
    return _dotted(place), f"{_explain_value(item, place.node, message)}{line}"


def _explain_value(item: Any, node: Node, message: str) -> str:
    came = hide_secrets(show_node(node))
    if not came and "_type" in item["type"] and item["type"] not in _WORDS:
        came = "a mapping of keys"
    return f"{_WORDS.get(item['type'], message)}{f', got {came}' if came else ''}{_quotes(item, node)}"


def _explain_kind(item: Any, loc: tuple[str | int, ...], section: type[BaseModel]) -> str:
    kinds = known_kinds(section, loc)
    if item["type"] == "union_tag_not_found":
        return f"missing{suggest('', kinds)}"
    came = str(item["ctx"]["tag"])
    return f"{show_value(came)} is no kind of {loc[0]}{suggest(came, kinds)}"


def _quotes(item: Any, node: Node) -> str:
    """Return advice to quote a number or a date that was meant as text."""
    if item["type"] != "string_type" or not isinstance(node, ScalarNode) or not node.value:
        return ""
    return f"; if it is a name, write it in quotes: {show_value(node.value)}"


def _dotted(place: Place, *missing: str) -> str:
    return ".".join(show_name(part) for part in (*place.path, *missing))


def _line(place: Place) -> str:
    return "" if place.line is None else f" (line {place.line})"

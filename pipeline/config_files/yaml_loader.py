"""A YAML loader for configurations: plain values, keys as written, and limits on size and nesting."""

from __future__ import annotations

import re
from typing import Any

import yaml
from yaml.constructor import ConstructorError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

DEEPEST = 40
"""Maximum nesting depth; the deepest key of a configuration is at level 8."""
MOST_NODES = 100_000
"""Maximum number of keys and values in a file; an alias counts with its whole content."""
LONGEST_NUMBER = 400
"""Maximum length of a number, in characters; a float has at most 309 digits before the point."""

_PREFIX = "tag:yaml.org,2002:"
_NUMBER = list("-+.0123456789")
_SCALARS: tuple[tuple[str, str, list[str]], ...] = (
    ("null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", _NUMBER),
    (
        "float",
        r"^[-+]?(?:(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+|\.(?:inf|Inf|INF))$"
        r"|^\.(?:nan|NaN|NAN)$",
        _NUMBER,
    ),
    ("timestamp", r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[Tt \t].*)?$", list("0123456789")),
    ("merge", r"^<<$", ["<"]),
)
"""Interpretation of unquoted text: as in YAML 1.2, with dates.

YAML 1.1, PyYAML's default, also reads yes, no, on and off as truth values, 0123 as 83 and 1:30 as 90. Here they are
text. Boolean settings still accept yes and no, and an asset may be named ON."""


_HALF = re.compile("[\ud800-\udfff]")
"""Half of a character outside the basic plane. PyYAML in Python reads it, libyaml does not; no file can hold it."""


class ConfigLoader(yaml.SafeLoader):
    """Reads one document of plain values. All errors are of type `yaml.YAMLError`."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 (PyYAML's name)

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._sizes: dict[int, tuple[int, int]] = {}
        self._level = 0

    def compose_node(self, parent: Node | None, index: int) -> Node | None:
        """Compose a node, and count its depth and its content."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        if isinstance(event, yaml.AliasEvent) and id(self.anchors.get(event.anchor)) not in self._sizes:
            problem = "contains itself" if event.anchor in self.anchors else "is defined nowhere above"
            raise _refused(f"the alias *{event.anchor} {problem}", event)
        if not isinstance(event, yaml.AliasEvent) and event.tag is not None:
            raise _refused(
                f"the tag {event.tag} is not allowed: a configuration holds plain values; write text in quotes",
                event,
            )
        self._level += 1
        if self._level > DEEPEST:
            raise _refused(f"nested more than {DEEPEST} levels deep", event)
        node: Node | None = super().compose_node(parent, index)
        if isinstance(node, ScalarNode) and _HALF.search(node.value):
            raise _refused("an escape such as \\uD800 is half a character", node)
        self._level -= 1
        self._measure(node)
        return node

    def _measure(self, node: Node | None) -> None:
        if node is None or id(node) in self._sizes:
            return
        below = [self._sizes[id(child)] for child in _children(node)]
        size, depth = 1 + sum(s for s, _ in below), 1 + max((d for _, d in below), default=0)
        if size > MOST_NODES:
            raise _refused(f"more than {MOST_NODES:,} keys and values, aliases included", node)
        if depth > DEEPEST:
            raise _refused(f"nested more than {DEEPEST} levels deep, aliases included", node)
        self._sizes[id(node)] = size, depth

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        """Compose a mapping, and refuse keys that are not text or are repeated."""
        node = super().compose_mapping_node(anchor)
        lines: dict[str, int] = {}
        for key, _ in node.value:
            if not isinstance(key, ScalarNode):
                raise _refused("a key is a list or a mapping, expected a name", key)
            if key.value in lines:
                raise _refused(
                    f"the key {key.value[:60]!r} is given twice, first in line {lines[key.value]}", key
                )
            lines[key.value] = key.start_mark.line + 1
        return node

    def construct_mapping(self, node: MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a mapping with text keys, as written: an asset may be named 600519, NO or 2020-01-01."""
        self.flatten_mapping(node)
        return {key.value: self.construct_object(value, deep=deep) for key, value in node.value}

    def construct_object(self, node: Node, deep: bool = False) -> Any:
        """Return the value of a node; an error in a number or a date names its line."""
        number = isinstance(node, ScalarNode) and node.tag in (f"{_PREFIX}int", f"{_PREFIX}float")
        if number and len(node.value) > LONGEST_NUMBER:
            raise _refused(f"a number of {len(node.value):,} characters", node)
        if isinstance(node, ScalarNode) and node.tag == f"{_PREFIX}merge":
            return node.value  # as a value, it is text
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, AttributeError, OverflowError) as error:
            text = node.value[:40] if isinstance(node, ScalarNode) else ""
            raise _refused(f"{text!r} is no date: write it as 2010-01-31, text in quotes", node) from error


for _tag, _pattern, _first in _SCALARS:
    ConfigLoader.add_implicit_resolver(_PREFIX + _tag, re.compile(_pattern), _first)


def _children(node: Node) -> list[Node]:
    if isinstance(node, MappingNode):
        return [part for pair in node.value for part in pair]
    return list(node.value) if isinstance(node, SequenceNode) else []


def _refused(problem: str, where: Any) -> ConstructorError:
    return ConstructorError(None, None, problem, where.start_mark)

"""Document: the content of a configuration file, with the line of each value."""

from __future__ import annotations

import codecs
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from pipeline.config_files.text import LONGEST_PATH, cut_middle, show_name, show_value
from pipeline.config_files.yaml_loader import ConfigLoader
from pipeline.errors import ConfigError, FileKindError
from pipeline.files import read_regular

LARGEST = 1_000_000
"""Maximum size of a configuration file, in bytes."""
_MARKS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))


@dataclass(frozen=True, eq=False)
class Place:
    """Location of a mistake in a document.

    Attributes
    ----------
    path : tuple of str
        Keys and list positions, as in the file.
    line : int or None
        Line of the last key or value that exists, counted from 1.
    node : Node
        The last node that exists.
    """

    path: tuple[str, ...]
    line: int | None
    node: Node


@dataclass(frozen=True, eq=False)
class Document:
    """A mapping read from a file.

    Attributes
    ----------
    content : dict
        Plain values: text, numbers, truth values, dates, None, lists and mappings with text as keys.
    root : Node
        YAML node of the content.
    """

    content: dict[str, Any]
    root: MappingNode

    def find(self, parts: Sequence[str | int]) -> Place:
        """Return the place that a path leads to; parts that are not in the file are skipped.

        Such parts are names that pydantic gives to the alternatives of a union.
        """
        node: Node = self.root
        path: list[str] = []
        line = None
        for part in parts:
            child = _child(node, part)
            if child is not None:
                path.append(str(part))
                node, line = child
        return Place(tuple(path), line, node)


def _child(node: Node, part: str | int) -> tuple[Node, int] | None:
    if isinstance(node, MappingNode):
        # The last one counts: merged keys come first in a mapping.
        matches = [(value, key.start_mark.line + 1) for key, value in node.value if key.value == part]
        return matches[-1] if matches else None
    if isinstance(node, SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part].start_mark.line + 1
    return None


def show_node(node: Node) -> str:
    """Return a value as written in the file; "" for a mapping."""
    if isinstance(node, ScalarNode):
        quoted = node.style is not None or node.tag.endswith(":str")
        return show_value(node.value) if quoted else cut_middle(node.value or "nothing", LONGEST_PATH // 2)
    if isinstance(node, SequenceNode):
        return cut_middle(f"[{', '.join(show_node(item) or '{...}' for item in node.value[:20])}]", 80)
    return ""


def read_document(path: Path) -> Document:
    """Read a YAML file that holds one mapping.

    Raises
    ------
    ConfigError
        If the file is not regular, too large, not UTF-8 text or not valid YAML, or holds no mapping. The message names
        the line.
    """
    name, text = show_name(str(path)), _read_text(path)
    try:
        # The constructor of the reader checks for characters that are not allowed.
        loader = ConfigLoader(text)
        root = loader.get_single_node()
        content = None if root is None else loader.construct_document(root)
    except yaml.reader.ReaderError as error:
        raise ConfigError(f"{name}{_explain_character(error, text)}") from error
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{name}{_explain(error, text)}") from error
    if not isinstance(root, MappingNode) or content is None:
        came = "an empty file" if root is None else show_node(root)
        raise ConfigError(f"{name}: expected a mapping of keys such as name, data, models; got {came}")
    return Document(content, root)


def _explain_character(error: yaml.reader.ReaderError, text: str) -> str:
    """Return the line number and the character that is not allowed."""
    line = text.count("\n", 0, error.position) + 1
    code = error.character if isinstance(error.character, int) else ord(error.character)
    return f", line {line}: not valid YAML: the character U+{code:04X} is not allowed"


def _explain(error: yaml.MarkedYAMLError, text: str) -> str:
    """Return the line number, the problem, and the text of the line."""
    mark = error.problem_mark or error.context_mark
    said = f"{error.context} {error.problem}" if str(error.problem).startswith("but ") else error.problem
    problem = cut_middle(" ".join(str(said or error.context).split()), 300)
    if mark is None:
        return f": not valid YAML: {problem}"
    lines = text.splitlines()
    shown = show_value(lines[mark.line].strip()) if mark.line < len(lines) else "the end of the file"
    return f", line {mark.line + 1}: not valid YAML: {problem}, at {shown}"


def _read_text(path: Path) -> str:
    raw = _read_bytes(path)
    for mark, encoding in _MARKS:
        if raw.startswith(mark):
            raise _unreadable(path, f"it is {encoding} text; save it as UTF-8")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise _unreadable(path, f"line {line} is not UTF-8 text; save the file as UTF-8") from error
    if "\0" in text[:4] and "\0" in text[4:]:
        raise _unreadable(path, "it is not UTF-8 text, but looks like UTF-16; save it as UTF-8")
    return text


def _read_bytes(path: Path) -> bytes:
    """Return the bytes of a regular file; refuse any other kind of file without waiting for it."""
    try:
        raw = read_regular(path, LARGEST + 1)
    except FileKindError as error:
        raise _unreadable(path, "it is no regular file") from error
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "the name contains a NUL character"
        raise _unreadable(path, str(reason)) from error
    if len(raw) > LARGEST:
        raise _unreadable(path, f"it is larger than {LARGEST:,} bytes, so it is no configuration")
    return raw


def _unreadable(path: Path, reason: str) -> ConfigError:
    names = sorted(str(each) for each in Path("configs").glob("*.yaml"))
    known = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
    there = f". In configs/: {cut_middle(known, 400)}" if names else ""
    return ConfigError(f"cannot read the configuration {show_name(str(path))}: {reason}{there}")

"""Changes of the values of a configuration: types, sizes, names and nesting."""

from __future__ import annotations

import datetime as dt
import functools
import random
from collections.abc import Callable, Iterator
from typing import Any

import yaml

VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        0,
        1,
        -1,
        2**63,
        10**400,
        0.0,
        -0.0,
        1e308,
        1e-320,
        float("inf"),
        float("nan"),
        0.1 + 0.2,
    ),
    *(
        "",
        " ",
        "a",
        "ridge",
        "nan",
        "1",
        "01",
        "1e3",
        "yes",
        "x" * 3000,
        "a\0b",
        "\x1b[2J",
        "~",
        "2020-01-01",
        "a.b",
    ),
    *(
        [],
        {},
        [[]],
        [None],
        ["a", "a"],
        {"a": {"a": {}}},
        {"kind": "ridge"},
        {"kind": None},
        list(range(400)),
    ),
    *(
        dt.date(1, 1, 1),
        dt.date(2020, 1, 1),
        dt.datetime(2020, 1, 1, 5),
        {1: 2},
        {None: 1},
        {True: 1},
        {"": 1},
    ),
]


def _places(content: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of each element of nested mappings and lists."""
    items = (
        content.items()
        if isinstance(content, dict)
        else enumerate(content)
        if isinstance(content, list)
        else ()
    )
    for key, value in items:
        yield (*path, key)
        yield from _places(value, (*path, key))


def _change_content(pick: random.Random, text: str, change: Callable[[Any, Any], Any]) -> str:
    """Return the text of a content with one change: `change` gets the container of a random element, and its key."""
    try:
        content = yaml.load(text, Loader=yaml.CSafeLoader)
    except (yaml.YAMLError, ValueError):
        return text
    places = list(_places(content))
    if not places:
        return text
    *path, key = pick.choice(places)
    holder = functools.reduce(lambda held, part: held[part], path, content)
    change(holder, key)
    return yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False, allow_unicode=True, width=10**6)


def _set_value(pick: random.Random, text: str) -> str:
    value = pick.choice(VALUES)
    return _change_content(pick, text, lambda holder, key: holder.__setitem__(key, value))


def _delete_value(pick: random.Random, text: str) -> str:
    return _change_content(pick, text, lambda holder, key: holder.__delitem__(key))


def _rename_key(pick: random.Random, text: str) -> str:
    new = pick.choice(["", "x", "kind", "values", "k" * 500, "a b", "é", "\x1b[2J", 1, None, 2.5, True])

    def change(holder: Any, key: Any) -> None:
        if isinstance(holder, dict):
            typo = f"{key}"[:-1] if pick.random() < 0.5 else new
            holder[typo] = holder.pop(key)

    return _change_content(pick, text, change)


def _wrap_value(pick: random.Random, text: str) -> str:
    levels, inner = pick.choice([1, 2, 50]), pick.choice(["list", "mapping"])

    def change(holder: Any, key: Any) -> None:
        for _ in range(levels):
            holder[key] = [holder[key]] if inner == "list" else {str(key): holder[key]}

    return _change_content(pick, text, change)


def _scale_number(pick: random.Random, text: str) -> str:
    factor = pick.choice([0, -1, 0.5, 100, 1e6, 1e300])

    def change(holder: Any, key: Any) -> None:
        if isinstance(holder[key], int | float):
            holder[key] *= factor

    return _change_content(pick, text, change)


VALUE_CHANGES = [_set_value, _set_value, _delete_value, _rename_key, _wrap_value, _scale_number]

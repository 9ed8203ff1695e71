"""Annotations as checks: whether a stored value matches the annotation of its field."""

from __future__ import annotations

import collections.abc
import functools
import types
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, Union, cast, get_args, get_origin

import numpy as np

from pipeline.store.types import fields_of, name_of

Check = Callable[[Any], str]
"""Returns the location and kind of a mismatch, as ".field[0]: got X, expected Y"; empty if there is none."""

NUMBERS: dict[Any, tuple[type, ...]] = {
    bool: (bool, np.bool_),
    int: (int, np.integer),
    float: (float, int, np.floating),
}


@functools.cache
def check_of(hint: Any) -> Check:
    """Return the check of an annotation.

    Parameters
    ----------
    hint : type or typing construct
        The fields of storable classes are checked too; `Any` accepts every value.

    Raises
    ------
    TypeError
        If this kind of annotation is not supported.
    """
    if hint is Any:
        return lambda value: ""
    make = _CHECKS.get(get_origin(hint))
    if make is not None:
        return make(hint)
    if hint in NUMBERS:
        return _number(hint)
    if hint in (None, str, bytes, types.NoneType):
        exact = types.NoneType if hint is None else hint
        return lambda value: "" if type(value) is exact else _message(value, exact)
    if isinstance(hint, type):
        return _object(hint)
    raise TypeError(f"the store cannot check the annotation {hint!r}")


@functools.cache
def _field_checks(cls: Any) -> list[tuple[str, Check]]:
    if issubclass(cls, Enum):
        return []
    return [(name, check_of(hint)) for name, hint in fields_of(cls).items()]


@functools.cache
def _simple(hint: Any) -> frozenset[type]:
    """Return the types whose values always match, so that no check has to be called."""
    if hint in NUMBERS:
        return frozenset(NUMBERS[hint][:-1])
    return frozenset((hint,)) if hint in (str, bytes) or _is_enum(hint) else frozenset()


def _is_enum(hint: Any) -> bool:
    return isinstance(hint, type) and issubclass(hint, Enum) and name_of(hint) is not None


def _number(hint: type) -> Check:
    allowed, simple = NUMBERS[hint], _simple(hint)

    def check(value: Any) -> str:
        # In Python a bool is an integer.
        right = type(value) in simple or (isinstance(value, allowed) and not isinstance(value, bool))
        return "" if right else _message(value, hint)

    return check


def _object(hint: type) -> Check:
    def check(value: Any) -> str:
        if not isinstance(value, hint) or name_of(type(value)) is None:
            return _message(value, hint)
        state, cls = value.__dict__, cast(Any, type(value))
        for name, inner in _field_checks(cls):
            if wrong := inner(state.get(name)):
                return f".{name}{wrong}"
        return ""

    return check


def _union(hint: Any) -> Check:
    options = [check_of(option) for option in get_args(hint)]

    def check(value: Any) -> str:
        wrong = [option(value) for option in options]
        # The longest message is the most specific: a mismatch inside the intended class.
        return "" if "" in wrong else max(wrong, key=len)

    return check


def _literal(hint: Any) -> Check:
    options = get_args(hint)

    def check(value: Any) -> str:
        right = any(type(value) is type(option) and value == option for option in options)
        return "" if right else _message(value, hint)

    return check


def _tuple(hint: Any) -> Check:
    kinds = get_args(hint)
    endless = kinds[-1:] == (Ellipsis,)
    simple = _simple(kinds[0]) if endless else frozenset()
    each = [check_of(kind) for kind in (kinds[:1] if endless else kinds)]

    def check(value: Any) -> str:
        if type(value) is not tuple:
            return _message(value, tuple)
        if not endless and len(value) != len(each):
            return f": got {len(value)} items, expected {len(each)}"
        if simple and simple.issuperset(map(type, value)):
            return ""
        for place, item in enumerate(value):
            if wrong := each[0 if endless else place](item):
                return f"[{place}]{wrong}"
        return ""

    return check


def _collection(hint: Any) -> Check:
    origin, inner = get_origin(hint), check_of(get_args(hint)[0])

    def check(value: Any) -> str:
        if type(value) is not origin:
            return _message(value, origin)
        for place, item in enumerate(value):
            if wrong := inner(item):
                return f"[{place}]{wrong}"
        return ""

    return check


def _mapping(hint: Any) -> Check:
    of_key, of_value = map(check_of, get_args(hint))

    def check(value: Any) -> str:
        if type(value) is not dict:
            return _message(value, dict)
        for place, (key, item) in enumerate(value.items()):
            if wrong := of_key(key):
                return f" key {place}{wrong}"
            if wrong := of_value(item):
                return f"{f'.{key}' if type(key) is str else f' item {place}'}{wrong}"
        return ""

    return check


def _array(hint: Any) -> Check:
    (scalar,) = get_args(get_args(hint)[1])
    # A matrix of features may have single precision: the kind counts, not the size.
    kind = "" if scalar is Any else np.dtype(scalar).kind

    def check(value: Any) -> str:
        if type(value) is not np.ndarray:
            return _message(value, np.ndarray)
        right = not kind or value.dtype.kind == kind
        return "" if right else f": got an array of {value.dtype}, expected {np.dtype(scalar)}"

    return check


def _message(value: Any, expected: Any) -> str:
    wanted = expected.__qualname__ if isinstance(expected, type) else str(expected)
    return f": got {type(value).__module__}.{type(value).__qualname__}, expected {wanted}"


_CHECKS: dict[Any, Callable[[Any], Check]] = {
    Union: _union,
    types.UnionType: _union,
    Literal: _literal,
    tuple: _tuple,
    list: _collection,
    set: _collection,
    frozenset: _collection,
    dict: _mapping,
    collections.abc.Mapping: _mapping,
    np.ndarray: _array,
}

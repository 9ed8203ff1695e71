"""Random values of each type that may be stored, made from the annotations of its fields."""

from __future__ import annotations

import collections.abc
import types
from collections.abc import Callable
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np

from features.engine.buffer import MatrixBuffer
from features.engine.history import History
from features.matrix import FeatureMatrix
from pipeline.store.types import STORABLE, fields_of, type_named

Rng = np.random.Generator

FLOATS = (0.0, -0.0, 1.5, -1e-310, 1e308, float("inf"), float("-inf"), 0.1, 2.0**60)
INTEGERS = (0, -1, 7, 2**53 + 1, 2**63 - 1, 2**63, -(2**63), -(2**200), 10**5000)
TEXTS = ("", "a", "é\0\x7f", '"\\/', "\ud800 half a pair", "long " * 1000, "\U0001f600")
SCALARS = (
    np.float64(-0.0),
    np.float64("nan"),
    np.float32(1.5),
    np.int64(-3),
    np.bool_(True),
    np.str_("é"),
    np.complex128(1j),
    np.datetime64("2020-01-31T12", "us"),
    np.datetime64("NaT", "D"),
    np.timedelta64(5, "s"),
)
DTYPES = ("f8", "f4", "f2", ">f8", "i8", "u1", "?", "c16", "M8[us]", "M8[D]", "m8[ns]", "U3", "S2")


def random_value(hint: Any, rng: Rng) -> Any:
    """Return a random value that an annotation allows."""
    if hint in _SIMPLE:
        return _SIMPLE[hint](rng)
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return random_value(_one(inner, rng), rng)
    if origin is Literal:
        return _one(inner, rng)
    if origin is tuple and inner[-1] is not Ellipsis:
        return tuple(random_value(each, rng) for each in inner)
    if origin in (tuple, list, frozenset):
        return origin(random_value(inner[0], rng) for _ in range(rng.integers(3)))
    if origin in (dict, collections.abc.Mapping):
        return {random_value(inner[0], rng): random_value(inner[1], rng) for _ in range(rng.integers(3))}
    if origin is np.ndarray:
        scalar = get_args(inner[1])[0]
        return random_array(rng, None if scalar is Any else scalar)
    return _random_object(hint, rng)


def random_float(rng: Rng) -> float:
    """Return a usual or an extreme number, or any 64 bits: also NaN with a payload."""
    return float(np.frombuffer(rng.bytes(8))[0]) if rng.random() < 0.5 else _one(FLOATS, rng)


def random_array(rng: Rng, dtype: Any = None) -> np.ndarray:
    """Return an array of any bits, in either order or in none, or read-only."""
    kind = np.dtype(_one(DTYPES, rng) if dtype is None else dtype)
    shape = tuple(int(n) for n in rng.integers(0, 4, rng.integers(4)))
    if kind.kind == "U":
        array = np.full(shape, "é\ud800", kind)
    else:
        content = bytearray(rng.bytes(int(np.prod(shape)) * kind.itemsize))
        if kind.kind == "b":
            content = bytearray(byte & 1 for byte in content)
        array = np.frombuffer(content, kind).reshape(shape)
    layout = rng.integers(4)
    if layout == 1:
        array = np.asfortranarray(array)
    elif layout == 2 and array.ndim:
        array = np.repeat(array, 2, axis=-1)[..., ::2]
    elif layout == 3:
        array.setflags(write=False)
    return array


def random_plain(rng: Rng, depth: int = 3) -> Any:
    """Return whatever an annotation `Any` allows."""
    size = int(rng.integers(4)) if depth else 0

    def inner() -> Any:
        return random_plain(rng, depth - 1)

    def keys() -> list[Any]:
        return [
            _one((random_float(rng), _one(INTEGERS, rng), (1, "a"), f"k{k}", k), rng) for k in range(size)
        ]

    makers: tuple[Callable[[], Any], ...] = (
        lambda: _one((None, True, False), rng),
        lambda: _one(INTEGERS, rng),
        lambda: random_float(rng),
        lambda: _one(TEXTS, rng),
        lambda: rng.bytes(5),
        lambda: _one(SCALARS, rng),
        lambda: random_array(rng),
        lambda: [inner() for _ in range(size)],
        lambda: tuple(inner() for _ in range(size)),
        lambda: {f"key {k}": inner() for k in range(size)},
        lambda: {key: inner() for key in keys()},
        lambda: set(keys()),
        lambda: frozenset(keys()),
        lambda: [inner()] * size,
    )
    return makers[rng.integers(len(makers))]()


_SIMPLE: dict[Any, Callable[[Rng], Any]] = {
    Any: random_plain,
    bool: lambda rng: bool(rng.integers(2)),
    str: lambda rng: _one(TEXTS, rng),
    bytes: lambda rng: rng.bytes(3),
    None: lambda rng: None,
    types.NoneType: lambda rng: None,
    int: lambda rng: _one(INTEGERS, rng),
    float: lambda rng: _one((random_float(rng), np.float64("nan"), 3), rng),
}


def _one(options: Any, rng: Rng) -> Any:
    return options[rng.integers(len(options))]


def _random_object(cls: type, rng: Rng) -> Any:
    if issubclass(cls, Enum):
        return cls(int(rng.integers(2 ** len(cls))))
    concrete = _one([each for each in map(type_named, sorted(STORABLE)) if issubclass(each, cls)], rng)
    fields = {name: random_value(hint, rng) for name, hint in fields_of(concrete).items()}
    if concrete is FeatureMatrix:
        return _matrix(fields, rng)
    if concrete is History:
        fields["seen"] = {"returns": random_array(rng, "f8")}  # inputs of features are numbers
    value = object.__new__(concrete)
    value.__dict__.update(fields)
    return value


def _matrix(fields: dict[str, Any], rng: Rng) -> FeatureMatrix:
    """Return a matrix with reserved columns behind its features and spare rows below."""
    rows, assets, columns, extra = (int(n) for n in rng.integers((1, 1, 1, 0), 4))
    whole = rng.normal(size=(rows + 2, assets, columns + extra)).astype(_one(("f8", "f4"), rng))
    fields |= {"values": whole[:rows, :, :columns], "names": tuple(map(str, range(columns)))}
    return FeatureMatrix(**fields, buffer=MatrixBuffer(whole, rows))

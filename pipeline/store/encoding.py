"""Encoding: a value as JSON, with its arrays next to it in their memory layout.

`None`, true, false, text, numbers and mappings with text as keys are stored directly in JSON. Everything else is a JSON
array that begins with a word: `["tuple", ...]`, `["array", block, ...]`, `["object", type, fields]`.
"""

from __future__ import annotations

import functools
import json
import math
import struct
from collections.abc import Callable
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.store.errors import StorableError
from pipeline.store.types import fields_of, name_of

PLAIN_DTYPES = "biufcmMSU"
"""Kinds of numpy types with items of a fixed number of bytes: no objects and no records."""
LARGEST_INTEGER = 2**63
"""Integers below this are JSON numbers; Python refuses to read decimal numbers of more than 4,300 digits."""
LONG_TEXT = 2048
"""Length from which a text becomes a block, so that pages and models need not be scanned for quotes."""


class Encoder:
    """Turn values into JSON and blocks of bytes.

    Attributes
    ----------
    blocks : list of memoryview
        Contents of arrays and byte strings, not copied where an array is contiguous.
    """

    def __init__(self) -> None:
        self.blocks: list[memoryview] = []
        # An id is valid only while its value is alive.
        self._numbers: dict[int, tuple[int, Any]] = {}

    def encode(self, value: Any, path: str) -> Any:
        """Return the JSON item of a value.

        Parameters
        ----------
        value : object
        path : str
            Location of the value, for error messages.

        Raises
        ------
        StorableError
            If the type of the value or of a part of it must not be stored.
        """
        if _is_json(value):
            return value
        kind = type(value)
        if kind is str:
            return ["text", self._block(memoryview(to_bytes(value)))]
        if kind is int:
            return ["int", hex(value)]
        if kind is float:
            return ["float", struct.pack(">d", value).hex()]
        if kind is tuple:
            return ["tuple", *self._items(value, path)]
        if kind is bytes:
            return ["bytes", self._block(memoryview(value))]
        if isinstance(value, np.generic):
            return ["scalar", _descr(value.dtype, path), value.tobytes().hex()]
        if kind is np.ndarray or isinstance(value, Enum):
            return self._once(value, path)
        return _CONTAINERS.get(kind, Encoder._object)(self, value, path)

    def _once(self, value: Any, path: str) -> Any:
        """Encode an array or a member of an enumeration; the second time, refer to the first.

        Containers are never referred to: nested references would let a small file stand for a value of exponential
        size.
        """
        if id(value) in self._numbers:
            return ["same", self._numbers[id(value)][0]]
        self._numbers[id(value)] = len(self._numbers), value
        if isinstance(value, Enum):
            return ["enum", _name(value, path), self.encode(value.value, path)]
        return self._array(value, path)

    def _dict(self, value: dict[Any, Any], path: str) -> Any:
        if all(type(key) is str for key in value):
            return self._fields(value, path)
        pairs = [
            [self.encode(key, f"{path} key {place}"), self.encode(item, f"{path} item {place}")]
            for place, (key, item) in enumerate(value.items())
        ]
        return ["dict", *pairs]

    def _list(self, value: list[Any], path: str) -> Any:
        return ["list", *self._items(value, path)]

    def _set(self, value: set[Any] | frozenset[Any], path: str) -> Any:
        # Python orders sets by salted hashes: the same set must give the same file.
        items = sorted(value, key=lambda item: to_text(Encoder().encode(item, path)))
        return [type(value).__name__, *self._items(items, path)]

    def _items(self, values: Any, path: str) -> list[Any]:
        return [
            item if _is_json(item) else self.encode(item, f"{path}[{place}]")
            for place, item in enumerate(values)
        ]

    def _fields(self, values: dict[str, Any], path: str) -> dict[str, Any]:
        return {
            key: item if _is_json(item) else self.encode(item, f"{path}.{key}")
            for key, item in values.items()
        }

    def _array(self, value: NDArray[Any], path: str) -> Any:
        descr = _descr(value.dtype, path)
        fortran = value.flags.f_contiguous and not value.flags.c_contiguous
        # Only an array that is contiguous in neither order is copied.
        flat = np.ascontiguousarray((value.T if fortran else value).reshape(-1))
        block = self._block(flat.view(np.uint8).data)
        order = "F" if fortran else "C"
        return ["array", block, descr, list(value.shape), order, bool(value.flags.writeable)]

    def _object(self, value: Any, path: str) -> Any:
        name, state = _name(value, path), _state(value, path)
        return ["object", name, self._fields(state, path)]

    def _block(self, content: memoryview) -> int:
        self.blocks.append(content)
        return len(self.blocks) - 1


_CONTAINERS: dict[type, Callable[[Encoder, Any, str], Any]] = {
    dict: Encoder._dict,
    list: Encoder._list,
    set: Encoder._set,
    frozenset: Encoder._set,
}


def _is_json(value: Any) -> bool:
    """Whether JSON holds a value directly; for most values this saves building the text of their path."""
    kind: type = type(value)
    if kind is float:
        return math.isfinite(value)
    if kind is str:
        return len(value) < LONG_TEXT
    if kind is int:
        return bool(-LARGEST_INTEGER < value < LARGEST_INTEGER)
    return value is None or kind is bool


def _name(value: Any, path: str) -> str:
    cls = type(value)
    name = name_of(cls)
    if name is None:
        raise StorableError(
            f"{path}: the type {cls.__module__}.{cls.__qualname__} cannot be stored: use plain values and arrays, or "
            "list its name in pipeline/store/types.py"
        )
    return name


def _state(value: Any, path: str) -> dict[str, Any]:
    """Return the stored fields of an object, from its `__getstate__` if it has one."""
    cls = type(value)
    own = cls.__dict__.get("__getstate__")
    state = dict(value.__dict__) if own is None else own(value)
    fields = fields_of(cls)
    computed = [key for key in state if isinstance(getattr(cls, key, None), functools.cached_property)]
    unknown = sorted(state.keys() - fields.keys() - set(computed))
    missing = sorted(fields.keys() - state.keys())
    if unknown or missing:
        raise StorableError(
            f"{path}: attributes of {cls.__qualname__} without an annotation: {', '.join(unknown) or 'none'}; "
            f"annotated and not there: {', '.join(missing) or 'none'}"
        )
    return {key: item for key, item in state.items() if key in fields}


def _descr(dtype: np.dtype[Any], path: str) -> str:
    """Return the description of a plain numpy type, as in the header of a .npy file."""
    if dtype.kind not in PLAIN_DTYPES or dtype.itemsize == 0:
        raise StorableError(f"{path}: an array of {dtype} cannot be stored: use numbers, or a list of text")
    return dtype.str


def to_bytes(text: str) -> bytes:
    """Return UTF-8, including lone surrogates, which Python's text may hold."""
    return text.encode("utf-8", "surrogatepass")


def to_text(encoded: Any) -> bytes:
    """Return JSON as ASCII, which can represent every Python string, including lone surrogates."""
    return json.dumps(encoded, allow_nan=False, separators=(",", ":"), check_circular=False).encode("ascii")

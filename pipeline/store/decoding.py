"""Decoding: values from the output of `encoding.py`. It executes no code from a file, and creates only listed types.

Objects are created without calling their class: a constructor accepted their fields before they were stored, and the
caller compares them with the annotations. Only `__setstate__` of a listed class is called, if it has one.
"""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Callable, Collection, Sequence
from enum import Enum
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from pipeline.store.encoding import LARGEST_INTEGER
from pipeline.store.errors import DamagedError
from pipeline.store.types import fields_of, type_named

_DTYPE = re.compile(r"[<>|][biufcmMSU][1-9]\d{0,9}(\[\d{0,9}[a-zA-Z]{1,2}\])?")
_LONGEST_INTEGER = len(str(-LARGEST_INTEGER))
"""Maximum number of characters of a JSON integer. Larger ones are stored as hexadecimal digits, read in linear time."""
_MOST_DIMENSIONS = 64
"""Maximum number of dimensions in numpy."""
_FEW = 100
"""Number of keys up to which equal hashes do no harm."""
_ATOMS = frozenset((str, int, float, bool, type(None)))
"""Types that JSON holds directly."""


class Decoder:
    """Turn JSON and blocks of bytes into values.

    Parameters
    ----------
    blocks : sequence of memoryview
        Arrays are views of them. Each is used once: many references to one could let a small file fill the memory.
    """

    def __init__(self, blocks: Sequence[memoryview]) -> None:
        self._blocks = dict(enumerate(blocks))
        self._shared: list[Any] = []

    def decode(self, encoded: Any) -> Any:
        """Return the value of an encoded item.

        Raises
        ------
        DamagedError, TypeError, ValueError, LookupError, AttributeError, RecursionError
            If the item is invalid.
        """
        if isinstance(encoded, dict):
            return {key: item if type(item) in _ATOMS else self.decode(item) for key, item in encoded.items()}
        if type(encoded) in _ATOMS:
            return encoded
        return _KINDS[encoded[0]](self, *encoded[1:])

    def _same(self, number: int) -> Any:
        return self._shared[_size(number)]

    def _items(self, *encoded: Any) -> list[Any]:
        # Most items are numbers and text: calling a function for each would dominate the time.
        return [item if type(item) in _ATOMS else self.decode(item) for item in encoded]

    def _dict(self, *pairs: Any) -> dict[Any, Any]:
        decoded = [(self.decode(key), self.decode(item)) for key, item in pairs]
        _check_hashes([key for key, _ in decoded])
        return dict(decoded)

    def _set(self, *encoded: Any) -> set[Any]:
        items = self._items(*encoded)
        _check_hashes(items)
        return set(items)

    def _bytes(self, block: int) -> bytes:
        return bytes(self._blocks.pop(block))

    def _text(self, block: int) -> str:
        return str(self._blocks.pop(block), "utf-8", "surrogatepass")

    def _array(self, block: int, descr: str, shape: list[int], order: str, writeable: bool) -> NDArray[Any]:
        content, dtype = self._blocks.pop(block), _dtype(descr)
        if len(shape) > _MOST_DIMENSIONS:
            raise DamagedError(f"an array of {len(shape)} dimensions")
        # Compared before any allocation: a forged shape takes no memory.
        if math.prod(map(_size, shape)) * dtype.itemsize != len(content) or order not in ("C", "F"):
            raise DamagedError(f"an array of shape {shape!r:.100} is not in its block")
        array: NDArray[Any] = np.ndarray(tuple(shape), dtype, content, order="F" if order == "F" else "C")
        array.setflags(write=bool(writeable))
        self._shared.append(array)
        return array

    def _scalar(self, descr: str, digits: str) -> Any:
        content, dtype = bytes.fromhex(digits), _dtype(descr)
        if len(content) != dtype.itemsize:
            raise DamagedError(f"a number of {dtype} has {len(content)} bytes")
        return np.frombuffer(content, dtype)[0]

    def _enum(self, name: str, value: Any) -> Any:
        cls = type_named(name)
        if not issubclass(cls, Enum):
            raise DamagedError(f"{name} is no enumeration")
        self._shared.append(cls(self.decode(value)))
        return self._shared[-1]

    def _object(self, name: str, encoded: dict[str, Any]) -> Any:
        cls = type_named(name)
        if issubclass(cls, Enum) or encoded.keys() != fields_of(cls).keys():
            raise DamagedError(f"{name} has other fields")
        state = {key: self.decode(item) for key, item in encoded.items()}
        value = object.__new__(cls)
        own = cls.__dict__.get("__setstate__")
        if own is None:
            value.__dict__.update(state)
        else:
            own(value, state)
        return value


_KINDS: dict[str, Callable[..., Any]] = {
    "tuple": lambda decoder, *items: tuple(decoder._items(*items)),
    "list": Decoder._items,
    "dict": Decoder._dict,
    "set": Decoder._set,
    "frozenset": lambda decoder, *items: frozenset(decoder._set(*items)),
    "int": lambda decoder, digits: int(digits, 16),
    "float": lambda decoder, digits: struct.unpack(">d", bytes.fromhex(digits))[0],
    "bytes": Decoder._bytes,
    "text": Decoder._text,
    "scalar": Decoder._scalar,
    "array": Decoder._array,
    "enum": Decoder._enum,
    "same": Decoder._same,
    "object": Decoder._object,
}


def _size(value: Any) -> int:
    """Return a non-negative integer: a number of items or the length of a dimension."""
    if type(value) is not int or not 0 <= value < LARGEST_INTEGER:
        raise DamagedError(f"{value!r:.100} is no number of anything")
    return value


def _check_hashes(keys: Collection[Any]) -> None:
    """Refuse keys chosen to have equal hashes: building a set or a dict of them takes quadratic time."""
    if len(keys) > _FEW and len(set(map(hash, keys))) < len(keys) // 2:
        raise DamagedError(f"{len(keys)} keys with the same hash")


def _dtype(descr: str) -> np.dtype[Any]:
    if not _DTYPE.fullmatch(descr):
        raise DamagedError(f"{descr!r:.100} is no plain type of an array")
    return np.dtype(descr)


def from_text(text: memoryview) -> Any:
    """Return JSON from ASCII; NaN and infinity, which JSON does not have, are refused."""
    return json.loads(str(text, "ascii"), parse_constant=_refuse, parse_int=_integer)


def _integer(digits: str) -> int:
    # Reading decimal digits takes quadratic time.
    if len(digits) > _LONGEST_INTEGER:
        raise DamagedError(f"an integer of {len(digits)} digits")
    return int(digits)


def _refuse(word: str) -> NoReturn:
    raise DamagedError(f"{word} is no number in JSON")

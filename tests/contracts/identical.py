"""Whether two values are the same in every bit, type and order: what a stored value is held to."""

from __future__ import annotations

import pickle
import struct
from enum import Enum
from typing import Any

import numpy as np


def difference(left: Any, right: Any, path: str = "value") -> str:
    """Return where two values differ first and how; empty if they do not.

    Objects are compared by what they hand to `pickle`, which leaves out locks and spare memory.
    """
    if type(left) is not type(right):
        return f"{path}: {type(left)} and {type(right)}"
    if isinstance(left, np.ndarray):
        return _of_arrays(left, right, path)
    if isinstance(left, np.generic):
        same = left.dtype == right.dtype and left.tobytes() == right.tobytes()
    elif isinstance(left, float):
        same = struct.pack("<d", left) == struct.pack("<d", right)
    elif isinstance(left, tuple | list):
        return _first(
            [difference(len(left), len(right), f"{path} length")]
            + [difference(a, b, f"{path}[{k}]") for k, (a, b) in enumerate(zip(left, right, strict=False))]
        )
    elif isinstance(left, dict):
        return _first(
            [difference(list(left), list(right), f"{path} keys")]
            + [
                difference(a, b, f"{path} item {k}")
                for k, (a, b) in enumerate(zip(left.values(), right.values(), strict=False))
            ]
        )
    elif isinstance(left, Enum):
        same = left is right
    elif isinstance(left, (str, bytes, int, type(None), set, frozenset)):
        same = left == right
    else:
        return difference(left.__getstate__(), right.__getstate__(), path)
    return "" if same else f"{path}: other values of {type(left)}"


def _of_arrays(left: Any, right: Any, path: str) -> str:
    # In which order an array comes back that is contiguous in none, or has strides of no meaning, pickle says.
    given = pickle.loads(pickle.dumps(left))
    for what in ("dtype", "shape"):
        if getattr(left, what) != getattr(right, what):
            return f"{path}.{what}: {getattr(left, what)} and {getattr(right, what)}"
    if left.size and given.strides != right.strides:
        return f"{path}.strides: {given.strides} and {right.strides}"
    if left.flags.writeable != right.flags.writeable:
        return f"{path}: writeable {left.flags.writeable} and {right.flags.writeable}"
    return "" if left.tobytes() == right.tobytes() else f"{path}: other bits"


def _first(found: list[str]) -> str:
    return next((text for text in found if text), "")

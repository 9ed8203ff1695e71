"""Results that several features of a tile share: the moments of one window, its quantiles, its trend.

A feature calls a function through `cached`. Within one tile the first call computes, and later calls return the same
read-only arrays. Outside of tiles every call computes. The key of a result is the function, the memory of its array
arguments and the values of its other arguments, so that features need not know of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import numpy as np

_R = TypeVar("_R")
_Cache = dict[tuple[object, ...], tuple[object, object]]

_CACHE: ContextVar[_Cache | None] = ContextVar("found", default=None)


@contextmanager
def share_results() -> Iterator[None]:
    """Let the features computed within this block, in this thread, share the results of `cached`."""
    token = _CACHE.set({})
    try:
        yield
    finally:
        _CACHE.reset(token)


def cached(function: Callable[..., _R], *arguments: object) -> _R:
    """Return `function(*arguments)`, computed once per tile.

    Parameters
    ----------
    function : callable
        Defined in a module; its result depends on its arguments alone, and is an array or a tuple of arrays.
    *arguments : ndarray, int, float, str or tuple
        A result is shared only if all arrays are read-only, as inputs of features are; others may change.

    Returns
    -------
    ndarray or tuple of ndarray
        Read-only.
    """
    cache = _CACHE.get()
    fixed = all(not a.flags.writeable for a in arguments if isinstance(a, np.ndarray))
    if cache is None or not fixed:
        return _frozen(function(*arguments))
    key = (function, *map(_identity, arguments))
    if key not in cache:
        # The arguments are kept too: freed memory could be reused for other values.
        cache[key] = (_frozen(function(*arguments)), arguments)
    return cache[key][0]  # type: ignore[return-value]


def _identity(argument: object) -> object:
    """Return the key of an argument: of an array, its memory address, shape and strides."""
    if isinstance(argument, np.ndarray):
        return argument.__array_interface__["data"][0], argument.shape, argument.strides
    return argument


def _frozen(result: _R) -> _R:
    """Return a result whose arrays cannot be written to."""
    for array in result if isinstance(result, tuple) else (result,):
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return result

"""What several features of a tile are made of is computed once: the moments of one window, its quantiles, its trend.

A feature says so by calling a function through `cached`. Within one tile the first call computes, the others get the
same arrays; outside of tiles every call computes. What is shared is read-only, and is known by the function, by the
very memory of its arrays and by its other arguments, never by a name, so that features need not know of each other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

import numpy as np

R = TypeVar("R")
_Cache = dict[tuple[object, ...], tuple[object, object]]

_CACHE: ContextVar[_Cache | None] = ContextVar("found", default=None)


@contextmanager
def share_results() -> Iterator[None]:
    """Let the features computed within this block, in this thread, share what they compute by `cached`."""
    token = _CACHE.set({})
    try:
        yield
    finally:
        _CACHE.reset(token)


def cached(function: Callable[..., R], *arguments: object) -> R:
    """Return `function(*arguments)`, computed once for all who ask for it in a tile.

    Parameters
    ----------
    function : callable
        A function of its arguments alone, defined in a module; it returns an array or a tuple of arrays.
    *arguments : ndarray, int, float, str or tuple
        Only where all arrays are read-only, as inputs of features are, is anything shared: others may change.

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
        # The arguments are kept, too: memory that was given back could come again with other values.
        cache[key] = (_frozen(function(*arguments)), arguments)
    return cache[key][0]  # type: ignore[return-value]


def _identity(argument: object) -> object:
    """Return what tells an argument from others: of an array, where it lies."""
    if isinstance(argument, np.ndarray):
        return argument.__array_interface__["data"][0], argument.shape, argument.strides
    return argument


def _frozen(result: R) -> R:
    """Return a result whose arrays cannot be written to."""
    for array in result if isinstance(result, tuple) else (result,):
        if isinstance(array, np.ndarray):
            array.setflags(write=False)
    return result

"""Batches: items that travel to a worker together, and the errors that come back."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

from joblib.externals.loky.backend.reduction import dumps

from foundation.threads import one_thread

S = TypeVar("S")
_Item = TypeVar("_Item")
Result = TypeVar("Result")
BATCHES = 8
"""Batches for each worker: folds differ in size, and few large batches would leave workers idle at the end."""


def split_batches(items: Sequence[_Item], workers: int) -> list[Sequence[_Item]]:
    """Cut the items into a few consecutive batches for each worker, as even as can be."""
    count = min(len(items), BATCHES * workers)
    edges = [i * len(items) // count for i in range(count + 1)] if count else []
    return [items[start:stop] for start, stop in pairwise(edges)]


def run_batch(
    function: Callable[[S, _Item], Result], shared: S, batch: Sequence[_Item]
) -> list[Result] | BaseException:
    """Compute a batch in a worker; return its error instead of raising, unlike a failure of the worker."""
    # For good: another thread of this worker may be computing when this batch ends. With one thread, sums are
    # made in the same order on any machine.
    one_thread()
    try:
        return [function(shared, item) for item in batch]
    except Exception as error:  # noqa: BLE001 (raised again where the results are read)
        error.add_note(f"In a worker:\n{traceback.format_exc()}")
        return _make_sendable(error)


def _make_sendable(error: Exception) -> Exception:
    """Return the error, or a RuntimeError with its text if it cannot be unpickled in another process.

    An error whose `__init__` takes two arguments and passes one on cannot. Unpickling it would look like the death of
    the worker.
    """
    try:
        pickle.loads(dumps(error))  # noqa: S301 (what was written here)
    except Exception:  # noqa: BLE001 (anything may be raised by code that is not ours)
        substitute = RuntimeError(f"{type(error).__module__}.{type(error).__qualname__}: {error}")
        substitute.__notes__ = list(error.__notes__)
        return substitute
    return error


def unwrap_batch(answer: Any) -> Iterator[Any]:
    """Yield the results of a batch, or raise the error of its function."""
    if isinstance(answer, BaseException):
        raise answer
    yield from answer

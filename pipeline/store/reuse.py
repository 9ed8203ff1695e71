"""Reuse: what becomes of an error in work that goes on from stored results."""

from __future__ import annotations

import functools
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from pipeline.errors import USER_ERRORS, RunError
from pipeline.store.store import Store

P = ParamSpec("P")
R = TypeVar("R")


class _UsesStore(Protocol):
    store: Store


S = TypeVar("S", bound=_UsesStore)


@contextmanager
def explain_reuse(store: Store) -> Iterator[None]:
    """Turn an unforeseen error into one message, if results were taken from the store before.

    A result that was changed with care, digest and all, has the right types and can still hold numbers that no run
    makes, rows that the data do not have for instance. Without stored results an unforeseen error is one of the code
    and stays as it is: `--fresh` shows it.

    Raises
    ------
    RunError
        In the place of any error that is not the user's nor the operating system's.
    """
    try:
        yield
    except (*USER_ERRORS, OSError):
        raise
    except Exception as error:
        if not store.reused:
            raise
        raise RunError(
            f"{_describe(error)}. Results in {store.folder} were used ({', '.join(sorted(store.reused))}) and may have "
            "been changed since they were stored: run again with --fresh, or remove that folder. If the error "
            "stays, it is one of Tangency"
        ) from error


def explained(method: Callable[Concatenate[S, P], R]) -> Callable[Concatenate[S, P], R]:
    """Return a method of something with a store that raises errors as `explain_reuse` does."""

    @functools.wraps(method)
    def guarded(self: S, /, *args: P.args, **kwargs: P.kwargs) -> R:
        with explain_reuse(self.store):
            return method(self, *args, **kwargs)

    return guarded


def _describe(error: Exception) -> str:
    """Return an error and the place where it was raised."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}, line {last.lineno}: {error!s:.200}".rstrip(
        ": "
    )

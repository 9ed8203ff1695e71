"""Reuse: explain errors in work that continues from stored results."""

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
    """Turn an unexpected error into one message if stored results were used before.

    A result that was edited deliberately, including its digest, has the right types but may hold numbers that no run
    produces, such as rows that the data do not have. Without stored results an unexpected error is a mistake in the
    code and is raised unchanged; `--fresh` shows it.

    Raises
    ------
    RunError
        In place of any error that is caused neither by the user nor by the operating system.
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
    """Return a method, of an object with a store, that raises errors as `explain_reuse` does."""

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

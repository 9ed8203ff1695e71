"""Retries with growing waits, for sources that fail for a while."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TypeVar

from foundation.counts import format_count
from market.errors import UnreachableError

LONGEST_WAIT = 120.0
"""Seconds that a server may ask to wait; for a longer time the source counts as not reachable."""
_FIRST_WAIT = 0.5

T = TypeVar("T")


class TemporaryError(Exception):
    """An attempt failed for a reason that may pass.

    Attributes
    ----------
    wait : float or None
        Seconds that the server asks to wait.
    """

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def retry(
    label: str, attempts: int, action: Callable[[], T], sleep: Callable[[float], None] = time.sleep
) -> T:
    """Return the result of an action, tried again after a `TemporaryError`.

    The waits double from half a second, with a random part so that many clients do not return at once. If the server
    names a time, that is waited.

    Raises
    ------
    UnreachableError
        If all attempts fail, or the server asks to wait for more than `LONGEST_WAIT`.
    """
    for attempt in range(1, attempts + 1):
        try:
            return action()
        except TemporaryError as error:
            wait = _FIRST_WAIT * 2 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311 (no secret)
            if error.wait is not None:
                wait = max(wait, error.wait)
            if attempt == attempts or wait > LONGEST_WAIT:
                asked = f"; it asks to wait for {error.wait:.0f} s" if error.wait else ""
                tried = f" (tried {format_count(attempt, 'time')}{asked})"
                raise UnreachableError(f"{label}: cannot be reached: {error}{tried}") from error
            sleep(wait)
    raise UnreachableError(f"{label}: no attempt was allowed")

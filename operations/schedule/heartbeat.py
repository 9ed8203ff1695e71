"""Beat: do something small every few seconds in a thread, while the work goes on."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from operations.errors import OperationsError


class Heartbeat:
    """A block during which `action` is called again and again, until it returns False.

    A file that is held by others or full for a while does not end it: the next beat tries again, and what depends on
    the beats sees their age.

    Parameters
    ----------
    every : float
        Seconds between calls.
    action : callable
        Called in a thread of its own: it opens what it needs itself.

    Attributes
    ----------
    over : bool
        Whether the action has returned False.
    """

    def __init__(self, every: float, action: Callable[[], bool]) -> None:
        self.every = every
        self.action = action
        self.over = False
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True, name="beat")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()

    def _go_on(self) -> None:
        while not self.over and not self._stop.wait(self.every):
            try:
                self.over = not self.action()
            except (OperationsError, sqlite3.Error, OSError):
                continue

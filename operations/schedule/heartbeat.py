"""Heartbeat: call a function every few seconds in a thread while other work runs."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self

from operations.errors import OperationsError


class Heartbeat:
    """Context manager that calls `action` at regular intervals until it returns False.

    A locked file or a full disk does not stop the heartbeat: the next call tries again. Readers judge a heartbeat by
    its age.

    Parameters
    ----------
    every : float
        Seconds between calls.
    action : callable
        Called in a separate thread, so it must open its own connections.

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

"""Stopping: signals that interrupt what is done, as Ctrl-C does."""

from __future__ import annotations

import atexit
import signal
from collections.abc import Iterable

STOPPING = (signal.SIGTERM, signal.SIGINT)
"""Signals that ask a process to end."""


def interrupt_once(signals: Iterable[signal.Signals]) -> None:
    """Let signals interrupt what is done, once: what is tidied up then is undisturbed by a second one."""
    signals, told = tuple(signals), False

    def interrupt(*_: object) -> None:
        nonlocal told
        if not told:
            told = True
            raise KeyboardInterrupt

    for number in signals:
        signal.signal(number, interrupt)
    # An interpreter that ends puts the default back, and a signal that came so late would look like a crash.
    atexit.register(lambda: [signal.signal(number, signal.SIG_IGN) for number in signals])

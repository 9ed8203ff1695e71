"""Commands of Tangency as child processes, so that their failure does not end a watch."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO

COMMAND = (sys.executable, "-m", "operations")
_WAIT = 0.2
_GRACE = 30.0
"""Seconds that an interrupted child may take to end."""


def run_command(
    arguments: Sequence[str], log: Callable[[str], None], beat: Callable[[], None]
) -> tuple[int, str]:
    """Run a command, and return its exit code and its last line.

    Parameters
    ----------
    arguments : sequence of str
        Name and options of the command.
    log : callable
        Receives each line that it prints.
    beat : callable
        Called several times a second while it runs. If it raises, or a signal interrupts this process, the child is
        interrupted too.
    """
    child = subprocess.Popen(  # noqa: S603 (our own command)
        [*COMMAND, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,  # Ctrl-C reaches this process alone, which passes it on
    )
    lines: list[str] = []
    stopped = threading.Event()

    def copy(output: IO[bytes]) -> None:
        for line in output:
            lines.append(line.decode(errors="replace").rstrip("\n"))
            if not stopped.is_set():
                log(lines[-1])

    assert child.stdout is not None  # noqa: S101 (it is a pipe)
    reader = threading.Thread(target=copy, args=(child.stdout,), daemon=True, name="output")
    reader.start()
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                code = child.wait(timeout=_WAIT)
                break
            beat()
    except BaseException:
        stopped.set()  # its message about the interruption is that of this process
        _interrupt(child)
        raise
    reader.join(_GRACE)
    return code, next((line for line in reversed(lines) if line.strip()), "")


def _interrupt(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGINT)
    try:
        child.wait(timeout=_GRACE)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()

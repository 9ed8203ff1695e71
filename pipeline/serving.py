"""Servers in separate processes, which end together with the command that started them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from pipeline.stopping import STOPPING, interrupt_once


def serve_until_interrupted(command: list[str], environment: Mapping[str, str]) -> None:
    """Run a server until it ends, or until the user or the system interrupts it; then exit with its exit code."""
    # A service manager sends SIGTERM only to the process that it started.
    # Ctrl-C is the normal way to end a server, not an interruption of work that could be resumed.
    interrupt_once(STOPPING)
    server = subprocess.Popen(command, env=environment)  # noqa: S603 (our own interpreter)
    try:
        sys.exit(server.wait())
    except KeyboardInterrupt:
        server.terminate()
        server.wait()

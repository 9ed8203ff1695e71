"""Servers in processes of their own: they end when the command that started them is told to."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping

from pipeline.stopping import STOPPING, interrupt_once


def serve_until_interrupted(command: list[str], environment: Mapping[str, str]) -> None:
    """Run a server until it ends, or until the user or the system wants it to; then leave with its exit code."""
    # Whoever stops a service sends SIGTERM to the process that was started, and to no other.
    # Ctrl-C is how a user ends a server: it is no interruption of something that could go on.
    interrupt_once(STOPPING)
    server = subprocess.Popen(command, env=environment)  # noqa: S603 (our own interpreter)
    try:
        sys.exit(server.wait())
    except KeyboardInterrupt:
        server.terminate()
        server.wait()

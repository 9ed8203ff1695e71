"""A log that several processes write, and that never grows beyond a few files."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.files import explain

LIMIT = 1_000_000
"""Bytes after which a new file is begun."""
KEPT = 5
"""Number of full files that are kept."""
PATIENCE = 5.0
"""Seconds for which another process may hold the log; then a line is added without it."""


class RotatingLog:
    """A file of lines, each with its time and process.

    When it is full it is renamed to `.1`, what had that name to `.2`, and so on; the oldest one is lost.

    Any number of processes may write: one at a time begins a new file, and a line is added in one step. A log that
    cannot be written stops nothing; it says so once on standard error.

    Parameters
    ----------
    path : Path
    limit : int
        Bytes after which a new file is begun.
    kept : int
        Number of full files that are kept; with the one that is written they take (kept + 1) times `limit`.
    """

    def __init__(self, path: Path, limit: int = LIMIT, kept: int = KEPT) -> None:
        self.path = path
        self.limit = limit
        self.kept = kept
        self._failed = False

    def write(self, text: str, now: dt.datetime) -> None:
        """Add a text with the time; each further line of it is indented."""
        content = f"{now:%Y-%m-%d %H:%M:%S} {os.getpid():>7}  " + text.replace("\n", "\n    ") + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=PATIENCE):
                    self._rotate(len(content.encode()))
                    self._add(content)
            except Timeout:
                self._add(content)
        except OSError as error:
            if not self._failed:
                print(f"the log cannot be written: {explain(error)}", file=sys.stderr, flush=True)
            self._failed = True

    def _rotate(self, size: int) -> None:
        """Begin a new file if this one would become too large; the oldest one goes."""
        if not self.path.exists() or self.path.stat().st_size + size <= self.limit:
            return
        for number in range(self.kept, 0, -1):
            newer = self._numbered(number - 1) if number > 1 else self.path
            if newer.exists():
                newer.replace(self._numbered(number))

    def _add(self, content: str) -> None:
        # A named pipe that nobody reads fails at once with O_NONBLOCK; without it the scheduler would wait.
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
        try:
            os.write(handle, content.encode())
        finally:
            os.close(handle)

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

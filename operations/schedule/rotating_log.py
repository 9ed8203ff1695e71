"""A rotating log that several processes may write."""

from __future__ import annotations

import datetime as dt
import os
import sys
from pathlib import Path

from filelock import FileLock, Timeout

from pipeline.files import explain

LIMIT = 1_000_000
"""Bytes after which a new file is started."""
KEPT = 5
"""Number of full files that are kept."""
PATIENCE = 5.0
"""Seconds to wait for the lock of the log; after that a line is appended without the lock."""


class RotatingLog:
    """A file of lines, each with its time and process.

    A full file is renamed to `.1`, the previous `.1` to `.2`, and so on; the oldest file is deleted.

    Any number of processes may write. Rotation is locked, and each line is appended in a single write. If the log
    cannot be written, work continues, and one message goes to standard error.

    Parameters
    ----------
    path : Path
    limit : int
        Bytes after which a new file is started.
    kept : int
        Number of full files to keep; with the current file they take at most (kept + 1) times `limit`.
    """

    def __init__(self, path: Path, limit: int = LIMIT, kept: int = KEPT) -> None:
        self.path = path
        self.limit = limit
        self.kept = kept
        self._failed = False

    def write(self, text: str, now: dt.datetime) -> None:
        """Append a text with the time; further lines of the text are indented."""
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
        """Start a new file if this one would exceed the limit; delete the oldest one."""
        if not self.path.exists() or self.path.stat().st_size + size <= self.limit:
            return
        for number in range(self.kept, 0, -1):
            newer = self._numbered(number - 1) if number > 1 else self.path
            if newer.exists():
                newer.replace(self._numbered(number))

    def _add(self, content: str) -> None:
        # With O_NONBLOCK, opening a named pipe without a reader fails at once; otherwise the scheduler would block.
        handle = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK, 0o600)
        try:
            os.write(handle, content.encode())
        finally:
            os.close(handle)

    def _numbered(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

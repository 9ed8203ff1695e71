"""Partial files and folders: files being written under a hidden name, and those left by killed processes.

The writer holds a lock on the file, which the operating system releases when the process ends. A partial file that can
be locked therefore has no writer, and the next writer in its folder removes it.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

PREFIX = ".partial-"
_NAME = re.compile(re.escape(PREFIX) + r"[a-z0-9_]{8}")
"""Names as `tempfile` makes them; other hidden files do not belong to this module."""


@contextmanager
def partial_file(folder: Path) -> Iterator[tuple[IO[bytes], Path]]:
    """Yield a new locked file in a folder; it is removed at the end unless it was renamed.

    Parameters
    ----------
    folder : Path

    Yields
    ------
    tuple of file and Path
        Open for writing, with a buffer that the caller must flush.
    """
    while True:
        handle, name = tempfile.mkstemp(dir=folder, prefix=PREFIX)
        # Between the two steps another process may have removed it as a leftover.
        if _lock(handle) is not False and os.fstat(handle).st_nlink:
            break
        os.close(handle)
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file, path
    except BaseException:
        with suppress(OSError):
            path.unlink(missing_ok=True)
        raise


@contextmanager
def partial_folder(folder: Path) -> Iterator[Path]:
    """Yield a new locked folder in a folder; it is removed if an error ends the block."""
    while True:
        path = Path(tempfile.mkdtemp(dir=folder, prefix=PREFIX))
        handle = _open(path)
        if handle is not None and _lock(handle) is not False and path.exists():
            break
        if handle is not None:
            os.close(handle)
    try:
        yield path
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise
    finally:
        os.close(handle)


def remove_leftovers(folder: Path) -> None:
    """Remove the partial files and folders in a folder that no process is writing.

    Those that cannot be removed, for lack of permission for example, stay; they do no harm.
    """
    with suppress(OSError), os.scandir(folder) as entries:
        names = [entry.path for entry in entries if _NAME.fullmatch(entry.name)]
        for name in names:
            _remove_unused(Path(name))


def _remove_unused(path: Path) -> None:
    handle = _open(path)
    if handle is None:
        return
    try:
        if _lock(handle):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                with suppress(OSError):
                    path.unlink(missing_ok=True)
    finally:
        os.close(handle)


def _open(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:  # already removed, or owned by another user
        return None


def _lock(handle: int) -> bool | None:
    """Lock an open file or folder; False if another process holds the lock, None if the file system has no locks."""
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # then any file may be in use, and none is removed
        return None
    return True

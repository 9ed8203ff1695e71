"""What makes a change survive a power cut, and names the file when it fails."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOT_SYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
"""Errors of file systems that cannot write a folder to the disk on request."""


def sync_folder(folder: Path) -> None:
    """Write a folder's list of names to the disk, so that a file renamed into it keeps its name after a power cut.

    Raises
    ------
    OSError
        Naming the folder.
    """
    with name_in_errors(folder):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        except OSError as error:
            if error.errno not in NOT_SYNCED:
                raise
        finally:
            os.close(handle)


@contextmanager
def name_in_errors(path: Path) -> Iterator[None]:
    """Let each error of the operating system name this path: a failed write names none, a rename a hidden one."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise

"""Durable writes: changes that survive a power cut, with errors that name the file."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOT_SYNCED = (errno.EINVAL, errno.ENOTSUP, errno.EBADF)
"""Errors of file systems that cannot synchronise a folder."""


def sync_folder(folder: Path) -> None:
    """Write a folder's list of names to the disk, so that a file renamed into it keeps its name after a power cut.

    Raises
    ------
    OSError
        Names the folder.
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
    """Put this path into each error of the operating system: a failed write names no file, a rename the hidden one."""
    try:
        yield
    except OSError as error:
        error.filename, error.filename2 = str(path), None
        raise

"""Regular files: read no other kind of file, and never block on one."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.files.durable import name_in_errors

if TYPE_CHECKING:
    from pipeline.errors import FileKindError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
}


def file_kind(mode: int) -> str:
    """Return the name of a file type, such as "a named pipe", from a mode of the operating system."""
    return _KINDS.get(stat.S_IFMT(mode), "a device")


def read_regular(path: Path, limit: int = -1) -> bytes:
    """Return the content of a regular file, or of a link to one.

    Parameters
    ----------
    path : Path
    limit : int
        Maximum number of bytes to read; by default all.

    Raises
    ------
    FileKindError
        If it is not a regular file: reading a named pipe blocks forever, and a device may never end.
    OSError
        Names `path`, if it cannot be read.
    """
    with name_in_errors(path):
        try:
            # Without O_NONBLOCK, opening a named pipe waits for a process that writes to it.
            number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno == errno.ENXIO:  # a socket, or a device without a driver
                check_regular(path)
            raise
        mode = os.fstat(number).st_mode
        if not stat.S_ISREG(mode):
            os.close(number)
            raise _refusal(path, mode)
        with os.fdopen(number, "rb") as file:
            return file.read(limit)


def file_stamp(path: Path) -> tuple[int, ...]:
    """Return values that change when the file changes; empty if the file is missing."""
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_size, status.st_mtime_ns, status.st_ino


def check_regular(path: Path) -> None:
    """Refuse an existing path that is not a regular file, before a library opens it. Nothing is opened here.

    Raises
    ------
    FileKindError
    """
    try:
        mode = path.stat().st_mode
    except OSError:  # missing or not accessible: the code that opens it reports that
        return
    if not stat.S_ISREG(mode):
        raise _refusal(path, mode)


def _refusal(path: Path, mode: int) -> FileKindError:
    from pipeline.errors import FileKindError  # imports numpy, so only in case of an error

    return FileKindError(
        f"{path}: it is {file_kind(mode)}, expected a regular file. Move it away, and restore the file from a copy if "
        "there is one"
    )

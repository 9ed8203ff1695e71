"""Regular files: reading nothing else, and waiting for nothing else that has the name of a file."""

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
    """Return what a mode of the operating system stands for, such as "a named pipe"."""
    return _KINDS.get(stat.S_IFMT(mode), "a device")


def read_regular(path: Path, limit: int = -1) -> bytes:
    """Return the content of a regular file, or of one that a link leads to.

    Parameters
    ----------
    path : Path
    limit : int
        Bytes to read at most; by default all.

    Raises
    ------
    FileKindError
        If it is something else: reading a named pipe waits for ever, and a device may never end.
    OSError
        Naming `path`, if it cannot be read.
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


def check_regular(path: Path) -> None:
    """Refuse what is there and no regular file, before a library opens it. Nothing is opened here.

    Raises
    ------
    FileKindError
    """
    try:
        mode = path.stat().st_mode
    except OSError:  # missing, or not to be seen: whoever opens it says so
        return
    if not stat.S_ISREG(mode):
        raise _refusal(path, mode)


def _refusal(path: Path, mode: int) -> FileKindError:
    from pipeline.errors import FileKindError  # loads numpy: not where all is well

    return FileKindError(
        f"{path}: it is {file_kind(mode)}, expected a regular file. Move it away, and restore the file from a copy if "
        "there is one"
    )

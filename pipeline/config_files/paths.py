"""Paths from the user: check that files can be read or written before the run computes anything."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from pipeline.config_files.text import show_name
from pipeline.errors import ConfigError
from pipeline.files import file_kind, remove_leftovers
from pipeline.files.partial import PREFIX


def input_mistake(path: Path) -> str:
    """Return why a path is not a readable file; "" if it is one. Nothing is opened, so nothing blocks."""
    mode, reason = _mode_of(path)
    if reason:
        return reason
    if mode is None:
        return "it does not exist"
    if not stat.S_ISREG(mode):
        return f"it is {file_kind(mode)}, expected a file"
    return "" if os.access(path, os.R_OK) else "you may not read it"


def output_mistake(path: Path) -> str:
    """Return why a file cannot be written at a path; "" if it can. Its folder is created if it is missing."""
    mode, reason = _mode_of(path)
    if reason:
        return reason
    if mode is not None and not stat.S_ISREG(mode):
        # A file is written to a temporary name and renamed, which would replace a device.
        return f"it is {file_kind(mode)}, expected a file or a new name"
    return _folder_mistake(path.parent)


def _folder_mistake(folder: Path, *, writes: bool = True) -> str:
    """Return why a folder cannot be used or created; "" if it can.

    Parameters
    ----------
    folder : Path
    writes : bool
        Whether files will be written.
    """
    for place in (folder, *folder.parents):
        mode, reason = _mode_of(place)
        if reason:
            return reason
        if mode is None:
            continue
        if not stat.S_ISDIR(mode):
            return f"{show_name(str(place))} is {file_kind(mode)}, expected a folder"
        if writes and not os.access(place, os.W_OK | os.X_OK):
            return f"you may not write to the folder {show_name(str(place))}"
        return _write_mistake(place) if writes else ""
    return ""


def _write_mistake(folder: Path) -> str:
    """Return why no file can be created in a folder; "" if one can. The test file is unnamed where possible.

    Permissions are not enough: a full disk, /proc and a read-only file system also refuse users with permission.
    """
    try:
        with tempfile.TemporaryFile(dir=folder, prefix=PREFIX):
            return ""
    except OSError as error:
        return f"nothing can be written to the folder {show_name(str(folder))}: {error.strerror}"


def check_output_folder(folder: Path, *, writes: bool = True) -> None:
    """Refuse an unusable output folder, and remove partial files left in it by killed processes.

    A command that writes no file would not remove them otherwise.

    Raises
    ------
    ConfigError
    """
    wrong = _folder_mistake(folder, writes=writes)
    if wrong:
        raise ConfigError(f"output: {show_name(str(folder))}: {wrong}")
    if writes:
        remove_leftovers(folder)


def _mode_of(path: Path) -> tuple[int | None, str]:
    """Return the mode of a path's target, or None if it does not exist, and the reason if it cannot be read."""
    try:
        str(path).encode()
        return path.stat().st_mode, ""
    except UnicodeEncodeError:
        return None, "the name is not UTF-8 text"
    except FileNotFoundError:
        return None, ""
    except NotADirectoryError:
        return None, "a part of the path is a file, expected folders"
    except OSError as error:
        return None, str(error.strerror)
    except ValueError:
        return None, "the name contains a NUL character"

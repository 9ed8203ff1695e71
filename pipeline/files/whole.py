"""Writing a file, a folder or a link whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from filelock import FileLock

from pipeline.files.durable import name_in_errors, sync_folder
from pipeline.files.folders import make_folder
from pipeline.files.partial import partial_file, partial_folder, remove_leftovers


def write_whole(path: Path, *blocks: bytes | memoryview) -> None:
    """Write blocks as a file that is either as before or complete, also after a kill, a full disk or a power cut.

    The blocks go to a hidden file beside it, which is written to the disk and renamed. What killed processes left of
    such files in the same folder is removed.

    Parameters
    ----------
    path : Path
        Its folder is made if it is missing.
    *blocks : bytes or memoryview

    Raises
    ------
    OSError
        Naming `path`, if it cannot be written; the file is then as it was.
    """
    with name_in_errors(path):
        make_folder(path.parent)
        remove_leftovers(path.parent)
        with partial_file(path.parent) as (file, hidden):
            file.writelines(blocks)
            file.flush()
            os.fsync(file.fileno())
            hidden.replace(path)
        sync_folder(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes], mode: int = 0o755) -> None:
    """Write a new folder with its files; it appears under its name when all of it is on the disk.

    Parameters
    ----------
    path : Path
        The folder that holds it is made if it is missing.
    files : mapping of str to bytes
        Content by name.
    mode : int
        Permissions of the folder.

    Raises
    ------
    OSError
        Naming `path`, if it cannot be written or is there already.
    """
    with name_in_errors(path):
        make_folder(path.parent)
        remove_leftovers(path.parent)
        with partial_folder(path.parent) as hidden:
            for name, content in files.items():
                with (hidden / name).open("wb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
            with suppress(OSError):  # some file systems have no modes
                hidden.chmod(mode)
            sync_folder(hidden)
            hidden.rename(path)
        sync_folder(path.parent)


def replace_link(link: Path, target: str) -> None:
    """Let a symbolic link point to another folder, in one step: it never points nowhere.

    Parameters
    ----------
    link : Path
    target : str
        Name of a folder beside the link.

    Raises
    ------
    OSError
        Naming `link`, if it cannot be replaced; it is then as it was.
    """
    remove_leftovers(link.parent)  # also where nothing but the link is written this time
    start = f".{link.name}-"
    with name_in_errors(link), FileLock(link.with_name(f".{link.name}.lock")):
        for left in link.parent.glob(f"{start}????????"):
            left.unlink(missing_ok=True)  # of a process that was killed: nobody else holds the lock
        hidden = link.with_name(f"{start}{secrets.token_hex(4)}")
        hidden.symlink_to(target, target_is_directory=True)
        try:
            hidden.replace(link)
        except OSError:
            hidden.unlink(missing_ok=True)
            raise

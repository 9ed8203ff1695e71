"""Atomic writes: a file, a folder or a link is written completely or not at all."""

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
    """Write blocks as a file that is either unchanged or complete, even after a kill, a full disk or a power cut.

    The blocks are written to a hidden file in the same folder, which is synchronised and renamed. Hidden files left by
    killed processes in the folder are removed.

    Parameters
    ----------
    path : Path
        Its folder is created if it is missing.
    *blocks : bytes or memoryview

    Raises
    ------
    OSError
        Names `path`, if it cannot be written; the file is then unchanged.
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


def write_new(path: Path, *blocks: bytes | memoryview) -> None:
    """Write blocks as a new file, which appears when it is complete; an existing file is never touched.

    Parameters
    ----------
    path : Path
        Its folder is created if it is missing.
    *blocks : bytes or memoryview

    Raises
    ------
    OSError
        Names `path`, if it cannot be written; FileExistsError if it exists.
    """
    with name_in_errors(path):
        make_folder(path.parent)
        remove_leftovers(path.parent)
        with partial_file(path.parent) as (file, hidden):
            file.writelines(blocks)
            file.flush()
            os.fsync(file.fileno())
            os.link(hidden, path)  # unlike a renaming, it fails if the name is taken
            hidden.unlink()
        sync_folder(path.parent)


def write_folder(path: Path, files: Mapping[str, bytes], mode: int = 0o755) -> None:
    """Write a new folder with its files; it appears under its name when all of it is on disk.

    Parameters
    ----------
    path : Path
        Its parent folder is created if it is missing.
    files : mapping of str to bytes
        Content by name.
    mode : int
        Permissions of the folder.

    Raises
    ------
    OSError
        Names `path`, if it cannot be written or already exists.
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
    """Point a symbolic link to another folder, in one step.

    Parameters
    ----------
    link : Path
    target : str
        Name of a folder next to the link.

    Raises
    ------
    OSError
        Names `link`, if it cannot be replaced; it is then unchanged.
    """
    remove_leftovers(link.parent)  # also if this command writes only the link
    start = f".{link.name}-"
    with name_in_errors(link), FileLock(link.with_name(f".{link.name}.lock")):
        for left in link.parent.glob(f"{start}????????"):
            left.unlink(missing_ok=True)  # left by a killed process: no other process holds the lock
        hidden = link.with_name(f"{start}{secrets.token_hex(4)}")
        hidden.symlink_to(target, target_is_directory=True)
        try:
            hidden.replace(link)
        except OSError:
            hidden.unlink(missing_ok=True)
            raise

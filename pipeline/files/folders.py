"""Folders that are private to the user."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pipeline.files.durable import sync_folder

PRIVATE = 0o700
"""Mode of new folders: results and holdings are private to the user."""


def make_folder(path: Path) -> None:
    """Create a folder and its missing parents with access for this user only; an existing folder is left unchanged.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        If it cannot be created, or exists and is not a folder.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    path.mkdir(mode=PRIVATE, exist_ok=True)
    sync_folder(path.parent)  # its name must survive a power cut


def is_open_to_all(folder: Path) -> bool:
    """Whether every user of the machine can replace the files in a folder."""
    if os.name == "nt":
        return False  # Windows modes do not show it
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX

"""Folders that are private to the user."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from pipeline.files.durable import sync_folder

PRIVATE = 0o700
"""Mode of each folder that is made: results and holdings are nobody else's business."""


def make_folder(path: Path) -> None:
    """Make a folder and those above it that are missing, open to this user alone; one that exists is left as it is.

    Parameters
    ----------
    path : Path

    Raises
    ------
    OSError
        If it cannot be made, or is something else than a folder.
    """
    if path.is_dir():
        return
    if path.parent != path:
        make_folder(path.parent)
    path.mkdir(mode=PRIVATE, exist_ok=True)
    sync_folder(path.parent)  # its name must survive a loss of power


def is_open_to_all(folder: Path) -> bool:
    """Whether every user of the machine can put other files in the place of those in a folder."""
    if os.name == "nt":
        return False  # modes say nothing there
    try:
        mode = folder.stat().st_mode
    except OSError:
        return False
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX

"""Assembly: the panel of a version from its files, and the files that belong to no version."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd

from market.panel import Panel
from operations.data.long_format import KEY, from_cells
from operations.data.panel_frame import Frame
from operations.data.version import Version
from operations.data.version_files import read_changes, read_content, read_frame


def read_newest_frame(folder: Path, log: Sequence[Version]) -> Frame | None:
    """Return the frame of the newest version, after checking its file and the presence of all older files.

    The content of an older file is checked when it is read.

    Raises
    ------
    LedgerError
        If the newest file was changed, or a file is missing.
    """
    for version in log[:-1]:
        if not (folder / version.file).is_file():
            read_content(folder, version)  # raises the error
    return read_frame(read_content(folder, log[-1])) if log else None


def assemble_panel(folder: Path, log: Sequence[Version]) -> Panel:
    """Assemble the panel of the last of these versions, with the latest value of each cell.

    Raises
    ------
    LedgerError
        If a file was changed or is missing.
    """
    contents = [read_content(folder, version) for version in log]
    said = pd.concat([read_changes(content) for content in contents], ignore_index=True)
    if any(version.kind not in ("first", "append") for version in log):
        # Only revisions and restatements contain a cell a second time.
        said = said[~said.duplicated(KEY, keep="last")]
        said = said[said["change"] != "removed"]
    return from_cells(said, read_frame(contents[-1]))


def find_orphans(folder: Path, log: Sequence[Version]) -> Iterator[Path]:
    """Yield the files to which no version refers."""
    named = {version.file for version in log}
    for path in folder.iterdir() if folder.is_dir() else ():
        if (path.suffix == ".parquet" or path.name.startswith(".partial-")) and path.name not in named:
            yield path

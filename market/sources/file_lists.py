"""Lists of files: what patterns and folders stand for."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from foundation.suggestions import list_names
from market.errors import SourceError
from market.findings import Finding
from market.sources.excel import EXCEL
from market.text.paths import CSV, PARQUET

ENDINGS = (*CSV, *PARQUET, *EXCEL)
_LISTED = tuple(ending for ending in ENDINGS if not ending.startswith(".txt"))
"""Endings of the files that a folder stands for: a text file there may be about the data."""
_OTHERS = (".xls", ".xlsb", ".ods", ".numbers")


def list_files(paths: Sequence[Path]) -> tuple[tuple[Path, ...], tuple[Finding, ...]]:
    """Return the files of paths, folders and patterns, each once.

    A folder stands for its data files, without those of its folders. A pattern (`*`, `?`, `[...]`, `**`) stands for all
    files that it matches. Hidden files and lock files of Excel are left out.

    Parameters
    ----------
    paths : sequence of Path

    Returns
    -------
    files : tuple of Path
        In the order of the paths; those of a folder or pattern by name.
    findings : tuple of Finding
        A note for each folder with files that are not read.

    Raises
    ------
    SourceError
        If a folder or a pattern has no file, or a file is a spreadsheet that is not read.
    """
    found: dict[Path, Path] = {}
    findings: list[Finding] = []
    for path in paths:
        if _is_pattern(path):
            files = _match(path)
        elif stat.S_ISDIR(_mode(path)):
            files, note = _list_folder(path)
            findings += note
        else:
            files = [path]
        for file in files:
            _refuse_other_spreadsheet(file)
            found.setdefault(file.absolute(), file)
    return tuple(found.values()), tuple(findings)


def _is_pattern(path: Path) -> bool:
    return any(sign in str(path) for sign in "*?[") and not _mode(path)


def _mode(path: Path) -> int:
    """Return the mode of what a path names; 0 for nothing, and for a path that no system call takes."""
    try:
        return path.stat().st_mode
    except (OSError, ValueError):
        return 0  # the readers say why


def _match(pattern: Path) -> list[Path]:
    """Return the files that a pattern matches."""
    base = Path(pattern.anchor) if pattern.is_absolute() else Path()
    files = sorted(
        path for path in base.glob(str(pattern.relative_to(base))) if path.is_file() and not _is_hidden(path)
    )
    if not files:
        raise SourceError(f"{pattern}: no file matches this pattern")
    return files


def _list_folder(folder: Path) -> tuple[list[Path], Iterator[Finding]]:
    inside = sorted(path for path in folder.iterdir() if not _is_hidden(path))
    files = [path for path in inside if path.is_file() and path.name.lower().endswith((*_LISTED, *_OTHERS))]
    if not files:
        raise SourceError(
            f"{folder}: is a folder with no file whose name ends in {', '.join(_LISTED)}; for files in folders below it"
            f" write the pattern {folder}/**/*.csv"
        )
    others = [path.name for path in inside if path not in files]
    text = f"{folder}: not read, since not a CSV, Parquet or Excel file: {list_names(others)}"
    return files, (Finding("files left out", "note", None, None, text) for _ in others[:1])


def _is_hidden(path: Path) -> bool:
    return path.name.startswith((".", "~$"))


def _refuse_other_spreadsheet(path: Path) -> None:
    if path.name.lower().endswith(_OTHERS) and _mode(path):
        raise SourceError(f"{path}: this kind of spreadsheet is not read; save it as .xlsx or CSV")

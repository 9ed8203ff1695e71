"""Store: stage results by content hash, so that unchanged stages are not computed again."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from foundation.counts import format_count
from pipeline.files import check_regular, is_open_to_all, make_folder, write_whole
from pipeline.store.archive import pack, read, unpack
from pipeline.store.errors import DamagedError
from pipeline.store.types import STAGES

T = TypeVar("T")

SUFFIX = ".stage"
_PICKLE = re.compile(r"[0-9a-f]{64}\.pickle")


class Store:
    """A folder of results, one file each, written completely or not at all.

    A key covers the inputs, the settings, this project's source and the versions of the libraries, so a stored
    result never comes from other code. Each file holds its stage, its key and a digest: a file that is damaged, of
    another version, or moved in place of another counts as missing and is computed again. Reading a file executes
    no code from it (`archive.py`).

    Parameters
    ----------
    folder : Path
    fresh : bool
        Ignore stored results; new results are still written.

    Attributes
    ----------
    reused : set of str
        Stages of which a stored result was returned.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self.fresh = fresh
        self.reused: set[str] = set()
        self._tidied = False

    def get(self, stage: str, key: str, make: Callable[[], T]) -> tuple[T, bool]:
        """Return the result under this key and whether it was reused; compute and store it if it is missing.

        Parameters
        ----------
        stage : str
            One of `types.STAGES`, which gives the type of its result.
        key : str
            SHA-256 as hexadecimal digits, from `key_of`.
        make : callable
            Computes the result.

        Raises
        ------
        StorableError
            If the result holds a value that cannot be stored.
        """
        kept: T | None = self.peek(stage, key)
        if kept is not None:
            return kept, True
        value = make()
        write_whole(self._path(stage, key), *pack(stage, key, value))
        return value, False

    def peek(self, stage: str, key: str) -> Any | None:
        """Return the result under this key, or None if it is missing."""
        if self.fresh:
            return None
        try:
            value = unpack(read(self._path(stage, key)), stage, key)
        except (DamagedError, OSError):
            return None
        self.reused.add(stage)
        return value

    def holds(self, stage: str, key: str) -> bool:
        """Whether there is a file for this result; the file may be damaged."""
        return not self.fresh and self._path(stage, key).exists()

    def forget(self, stage: str, key: str) -> None:
        """Remove the result under this key; it is computed again on the next request."""
        self._path(stage, key).unlink(missing_ok=True)

    def journal(self, key: str) -> Path:
        """Return a file for the trials of a search, from which an interrupted search continues; empty if `fresh`."""
        path = self.folder / "tuning" / f"{key}.journal"
        make_folder(path.parent)
        check_regular(path)
        if self.fresh:
            path.unlink(missing_ok=True)
        return path

    def tidy(self) -> list[str]:
        """Remove pickles stored by an earlier version, and return a notice about it, once.

        Pickles are never read. No version uses them again, and they can fill a disk.
        """
        if self._tidied:
            return []
        self._tidied = True
        notices = [
            f"every user of this machine can write to {folder} and so change results: chmod o-w {folder}"
            for folder in (self.folder.parent, self.folder)
            if is_open_to_all(folder)
        ]
        count, size = self._remove_pickles()
        if count:
            notices.append(
                f"removed {format_count(count, 'result')} of an earlier version "
                f"({size / 1e6:.0f} MB), to be computed again"
            )
        return notices

    def _remove_pickles(self) -> tuple[int, int]:
        count = size = 0
        for stage in STAGES:
            # Only names that the store creates: other files belong to the user.
            for path in [
                path for path in (self.folder / stage).glob("*.pickle") if _PICKLE.fullmatch(path.name)
            ]:
                try:
                    taken = path.lstat().st_size
                    path.unlink()
                except OSError:  # another user's, or already removed by another process; harmless
                    continue
                count, size = count + 1, size + taken
        return count, size

    def _path(self, stage: str, key: str) -> Path:
        return self.folder / stage / f"{key}{SUFFIX}"

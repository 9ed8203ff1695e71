"""Store: stage results by content hash. What did not change is not computed again."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pipeline.files import write_whole as write_whole
from pipeline.import_graph import deciding_modules
from pipeline.packing import is_sound, packed, read, unpacked

T = TypeVar("T")

COMPUTING = ("market", "features", "validation", "models", "allocation", "backtest")
"""Packages whose whole source decides results: features and kernels are found there by looking through the folder."""
SHOWING = ("jinja2", "rich", "mlflow")
LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "numba", "lightgbm", "optuna", "piqp")


@functools.cache
def installed(library: str) -> str:
    """Return the version of a library; reading it takes a millisecond, and it stays while a process lives."""
    return importlib.metadata.version(library)


def deciding_sources(root: Path) -> list[Path]:
    """Return the files of this project that decide a stored result.

    These are the computing packages as a whole, and the modules of the pipeline that its import graph reaches from
    the one that makes the stages (`pipeline/import_graph.py`).

    Parameters
    ----------
    root : Path
        Folder that holds the packages.
    """
    computing = [path for package in COMPUTING for path in (root / package).rglob("*.py")]
    return sorted([*computing, *deciding_modules(root / "pipeline")])


@functools.cache
def code_digest() -> str:
    """Return the SHA-256 of the code that decides results, of Python and of the libraries that decide numbers."""
    sha = hashlib.sha256(sys.version.encode())
    for library in LIBRARIES:
        sha.update(f"{library}=={installed(library)}".encode())
    root = Path(__file__).resolve().parent.parent
    for path in deciding_sources(root):
        sha.update(str(path.relative_to(root)).encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


@functools.cache
def showing_digest() -> str:
    """Return the SHA-256 of what shows results and sends them: the pipeline's own code and its libraries."""
    sha = hashlib.sha256()
    for library in SHOWING:
        sha.update(f"{library}=={installed(library)}".encode())
    package = Path(__file__).resolve().parent
    for path in sorted([*package.rglob("*.py"), *(package / "templates").iterdir()]):
        sha.update(str(path.relative_to(package)).encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


def key_of(*parts: str) -> str:
    """Return the key of a result that is decided by these texts and by the code."""
    return hashlib.sha256("\0".join((code_digest(), *parts)).encode()).hexdigest()


class Store:
    """A folder of results, one file each, written whole or not at all.

    A key covers the inputs, the settings, this project's source and the versions of the libraries, so a stored
    result can never be that of other code. Each file starts with the digest of the rest: one that was damaged
    is computed again. Results are pickles: keep the folder as private as the code.

    Parameters
    ----------
    folder : Path
    fresh : bool
        Ignore what is stored; results are still written.
    """

    def __init__(self, folder: Path, *, fresh: bool = False) -> None:
        self.folder = folder
        self.fresh = fresh

    def get(self, stage: str, key: str, make: Callable[[], T]) -> tuple[T, bool]:
        """Return the result under this key and whether it was reused; make and keep it if it is not there."""
        if not self.fresh and (content := self._sound(stage, key)) is not None:
            kept: T = unpacked(content)
            return kept, True
        value = make()
        write_whole(self._path(stage, key), *packed(value))
        return value, False

    def peek(self, stage: str, key: str) -> Any | None:
        """Return the result under this key, None if it is not there."""
        content = None if self.fresh else self._sound(stage, key)
        return None if content is None else unpacked(content)

    def holds(self, stage: str, key: str) -> bool:
        """Whether there is a file for this result; it may turn out to be damaged."""
        return not self.fresh and self._path(stage, key).exists()

    def forget(self, stage: str, key: str) -> None:
        """Remove the result under this key: it will be made again if it is asked for."""
        self._path(stage, key).unlink(missing_ok=True)

    def _path(self, stage: str, key: str) -> Path:
        return self.folder / stage / f"{key}.pickle"

    def _sound(self, stage: str, key: str) -> memoryview | None:
        """Return the file under this key, None if it is missing or damaged."""
        try:
            content = read(self._path(stage, key))
        except FileNotFoundError:
            return None
        return content if is_sound(content) else None

    def journal(self, key: str) -> Path:
        """Return a file for the trials of a search, so that one that was interrupted goes on; empty if `fresh`."""
        path = self.folder / "tuning" / f"{key}.journal"
        if self.fresh:
            path.unlink(missing_ok=True)
        return path

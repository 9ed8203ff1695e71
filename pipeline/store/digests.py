"""Digests: SHA-256 of the code and the libraries that determine or display a result, and keys derived from them."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import sys
from pathlib import Path

from pipeline.store.import_graph import deciding_modules

COMPUTING = ("foundation", "market", "features", "validation", "models", "allocation", "backtest")
"""Packages whose whole source affects results, since features and kernels are found by scanning the folder."""
SHOWING = ("jinja2", "rich", "mlflow")
LIBRARIES = ("numpy", "pandas", "scipy", "scikit-learn", "numba", "lightgbm", "optuna", "piqp")


@functools.cache
def installed(library: str) -> str:
    """Return the version of a library, cached for the process, since reading it takes a millisecond."""
    return importlib.metadata.version(library)


def deciding_sources(root: Path) -> list[Path]:
    """Return the files of this project that affect a stored result.

    These are the computing packages as a whole, and the modules of the pipeline that its import graph reaches from
    the module that computes the stages (`pipeline/store/import_graph.py`).

    Parameters
    ----------
    root : Path
        Folder that holds the packages.
    """
    computing = [path for package in COMPUTING for path in (root / package).rglob("*.py")]
    return sorted([*computing, *deciding_modules(root / "pipeline")])


@functools.cache
def code_digest() -> str:
    """Return the SHA-256 of the code that affects results, of Python and of the numerical libraries."""
    sha = hashlib.sha256(sys.version.encode())
    for library in LIBRARIES:
        sha.update(f"{library}=={installed(library)}".encode())
    root = Path(__file__).resolve().parents[2]
    for path in deciding_sources(root):
        sha.update(str(path.relative_to(root)).encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


@functools.cache
def showing_digest() -> str:
    """Return the SHA-256 of the code that displays and sends results: the whole pipeline and its libraries."""
    sha = hashlib.sha256()
    for library in SHOWING:
        sha.update(f"{library}=={installed(library)}".encode())
    package = Path(__file__).resolve().parents[1]
    for path in sorted([*package.rglob("*.py"), *(package / "templates").iterdir()]):
        sha.update(str(path.relative_to(package)).encode())
        sha.update(path.read_bytes())
    return sha.hexdigest()


def key_of(*parts: str) -> str:
    """Return the key of a result that is determined by these texts and by the code."""
    return hashlib.sha256("\0".join((code_digest(), *parts)).encode()).hexdigest()

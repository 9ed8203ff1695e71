"""Compilation of numerical kernels: numba's, with the settings that keep results reproducible."""

from __future__ import annotations

import hashlib
import inspect
import re
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

import numba

_IMPORT = re.compile(rb"^from ([\w.]+) import (\([^)]*\)|[^\n(]+)", re.MULTILINE)
"""The form in which this project imports its own modules."""

_F = TypeVar("_F", bound=Callable[..., object])


def compiled(function: _F) -> _F:
    """Compile a kernel on its first call, and cache the machine code beside its module for the next process.

    Floating-point sums keep their written order (no `fastmath`), so that a result does not depend on how a processor
    groups them. Division by zero follows IEEE 754. Kernels release the interpreter lock and run in parallel threads.
    """
    try:
        kernel = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    except RuntimeError as error:
        # Neither the installation nor a home folder is writable.
        if "no locator available" not in str(error):
            raise
        _warn_of_no_cache()
        kernel = numba.njit(nogil=True, error_model="numpy")(function)
    kept = getattr(kernel, "_cache", None)
    if kept is not None and hasattr(kept, "_cache_file"):
        kept.save_overload = _unless_refused(kept.save_overload)
        # numba drops machine code when the file of the kernel changes. The code also holds constants and kernels of
        # other modules, whose changes it would miss.
        kept._cache_file._source_stamp = _digest_kernels(_root_of(function), Path(inspect.getfile(function)))
    return cast(_F, kernel)


def _root_of(function: Callable[..., object]) -> Path:
    """Return the folder from which the module of a function is imported."""
    depth = function.__module__.count(".")
    return Path(inspect.getfile(function)).parents[depth]


@cache
def _warn_of_no_cache() -> None:
    """Warn once that each process compiles its kernels again."""
    print(
        "numerical kernels are compiled by each process, which takes a minute: neither the folder of the program nor "
        "the user's cache folder can be written. Set NUMBA_CACHE_DIR to a folder of yours to compile them once",
        file=sys.stderr,
        flush=True,
    )


def _unless_refused(save: Callable[..., None]) -> Callable[..., None]:
    """Return a function that saves machine code and ignores a full disk; the next process then compiles again."""

    def save_if_possible(*arguments: object) -> None:
        with suppress(OSError):
            save(*arguments)

    return save_if_possible


@cache
def _digest_kernels(root: Path, path: Path) -> str:
    """Return the digest of a module with kernels, and of all modules with kernels that it imports."""
    digest = hashlib.sha256()
    for kernel_file in sorted(_reach_kernels(root, path)):
        digest.update(kernel_file.read_bytes())
    return digest.hexdigest()


def _reach_kernels(root: Path, path: Path) -> set[Path]:
    reached, waiting = {path}, [path]
    while waiting:
        new = set(_imported_kernels(root, waiting.pop())) - reached
        reached |= new
        waiting += new
    return reached


@cache
def _imported_kernels(root: Path, path: Path) -> tuple[Path, ...]:
    """Return the modules below `root` that a module imports and that hold kernels."""
    names: set[bytes] = set()
    for base, listed in _IMPORT.findall(path.read_bytes()):
        members = listed.strip(b"()\n ").split(b",")
        names |= {base, *(base + b"." + member.split()[0] for member in members if member.strip())}
    candidates = (root / Path(*name.decode().split(".")).with_suffix(".py") for name in names)
    return tuple(file for file in candidates if file.is_file() and b"@compiled" in file.read_bytes())

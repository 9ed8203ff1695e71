"""Compilation of numerical kernels: numba's, with the settings that keep results reproducible."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a kernel on its first call, and keep the machine code beside its module for the next process.

    Floating-point sums keep the order in which they are written: no `fastmath`, so that a result does not depend
    on how a processor groups them. Division by zero gives what IEEE 754 says. The interpreter is let go of, so
    that kernels run side by side in threads.
    """
    kernel = numba.njit(cache=True, nogil=True, error_model="numpy")(function)
    kept = getattr(kernel, "_cache", None)
    if kept is not None:
        # numba forgets machine code when the file of the kernel changes, but it also holds constants and kernels
        # from other files of the room, which would stay as they were.
        kept._cache_file._source_stamp = _kernels(Path(inspect.getfile(function)).parent)
    return cast(F, kernel)


@cache
def _kernels(folder: Path) -> str:
    """Return the digest of all files of a folder that hold kernels."""
    digest = hashlib.sha256()
    for path in sorted(folder.glob("*.py")):
        source = path.read_bytes()
        if b"@compiled" in source:
            digest.update(source)
    return digest.hexdigest()

"""Compilation of numerical kernels: numba's, with the settings that keep results reproducible."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., object])


def compiled(function: F) -> F:
    """Compile a kernel on its first call, and keep the machine code beside its module for the next process.

    Floating-point sums keep the order in which they are written: no `fastmath`, so that a result does not depend
    on how a processor groups them. Division by zero gives what IEEE 754 says. The interpreter is let go of, so
    that kernels run side by side in threads.
    """
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))

"""The array type of compiled kernels: a single type, so that each kernel is compiled once."""

from __future__ import annotations

import numpy as np

from foundation.types import Floats


def as_table(x: Floats) -> Floats:
    """Return an array (T,) or (T, N) as read-only C-ordered float64 of shape (T, N), without a copy if possible."""
    table = np.ascontiguousarray(x, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table.view()
    table.flags.writeable = False
    return table

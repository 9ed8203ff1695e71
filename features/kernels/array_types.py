"""Arrays as compiled kernels take them: one type, so that each kernel is compiled once."""

from __future__ import annotations

import numpy as np

from foundation.types import Floats


def as_table(x: Floats) -> Floats:
    """Return (T,) or (T, N) as a read-only C-ordered float64 array (T, N), without a copy if it is one."""
    table = np.ascontiguousarray(x, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table.view()
    table.flags.writeable = False
    return table

"""Arrays that compiled kernels get: inputs of a single type, so that each kernel is compiled once, and outputs."""

from __future__ import annotations

import numpy as np

from features.kernels.carried_state import first_row
from foundation.types import Floats


def as_table(x: Floats) -> Floats:
    """Return an array (T,) or (T, N) as read-only C-ordered float64 of shape (T, N), without a copy if possible."""
    table = np.ascontiguousarray(x, dtype=np.float64)
    table = table[:, None] if table.ndim == 1 else table.view()
    table.flags.writeable = False
    return table


def required_count(window: int) -> int:
    """Return the required number of values in a window: four fifths, and at least two unless the window is one row."""
    return min(window, max(2, -(-4 * window // 5)))


def allocate_output(shape: tuple[int, ...], window: int) -> tuple[Floats, int]:
    """Return an array for results, and the first row to compute.

    In the middle of a panel, windows that begin before the arrays are unknown: they are set to NaN and not computed.

    Raises
    ------
    ValueError
        If the window is shorter than one row.
    """
    if window < 1:
        raise ValueError(f"window is {window}, expected at least 1 row")
    out = np.empty(shape)
    begin = min(window - 1, shape[-2]) if first_row() > 0 else 0
    out[..., :begin, :] = np.nan
    return out, begin

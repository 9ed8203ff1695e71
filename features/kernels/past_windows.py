"""Sums over windows that ended some rows ago, computed only for the requested rows.

When dates are appended, a feature gets months of history for each new row, and most windows in the history are unused.
"""

from __future__ import annotations

import numpy as np

from features.kernels.arrays import as_table
from features.kernels.carried_state import first_row, first_wanted_row
from features.kernels.windows import blocks
from foundation.types import Floats


def past_sum(x: Floats, window: int, ago: int, enough: int) -> Floats:
    """Return the requested rows of `rolling_sum(lag(x, ago), window)`, bit for bit, without computing other rows.

    Parameters
    ----------
    x : ndarray of shape (T, N)
    window, ago : int
    enough : int
        Number of values that a window must hold.

    Returns
    -------
    ndarray of shape (T - first_wanted_row(), N)
    """
    table, wanted = as_table(x), first_wanted_row()
    out = np.empty((len(table) - wanted, table.shape[1]))
    # In the middle of a panel, windows that begin before the arrays are unknown.
    begin = min(max(ago + (window - 1 if first_row() > 0 else 0), wanted), len(table))
    out[: begin - wanted] = np.nan
    # Blocks are counted from the panel row of the first value after the lag.
    skip = max(begin - ago - window + 1, 0)
    rows = table[skip : max(len(table) - ago, skip)]
    late = np.empty(rows.shape)
    late_begin = begin - ago - skip
    blocks.sums(rows, window, first_row() + ago + skip, late_begin, float(enough), blocks.SUM, late)
    out[begin - wanted :] = late[max(late_begin, 0) :]
    return out

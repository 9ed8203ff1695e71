"""How long the blocks of a bootstrap should be."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def block_length(values: Floats) -> tuple[int, int]:
    """Return the block length for the stationary and the circular block bootstrap of a mean.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, K)
        One or several series; of several the median length is taken. Series without variation are left out.

    Notes
    -----
    Politis and White (2004), *Econometric Reviews* 23, 53-70, as corrected by Patton, Politis and White (2009), by
    `arch.bootstrap.optimal_block_length`; rounded up, and not less than n^(1/3), because the correlogram of a short
    sample misses weak dependence (tests of 120 dates then reject a true null 6 % of the time instead of 5 %). It
    looks for correlation in the series itself: give it what the statistic averages.
    """
    from arch.bootstrap import optimal_block_length  # two seconds to import

    columns = values[:, None] if values.ndim == 1 else values
    columns = columns[:, np.ptp(columns, axis=0) > 0] if len(columns) else columns
    least = max(1, round(len(columns) ** (1 / 3)))
    if len(columns) < 10 or not columns.shape[1]:
        return least, least
    stationary, circular = optimal_block_length(columns).median()
    return max(least, math.ceil(stationary)), max(least, math.ceil(circular))

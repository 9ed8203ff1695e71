"""Returns from prices."""

from __future__ import annotations

import numpy as np

from foundation.types import Floats


def simple_returns(prices: Floats) -> Floats:
    """Return the simple return from the last valid price to each valid price.

    The return over a hole lands on the first valid row after it: that is when it became known.

    Parameters
    ----------
    prices : ndarray of shape (T, N)
        NaN where there is none.

    Returns
    -------
    ndarray of shape (T, N)
        NaN where the row has no price, and at the first price.
    """
    rows = np.arange(len(prices))[:, None]
    newest = np.maximum.accumulate(np.where(np.isfinite(prices), rows, -1), axis=0)
    before = np.full(prices.shape, -1)
    before[1:] = newest[:-1]
    past = np.where(before >= 0, np.take_along_axis(prices, np.maximum(before, 0), axis=0), np.nan)
    with np.errstate(over="ignore"):  # an infinite return is a finding
        return np.asarray(prices / past - 1.0, dtype=np.float64)

"""Step returns: from prices to the return of each step, and back."""

from __future__ import annotations

import numpy as np

from market.panel import Floats


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


def price_levels(returns: Floats) -> Floats:
    """Return price levels with these simple returns, NaN where there is no return; the first return is lost.

    Parameters
    ----------
    returns : ndarray of shape (T, N)

    Returns
    -------
    ndarray of shape (T, N)
        `simple_returns` of it are the returns after the first valid one of each column.
    """
    known = np.isfinite(returns)
    return np.where(known, np.cumprod(np.where(known, 1.0 + returns, 1.0), axis=0), np.nan)

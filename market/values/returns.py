"""Returns from prices, and returns over rows that are left out."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from foundation.types import Bools, Floats
from market.findings import Kind


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


def compound_returns(returns: Floats, kept: Bools) -> Floats:
    """Return the returns of the rows that are kept, each compounded with those left out since the last one.

    Parameters
    ----------
    returns : ndarray of shape (T, N)
        NaN where there is none.
    kept : ndarray of bool, shape (T,)

    Returns
    -------
    ndarray of shape (K, N)
        NaN where the kept row has none: what was left out before it is then in the next return of the column.
    """
    out = returns[kept].copy()
    growth, pending = np.ones(returns.shape[1]), np.zeros(returns.shape[1], dtype=bool)
    k = 0
    for row, keep in zip(returns, kept, strict=True):
        there = ~np.isnan(row)
        if not keep:
            growth[there] *= 1.0 + row[there]
            pending |= there
            continue
        # A return with nothing to compound stays as it is, to the bit.
        late = there & pending
        out[k, late] = growth[late] * (1.0 + row[late]) - 1.0
        growth[there], pending = 1.0, pending & ~there
        k += 1
    return out


def select_rows(values: Floats, kept: Bools, kinds: Sequence[Kind]) -> Floats:
    """Return the values of the rows that are kept, shape (K, N); columns of returns compound over the others.

    Parameters
    ----------
    values : ndarray of shape (T, N)
    kept : ndarray of bool, shape (T,)
    kinds : sequence of {"prices", "returns"}, length N
        What each column holds.
    """
    if kept.all():
        return values
    out = values[kept]
    returned = np.array([kind == "returns" for kind in kinds], dtype=bool)
    out[:, returned] = compound_returns(values[:, returned], kept)
    return out

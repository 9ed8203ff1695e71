"""Newest values of a table that were known at each of some dates."""

from __future__ import annotations

import numpy as np

from foundation.types import Floats, Ints, SmallInts

_BITS = 32
"""Bits of a rank that hold the number of a record; those above hold its day."""


def take_newest(
    dates: Ints,
    known: SmallInts,
    observed: SmallInts,
    asset: SmallInts,
    value: Floats,
    n_assets: int,
    most: int,
) -> Floats:
    """Return the newest value of each asset that was known at each date, NaN if it is older than `most` days.

    Of several records of an asset and day the one that became known last counts. There is no compiled loop here: the
    first of a process takes longer to load than this takes for 15 million records.

    Parameters
    ----------
    dates : ndarray of int, shape (T,), increasing
        Days since 1970, like `known` and `observed`.
    known, observed, asset : ndarray of int, shape (n,)
        Records in the order in which they became known.
    value : ndarray of shape (n,)
    n_assets, most : int

    Returns
    -------
    ndarray of shape (T, N)
    """
    out = np.full((len(dates), n_assets), np.nan)
    newest = np.full(n_assets, np.iinfo(np.int64).min)
    stops = np.searchsorted(known, dates.astype(known.dtype), side="right")
    begin = 0
    for row, (date, stop) in enumerate(zip(dates.tolist(), stops.tolist(), strict=True)):
        if stop > begin:
            ranks = observed[begin:stop].astype(np.int64) << _BITS
            ranks += np.arange(begin, stop)
            np.maximum.at(newest, asset[begin:stop].astype(np.intp), ranks)
            begin = stop
        fresh = np.flatnonzero(newest >= (date - most) << _BITS)
        out[row, fresh] = value[newest[fresh] & ((1 << _BITS) - 1)]
    return out

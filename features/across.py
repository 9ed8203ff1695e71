"""Statistics across the assets of one date: arrays (T, N), over the finite values of each row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EQUAL = 1e-12
"""Values whose spread relative to their size is below this are equal, and differ by rounding alone."""


def count(x: Floats) -> Floats:
    """Return the number of values of each date, (T,)."""
    present = np.isfinite(x).astype(np.float64)
    total: Floats = present.sum(axis=1)
    return total


def mean(x: Floats) -> Floats:
    """Return the mean of each date, (T,), NaN without values."""
    n = count(x)
    total = np.where(np.isfinite(x), x, 0.0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1.0), np.nan)


def std(x: Floats, ddof: int = 1) -> Floats:
    """Return the standard deviation of each date, (T,), NaN with fewer than two values."""
    n = count(x)
    gaps = np.where(np.isfinite(x), x - mean(x)[:, None], 0.0)
    variance = (gaps * gaps).sum(axis=1) / np.maximum(n - ddof, 1.0)
    return np.where(n > 1, np.sqrt(variance), np.nan)


def zscore(x: Floats) -> Floats:
    """Return each value less its date's mean, in its date's standard deviations (ddof 0), (T, N).

    NaN stays NaN. Where a date has a single value, or all are equal, the score is 0: nothing sets the assets
    apart, and a neutral score keeps them in the universe where NaN would throw them out of it.
    """
    present = np.isfinite(x)
    centre, spread = mean(x), std(x, ddof=0)
    size = np.max(np.abs(np.where(present, x, 0.0)), axis=1, initial=0.0)
    apart = spread > EQUAL * size
    scale = np.where(apart, spread, 1.0)[:, None]
    scores = np.where(apart[:, None], (x - centre[:, None]) / scale, 0.0)
    return np.where(present, scores, np.nan)


def rank(x: Floats) -> Floats:
    """Return each value's place in its date, from -1/2 (lowest) to 1/2 (highest), ties share theirs, (T, N).

    NaN stays NaN; a single value has rank 0, for the reason given in `zscore`.
    """
    present = np.isfinite(x)
    keyed = np.where(present, x, np.inf)
    order = np.argsort(keyed, axis=1, kind="stable")
    ordered = np.take_along_axis(keyed, order, axis=1)
    place = np.broadcast_to(np.arange(x.shape[1]), x.shape)
    new = np.ones(x.shape, dtype=np.bool_)
    new[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    last = np.ones(x.shape, dtype=np.bool_)
    last[:, :-1] = new[:, 1:]
    first_of_ties = np.maximum.accumulate(np.where(new, place, 0), axis=1)
    from_right = np.where(last, place, x.shape[1])[:, ::-1]
    last_of_ties = np.minimum.accumulate(from_right, axis=1)[:, ::-1]
    places = np.empty(x.shape)
    np.put_along_axis(places, order, (first_of_ties + last_of_ties) / 2.0, axis=1)
    highest = np.maximum(count(x) - 1.0, 1.0)[:, None]
    alone = count(x)[:, None] < 2
    return np.where(present, np.where(alone, 0.0, places / highest - 0.5), np.nan)

"""Statistics across the assets of one date: arrays (T, N), over the finite values of each row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.compiled import compiled
from features.tables import as_table

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
    table = as_table(x)
    out = np.empty(table.shape)
    _scores(table, out)
    return out


@compiled
def _scores(x: Floats, out: Floats) -> None:
    """Write the scores of each row."""
    for t in range(len(x)):
        row, to = x[t], out[t]
        count, total, size = 0, 0.0, 0.0
        for value in row:
            if value - value == 0.0:
                count += 1
                total += value
                size = max(size, abs(value))
        centre = total / max(count, 1)
        squares = 0.0
        for value in row:
            if value - value == 0.0:
                squares += (value - centre) * (value - centre)
        spread = np.sqrt(squares / max(count, 1))
        apart = spread > EQUAL * size
        scale = spread if apart else 1.0
        for i in range(len(row)):
            value = row[i]
            score = (value - centre) / scale if apart else 0.0
            to[i] = score if value - value == 0.0 else np.nan


def rank(x: Floats) -> Floats:
    """Return each value's place in its date, from -1/2 (lowest) to 1/2 (highest), ties share theirs, (T, N).

    NaN stays NaN; a single value has rank 0, for the reason given in `zscore`.
    """
    table = as_table(x)
    out = np.empty(table.shape)
    # Equal values share a rank, so that the order in which they are sorted does not matter.
    _places(table, np.argsort(np.where(np.isfinite(table), table, np.inf), axis=1), out)
    return out


@compiled
def _places(x: Floats, order: NDArray[np.int64], out: Floats) -> None:
    """Write the ranks of each row, given the order of its values, those that are missing last."""
    for t in range(len(x)):
        row, sorted_assets, to = x[t], order[t], out[t]
        count = 0
        for i in range(len(row)):
            to[i] = np.nan
            count += 1 if row[i] - row[i] == 0.0 else 0
        start = 0
        while start < count:
            value = row[sorted_assets[start]]
            stop = start + 1
            while stop < count and row[sorted_assets[stop]] == value:
                stop += 1
            place = 0.5 * (start + stop - 1) / (count - 1) - 0.5 if count > 1 else 0.0
            for k in range(start, stop):
                to[sorted_assets[k]] = place
            start = stop

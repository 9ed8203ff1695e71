"""Statistics across the assets of one date: arrays (T, N), over the finite values of each row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.kernels.arrays import as_table
from foundation.compiled import compiled
from foundation.types import Floats

_LARGEST = float(np.finfo(np.float64).max)

_EQUAL = 1e-12
"""Values whose relative spread is below this differ only by rounding, and count as equal."""


def count(x: Floats) -> Floats:
    """Return the number of values at each date, (T,)."""
    return _count_by_row(np.isfinite(x))


def mean(x: Floats) -> Floats:
    """Return the mean at each date, (T,); NaN without values."""
    present = np.isfinite(x)
    return _mean(x, present, _count_by_row(present))


def std(x: Floats, ddof: int = 1) -> Floats:
    """Return the standard deviation at each date, (T,); NaN with fewer than two values."""
    present = np.isfinite(x)
    n = _count_by_row(present)
    gaps = x - _mean(x, present, n)[:, None]
    gaps[~present] = 0.0
    variance = np.square(gaps, out=gaps).sum(axis=1) / np.maximum(n - ddof, 1.0)
    return np.where(n > 1, np.sqrt(variance), np.nan)


def _count_by_row(present: NDArray[np.bool_]) -> Floats:
    """Return the number of true values in each row."""
    n: Floats = np.count_nonzero(present, axis=1).astype(np.float64)
    return n


def _mean(x: Floats, present: NDArray[np.bool_], n: Floats) -> Floats:
    """Return the mean of the values present, given their mask and their number."""
    total = np.where(present, x, 0.0).sum(axis=1)
    return np.where(n > 0, total / np.maximum(n, 1.0), np.nan)


def zscore(x: Floats) -> Floats:
    """Return each value minus its date's mean, in units of its date's standard deviation (ddof 0), (T, N).

    NaN stays NaN. If a date has a single value, or all values are equal, the score is 0: a neutral score keeps the
    assets in the universe, whereas NaN would exclude them.
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
        apart = spread > _EQUAL * size
        scale = spread if apart else 1.0
        for i in range(len(row)):
            value = row[i]
            score = (value - centre) / scale if apart else 0.0
            to[i] = score if value - value == 0.0 else np.nan


def rank(x: Floats) -> Floats:
    """Return each value's rank at its date, from -1/2 (lowest) to 1/2 (highest), (T, N); ties share a rank.

    NaN stays NaN; a single value has rank 0, for the reason given in `zscore`.
    """
    table = as_table(x)
    out = np.empty(table.shape)
    bits = max(int(table.shape[1] - 1).bit_length(), 1)
    keys = np.empty(table.shape, dtype=np.int64)
    _mark(table, bits, keys.view(np.float64), keys)
    # numpy's sort is several times faster than its argsort.
    keys.view(np.float64).sort(axis=1)
    _places(table, keys, bits, out)
    return out


@compiled
def _mark(x: Floats, bits: int, values: Floats, keys: NDArray[np.int64]) -> None:
    """Write each value with its column number in its last bits; a missing value becomes the largest number.

    `values` and `keys` share memory.
    """
    high = ~((1 << bits) - 1)
    for t in range(len(x)):
        row, value, key = x[t], values[t], keys[t]
        for i in range(len(row)):
            value[i] = row[i] if row[i] - row[i] == 0.0 else _LARGEST
        for i in range(len(row)):
            key[i] = (key[i] & high) | i


@compiled
def _places(x: Floats, keys: NDArray[np.int64], bits: int, out: Floats) -> None:
    """Write the ranks of each row, given its values sorted up to their last bits."""
    columns = (1 << bits) - 1
    order, ordered = np.empty(x.shape[1], dtype=np.int64), np.empty(x.shape[1])
    for t in range(len(x)):
        row, to = x[t], out[t]
        count = _order_row(row, keys[t], columns, order, ordered)
        for k in range(count, len(row)):
            to[order[k]] = np.nan
        start = 0
        while start < count:
            stop = start + 1
            # Equal values share a rank, so their order does not matter.
            while stop < count and ordered[stop] == ordered[start]:
                stop += 1
            place = 0.5 * (start + stop - 1) / (count - 1) - 0.5 if count > 1 else 0.0
            for k in range(start, stop):
                to[order[k]] = place
            start = stop


@compiled
def _order_row(
    row: Floats, keys: NDArray[np.int64], columns: int, order: NDArray[np.int64], ordered: Floats
) -> int:
    """Write the sorted order of a row and its sorted values, missing ones last; return the number of values."""
    count = 0
    for k in range(len(row)):
        column = keys[k] & columns
        value = row[column]
        there = value - value == 0.0
        count += 1 if there else 0
        value = value if there else np.inf
        # Values that differ only in their last bits may be in the wrong order.
        place = k
        while place > 0 and ordered[place - 1] > value:
            ordered[place], order[place] = ordered[place - 1], order[place - 1]
            place -= 1
        ordered[place], order[place] = value, column
    return count

"""Counts of numbers by row."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def count_by_row(numbers: NDArray[Any], size: int) -> NDArray[np.int64]:
    """Return how often each number of 0 to size - 1 stands in each row, of shape (R, size).

    Parameters
    ----------
    numbers : ndarray of int, shape (R, M)
    size : int
    """
    rows = len(numbers)
    cells = numbers + size * np.arange(rows)[:, None]
    return np.asarray(np.bincount(cells.ravel(), minlength=rows * size).reshape(rows, size), dtype=np.int64)

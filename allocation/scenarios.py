"""Scenarios: the window of past returns that ends at a decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from allocation.errors import InputError

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Scenarios:
    """Equally likely returns of the assets, one row a date.

    Parameters
    ----------
    assets : sequence of str, length N
    returns : ndarray of shape (T, N)
        Simple returns in excess of cash over one horizon each; NaN where an asset is not listed.
    window : int
        Rows that a decision looks at, its own and those before it.

    Raises
    ------
    InputError
        If shapes do not fit, or the window is not positive.
    """

    def __init__(self, assets: Sequence[str], returns: Floats, window: int) -> None:
        if returns.ndim != 2 or returns.shape[1] != len(assets):
            raise InputError(f"returns have shape {returns.shape}, expected (dates, {len(assets)})")
        if window < 1:
            raise InputError(f"window {window} must be 1 or more")
        self.assets = tuple(assets)
        self.returns = returns
        self.window = window

    def at(self, position: int, inside: Ints) -> Floats:
        """Return the scenarios known at a row, shape (window, n).

        Raises
        ------
        InputError
            If there are fewer rows, or an asset has a hole.
        """
        if not self.window - 1 <= position < len(self.returns):
            raise InputError(
                f"row {position}: a window of {self.window} rows needs rows {self.window - 1} to "
                f"{len(self.returns) - 1}"
            )
        past = self.returns[position - self.window + 1 : position + 1][:, inside]
        bad = np.flatnonzero(~np.isfinite(past).all(axis=0))
        if len(bad):
            raise InputError(
                f"row {position}: {self.assets[inside[bad[0]]]!r} does not have a return in each of the "
                f"{self.window} rows of the window"
            )
        return np.ascontiguousarray(past, dtype=np.float64)

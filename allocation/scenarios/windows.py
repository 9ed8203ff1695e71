"""Scenarios: the window of past returns that ends at a decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from allocation.errors import InputError
from foundation.types import Floats, Ints


class Scenarios:
    """Equally likely returns of the assets, one row per date.

    Parameters
    ----------
    assets : sequence of str, length N
    returns : ndarray of shape (T, N)
        Simple returns in excess of cash over one horizon each; NaN where an asset is not listed.
    window : int
        Rows that a decision looks at, its own and those before it.
    at_least : int, optional
        Rows in which all assets of the universe must have a return; where some have none, and at the beginning of the
        data, the others are used. All of the window by default.

    Raises
    ------
    InputError
        If shapes do not fit, or the window is not positive or shorter than `at_least`.
    """

    def __init__(
        self, assets: Sequence[str], returns: Floats, window: int, at_least: int | None = None
    ) -> None:
        if returns.ndim != 2 or returns.shape[1] != len(assets):
            raise InputError(f"returns have shape {returns.shape}, expected (dates, {len(assets)})")
        if window < 1:
            raise InputError(f"window {window} must be 1 or more")
        if at_least is not None and not 1 <= at_least <= window:
            raise InputError(f"at_least {at_least} must be between 1 and the window, {window}")
        self.assets = tuple(assets)
        self.returns = returns
        self.window = window
        self.at_least = at_least

    def at(self, position: int, inside: Ints) -> Floats:
        """Return the scenarios known at a row, shape (window, n), or fewer rows with `at_least`.

        Raises
        ------
        InputError
            If there are fewer rows, or an asset has a hole.
        """
        if self.at_least is not None and 0 <= position < len(self.returns):
            return self._select_complete(position, inside, self.at_least)
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

    def _select_complete(self, position: int, inside: Ints, at_least: int) -> Floats:
        """Return the rows of the window in which no asset has a hole."""
        past = self.returns[max(0, position - self.window + 1) : position + 1][:, inside]
        past = past[np.isfinite(past).all(axis=1)]
        if len(past) < at_least:
            raise InputError(
                f"row {position}: all assets have a return in {len(past)} of the last {self.window} rows, "
                f"{at_least} are needed"
            )
        return np.ascontiguousarray(past, dtype=np.float64)

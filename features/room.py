"""Where a matrix lies: an array with room for further dates and columns, in memory or in a file."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

Floats = NDArray[np.float64]

SPARE = 0.125
"""Room for further dates relative to those there are. What is never written takes no memory."""


class Room:
    """An array (rows, N, K) of which the first rows are in use.

    Several matrices may share it, as long as each goes on where the one before ended. Two that would go on from
    the same date get one room each.

    Parameters
    ----------
    array : ndarray of shape (rows, N, K)
    used : int
        Rows in use.
    path : Path, optional
        The .npy file that the array is a view of.
    """

    def __init__(self, array: Floats, used: int, path: Path | None = None) -> None:
        self.array, self.used, self.path = array, used, path
        self.reserve_is_free = True
        self._lock = threading.Lock()

    @classmethod
    def new(cls, rows: int, n_assets: int, columns: int, dtype: DTypeLike, path: Path | None = None) -> Room:
        """Return a room for `rows` dates, and some more if it is in memory."""
        if path is not None:
            array = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), (rows, n_assets, columns))
            return cls(np.asarray(array), rows, path)
        return cls(np.empty((rows + int(SPARE * rows) + 1, n_assets, columns), dtype), rows)

    def longer(self, used: int, rows: int) -> Room:
        """Return a room with `rows` rows in use, the first `used` of them as they are here."""
        with self._lock:
            fits = rows <= len(self.array)
            if self.used == used and fits and self.path is None:
                self.used = rows
                return self
        _, n_assets, columns = self.array.shape
        room = Room.new(rows, n_assets, columns, self.array.dtype)
        room.array[:used] = self.array[:used]
        return room

    def take_reserve(self) -> bool:
        """Return whether the reserved columns are still free; they no longer are."""
        with self._lock:
            free, self.reserve_is_free = self.reserve_is_free, False
        return free

"""Where a matrix lies: an array with room for further dates and columns, in memory or in a file."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike, NDArray

from features.spec import FeatureError

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
        """Return a room with `rows` rows in use, the first `used` of them as they are here.

        Raises
        ------
        FeatureError
            If the array is in a file that went on without this matrix.
        """
        with self._lock:
            if self.path is not None:
                return self._longer_file(self.path, used, rows)
            if self.used == used and rows <= len(self.array):
                self.used = rows
                return self
        _, n_assets, columns = self.array.shape
        room = Room.new(rows, n_assets, columns, self.array.dtype)
        room.array[:used] = self.array[:used]
        return room

    def _longer_file(self, path: Path, used: int, rows: int) -> Room:
        """Write the new shape at the front of the file, which has room for it, and let the file grow."""
        _, n_assets, columns = self.array.shape
        with path.open("r+b") as file:
            version = np.lib.format.read_magic(file)
            shape, _, _ = np.lib.format.read_array_header_1_0(file)
            begin = file.tell()
            if version != (1, 0) or shape != (used, n_assets, columns):
                raise FeatureError(
                    f"{path} holds {shape[0]} dates, the matrix has {used}: build it again, to another file"
                )
            file.seek(0)
            header = {"descr": np.lib.format.dtype_to_descr(self.array.dtype), "fortran_order": False}
            np.lib.format.write_array_header_1_0(file, {**header, "shape": (rows, n_assets, columns)})
            if file.tell() != begin:
                raise FeatureError(f"{path} has no room for the new number of dates: build it again")
            file.truncate(begin + rows * n_assets * columns * self.array.itemsize)
        return Room(np.asarray(np.lib.format.open_memmap(path, "r+")), rows, path)

    def take_reserve(self) -> bool:
        """Return whether the reserved columns are still free; they no longer are."""
        with self._lock:
            free, self.reserve_is_free = self.reserve_is_free, False
        return free

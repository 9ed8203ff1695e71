"""Memory of a matrix: an array with space for further dates and columns, in memory or in a file."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from features.spec import FeatureError
from foundation.types import Floats

_SPARE = 0.125
"""Spare rows for later dates, relative to the dates in use. Rows that are never written take no memory."""


class MatrixBuffer:
    """An array (rows, N, K) of which the first rows are in use.

    Several matrices may share it, if each continues the one before. Two that continue the same matrix get one buffer
    each.

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
    def allocate(
        cls, rows: int, n_assets: int, columns: int, dtype: DTypeLike, path: Path | None = None
    ) -> MatrixBuffer:
        """Allocate a buffer for `rows` dates; one in memory also holds spare rows."""
        if path is not None:
            array = np.lib.format.open_memmap(path, "w+", np.dtype(dtype), (rows, n_assets, columns))
            return cls(np.asarray(array), rows, path)
        return cls(np.empty((rows + int(_SPARE * rows) + 1, n_assets, columns), dtype), rows)

    def extend_rows(self, used: int, rows: int) -> MatrixBuffer:
        """Return a buffer with `rows` rows in use, of which the first `used` are those of this one.

        Raises
        ------
        FeatureError
            If the array is in a file to which another matrix has appended.
        """
        with self._lock:
            if self.path is not None:
                return self._extend_file(self.path, used, rows)
            if self.used == used and rows <= len(self.array):
                self.used = rows
                return self
        _, n_assets, columns = self.array.shape
        buffer = MatrixBuffer.allocate(rows, n_assets, columns, self.array.dtype)
        buffer.array[:used] = self.array[:used]
        return buffer

    def _extend_file(self, path: Path, used: int, rows: int) -> MatrixBuffer:
        """Extend the file; `write_header` counts the new rows once they are written."""
        _, n_assets, columns = self.array.shape
        shape, begin = _read_header(path)
        if shape != (used, n_assets, columns):
            raise FeatureError(
                f"{path} holds {shape[0]} dates, the matrix has {used}: build it again, to another file"
            )
        dtype = self.array.dtype
        array = np.memmap(path, dtype, "r+", begin, (rows, n_assets, columns))
        return MatrixBuffer(np.asarray(array), rows, path)

    def write_header(self) -> None:
        """Write the number of dates into the file, if there is one, after their values."""
        if self.path is None:
            return
        shape, begin = _read_header(self.path)
        with self.path.open("r+b") as file:
            head = {"descr": np.lib.format.dtype_to_descr(self.array.dtype), "fortran_order": False}
            np.lib.format.write_array_header_1_0(file, {**head, "shape": self.array.shape})
            if file.tell() != begin:
                raise FeatureError(
                    f"{self.path} was made for {shape[0]} dates and has no space for another number of dates"
                )

    def release_rows(self, used: int, rows: int) -> None:
        """Free the rows from `used` to `rows`, which could not be written, for other matrices."""
        with self._lock:
            if self.used == rows:
                self.used = used

    def take_reserve(self) -> bool:
        """Return whether the reserved columns were still free, and mark them as taken."""
        with self._lock:
            free, self.reserve_is_free = self.reserve_is_free, False
        return free


def _read_header(path: Path) -> tuple[tuple[int, ...], int]:
    """Return the shape in the header of a .npy file, and the offset of its values."""
    with path.open("rb") as file:
        np.lib.format.read_magic(file)
        shape, _, _ = np.lib.format.read_array_header_1_0(file)
        return shape, file.tell()

"""FeatureMatrix: the features of a panel by date, asset and name."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.engine.buffer import MatrixBuffer
from features.engine.history import History
from features.spec import FeatureError
from foundation.suggestions import suggest
from foundation.types import Floats


@dataclass(frozen=True, eq=False)
class FeatureMatrix:
    """Features of all assets at all dates.

    Attributes
    ----------
    values : ndarray of shape (T, N, K)
        Read-only; C-ordered, unless columns are reserved behind them. Row t depends on data up to t alone. NaN
        before a column is warm, where a window is not full enough and, for a feature of an asset, where that
        asset is not listed.
    names : tuple of str, length K
        Sorted by stage and name.
    stages : tuple of str, length K
    warm : tuple of int, length K
        First row at which the windows of the feature and of its inputs lie inside the panel.
    common : ndarray of bool, shape (K,)
        Which columns are the same for all assets. They have values also where an asset is not listed.
    missing : dict of str to str
        Features that the panel lacks the data for, with the reason.
    history : History
        State that `features.appending.append_dates` needs.
    recomputed : tuple of str
        Features that the last `append` had to compute from the first date on, because they look further back
        than their lookback says.
    """

    values: Floats
    names: tuple[str, ...]
    stages: tuple[str, ...]
    warm: tuple[int, ...]
    common: NDArray[np.bool_]
    missing: dict[str, str]
    history: History
    buffer: MatrixBuffer = field(repr=False, metadata={"stored": False})
    recomputed: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Freeze the arrays."""
        self.values.setflags(write=False)
        self.common.setflags(write=False)

    def column(self, name: str) -> Floats:
        """Return one feature, (T, N), read-only.

        Raises
        ------
        FeatureError
            If the matrix has no such column.
        """
        if name not in self.names:
            why = f": {self.missing[name]}" if name in self.missing else suggest(name, self.names)
            raise FeatureError(f"the matrix has no feature {name!r}{why}")
        return self.values[:, :, self.names.index(name)]

    def join_columns(self, columns: Floats) -> Floats:
        """Return the features and further columns behind them, (T, N, K + n), read-only.

        The first call copies nothing if exactly n columns are reserved (`build_matrix(..., extra=n)`): it fills them.
        Any other call returns a new array.

        Parameters
        ----------
        columns : ndarray of shape (T, n) or (T, N, n)
        """
        columns = columns[:, None, :] if columns.ndim == 2 else columns
        n_dates, _, n_features = self.values.shape
        whole = self.buffer.array[:n_dates]
        if whole.shape[2] != n_features + columns.shape[2] or not self.buffer.take_reserve():
            whole = np.empty((*self.values.shape[:2], n_features + columns.shape[2]), self.values.dtype)
            whole[:, :, :n_features] = self.values
        whole[:, :, n_features:] = columns
        whole.setflags(write=False)
        return whole

    def __getstate__(self) -> dict[str, Any]:
        """Return the state to store: the rows in use with their reserved columns, without spare rows."""
        state = dict(self.__dict__)
        state["values"] = self.buffer.array[: len(self.values)]
        del state["buffer"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a stored state without a copy."""
        whole = state["values"]
        values = whole[:, :, : len(state["names"])]
        self.__dict__.update(state, values=values, buffer=MatrixBuffer(whole, len(whole)))
        self.__post_init__()

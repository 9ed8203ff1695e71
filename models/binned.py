"""Binned rows: all training rows of a stretch of folds, sorted into bins once; each fold takes its own."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import lightgbm as lgb
import numpy as np

from models.boosting import Boosting
from models.dataset import Dataset
from models.spans import Spans


class Binned:
    """All training rows of a stretch of folds, in bins measured on the rows of its first fold.

    Parameters
    ----------
    model : Boosting
    data : Dataset
    spans : Spans
    members : list of int
        The folds of the stretch.
    bins : bytes, optional
        Bins that were measured before, as `bins` gives them; empty if they were not.
    """

    def __init__(
        self, model: Boosting, data: Dataset, spans: Spans, members: list[int], bins: bytes = b""
    ) -> None:
        start, stop = spans.window(members[0])
        X, y, rows = data.training(spans.grid[start : spans.stop[members[-1]]])
        self._first = np.searchsorted(rows.date, spans.grid)
        self._size = len(y)
        known = int(np.searchsorted(rows.date, spans.grid[stop - 1], side="right"))
        parameters = model.parameters(known)
        reference = None
        if bins:
            reference = _read(bins, parameters)
        elif known < len(y):
            # Where no row came later, the rows are sorted into bins once and not twice.
            reference = lgb.Dataset(X[:known], y[:known], params=parameters)
        self._data = lgb.Dataset(X, y, weight=rows.weight, params=parameters, reference=reference)
        self._any = known > 0
        if self._any:
            self._data.construct()

    def window(self, start: int, stop: int) -> tuple[lgb.Dataset, int]:
        """Return the rows of the dates grid[start:stop], and their number."""
        end = self._size if stop == len(self._first) else int(self._first[stop])
        some = range(int(self._first[start]), end)
        return self._data.subset(list(some)), len(some)

    def bins(self) -> bytes:
        """Return the bins, in LightGBM's own format with the first row in them; empty without a row to measure."""
        if not self._any:
            return b""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "bins"
            self._data.subset([0]).construct().save_binary(path)
            return path.read_bytes()


def _read(bins: bytes, parameters: dict[str, Any]) -> lgb.Dataset:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bins"
        path.write_bytes(bins)
        return lgb.Dataset(path, params=parameters).construct()

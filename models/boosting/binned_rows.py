"""Binned rows: all training rows of a stretch of folds, sorted into bins once; each fold uses a subset."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np

from models.boosting.model import Boosting
from models.dataset import Dataset
from models.walk_forward.windows import TrainingWindows


class Binned:
    """All training rows of a stretch of folds, in bins measured on the rows of its first fold.

    Parameters
    ----------
    model : Boosting
    data : Dataset
    spans : Spans
    members : list of int
        The folds of the stretch.
    """

    def __init__(self, model: Boosting, data: Dataset, windows: TrainingWindows, members: list[int]) -> None:
        start, stop = windows.window(members[0])
        X, y, rows = data.training(windows.grid[start : windows.stop[members[-1]]])
        self._first = np.searchsorted(rows.date, windows.grid)
        self._size = len(y)
        known = int(np.searchsorted(rows.date, windows.grid[stop - 1], side="right"))
        parameters = model.parameters(known)
        reference = None
        if known < len(y):
            # Only later rows need the bins of the first window as a reference.
            reference = lgb.Dataset(X[:known], y[:known], params=parameters)
        self._data = lgb.Dataset(X, y, weight=rows.weight, params=parameters, reference=reference)
        if known:
            self._data.construct()

    def window(self, start: int, stop: int) -> tuple[lgb.Dataset, int]:
        """Return the rows of the dates grid[start:stop], and their number."""
        end = self._size if stop == len(self._first) else int(self._first[stop])
        some = range(int(self._first[start]), end)
        return self._data.subset(list(some)), len(some)

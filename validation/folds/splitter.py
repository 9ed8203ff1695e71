"""DateSplitter: folds of dates as scikit-learn takes them, for rows that are dates or (date, asset) pairs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from foundation.types import Ints
from validation.errors import ScheduleError


class _TrainTest(Protocol):
    """Dates to fit on and dates to forecast: a `Fold`, or a `PurgedFold`."""

    @property
    def train(self) -> Ints:
        """Rows to fit on, increasing."""

    @property
    def test(self) -> Ints:
        """Rows to forecast, increasing."""


class DateSplitter(ABC):
    """Folds of dates behind scikit-learn's splitter interface.

    Parameters
    ----------
    ends : array-like of int, shape (T,)
        For each date, the row at which its label becomes known (`Labels.end`).

    Raises
    ------
    ScheduleError
        If a label ends before its own date.
    """

    def __init__(self, ends: ArrayLike) -> None:
        self.ends = np.asarray(ends, dtype=np.int64)
        if (self.ends < np.arange(len(self.ends))).any():
            raise ScheduleError("a label cannot end before its own date")

    @abstractmethod
    def folds(self) -> Sequence[_TrainTest]:
        """Return all folds."""

    @abstractmethod
    def get_n_splits(
        self, X: ArrayLike | None = None, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> int:
        """Return the number of folds."""

    def split(
        self, X: ArrayLike | None = None, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> Iterator[tuple[Ints, Ints]]:
        """Yield row indices of training and test sets.

        Parameters
        ----------
        X, y : array-like, optional
            Only their number of rows is looked at.
        groups : array-like of int, optional
            Row of the panel (the date) of each row of X, for X stacked over assets. Without it, the rows of X
            are the dates.

        Raises
        ------
        ScheduleError
            If X does not have one row for each date or group, or a group is no row of `ends`.
        """
        dates = self._dates(X, groups)
        for fold in self.folds():
            train, test = np.isin(dates, fold.train), np.isin(dates, fold.test)
            yield np.flatnonzero(train), np.flatnonzero(test)

    def _dates(self, X: ArrayLike | None, groups: ArrayLike | None) -> Ints:
        total = len(self.ends)
        dates = np.arange(total) if groups is None else np.asarray(groups, dtype=np.int64)
        n_rows = len(dates) if X is None else len(X)  # type: ignore[arg-type]
        if n_rows != len(dates):
            raise ScheduleError(
                f"X has {n_rows} rows for {len(dates)} dates: pass groups, the date's row of each row of X"
            )
        strange = dates[(dates < 0) | (dates >= total)]
        if len(strange):
            raise ScheduleError(
                f"groups are rows of the {total} dates, 0 to {total - 1}, but {int(strange[0])} is among them"
            )
        return dates

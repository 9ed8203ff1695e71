"""Walk-forward folds whose training labels have ended before the test begins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from foundation.types import Ints
from validation.errors import LeakError, ScheduleError
from validation.folds.splitter import DateSplitter


@dataclass(frozen=True, eq=False)
class Fold:
    """Decision dates to fit on and decision dates to forecast, as rows of the panel.

    Attributes
    ----------
    train : ndarray of int
        Rows to fit on, increasing.
    test : ndarray of int
        Rows to forecast, increasing.
    train_ends : ndarray of int, same shape as train
        Row at which the label of each training row becomes known.

    Raises
    ------
    LeakError
        If a training label ends at or after the first test row: such a fold cannot exist.
    ScheduleError
        If there is nothing to fit on or to forecast.
    """

    train: Ints
    test: Ints
    train_ends: Ints

    def __post_init__(self) -> None:
        """Refuse to exist if a label leaks."""
        if not (len(self.train) and len(self.test)):
            raise ScheduleError(
                f"a fold needs training and test dates, got {len(self.train)} and {len(self.test)}"
            )
        late = self.train_ends >= self.test[0]
        if late.any():
            row = int(self.train[late][0])
            raise LeakError(
                f"{int(late.sum())} training labels end at or after the test start (row {int(self.test[0])});"
                f" the first is that of row {row}, which ends at row {int(self.train_ends[late][0])}"
            )


class WalkForward(DateSplitter):
    """Refit on a schedule, forecast until the next refit, never train on an unfinished label.

    It has scikit-learn's splitter interface: `cross_val_score(model, X, y, cv=WalkForward(...))` works.
    `cross_val_predict` does not: it wants each date to be tested once, and the first ones never are.

    Parameters
    ----------
    ends : array-like of int, shape (T,)
        For each date, the row at which its label becomes known (`Labels.end`). The purge follows from it.
    first_test : int
        Row of the first test date.
    refit_every : int
        Test dates in a fold: the model is refitted after that many.
    window : int, optional
        Rolling window: the number of most recent admissible dates to train on. Expanding if None.
    embargo : int
        Observations that must lie between the row at which the last training label ends and the first test date:
        with 0 that label may end on the row before, with 1 on the one before that.
    first_train : int
        First row that may be trained on (the features are warm from there).
    every : int
        Train on each `every`-th date, counted from `first_train`: overlapping labels add rows but little
        information.

    Raises
    ------
    ScheduleError
        If a number is out of range or no date remains to train on.

    Notes
    -----
    Purge and embargo follow López de Prado (2018), *Advances in Financial Machine Learning*, section 7.4. Labels of
    a test date may reach into later folds: these train on it only once its label has ended.
    """

    def __init__(
        self,
        ends: ArrayLike,
        *,
        first_test: int,
        refit_every: int,
        window: int | None = None,
        embargo: int = 0,
        first_train: int = 0,
        every: int = 1,
    ) -> None:
        super().__init__(ends)
        self.first_test = first_test
        self.refit_every = refit_every
        self.window = window
        self.embargo = embargo
        self.first_train = first_train
        self.every = every
        if refit_every < 1 or every < 1 or embargo < 0 or (window is not None and window < 1):
            raise ScheduleError(
                "refit_every, every and window must be at least 1 and embargo at least 0, got "
                f"{refit_every}, {every}, {window} and {embargo}"
            )
        if not 0 < first_test < len(self.ends):
            raise ScheduleError(f"first_test is row {first_test}, expected 1 to {len(self.ends) - 1}")

    def training_rows(self, test_start: int) -> Ints:
        """Return the rows that a fit which is used from a row on is trained on."""
        rows = np.arange(self.first_train, test_start, self.every, dtype=np.int64)
        rows = rows[self.ends[rows] + self.embargo < test_start]
        return rows if self.window is None else rows[-self.window :]

    def folds(self) -> tuple[Fold, ...]:
        """Return all folds, in time order."""
        folds = []
        for start in range(self.first_test, len(self.ends), self.refit_every):
            train = self.training_rows(start)
            if not len(train):
                raise ScheduleError(
                    f"no training date is left before the test at row {start}: the first usable date is row "
                    f"{self.first_train}, labels end {int(self.ends[0])} rows later, and the embargo is "
                    f"{self.embargo}; start the test later"
                )
            stop = min(start + self.refit_every, len(self.ends))
            folds.append(Fold(train, np.arange(start, stop, dtype=np.int64), self.ends[train]))
        return tuple(folds)

    def get_n_splits(
        self, X: ArrayLike | None = None, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> int:
        """Return the number of folds."""
        return len(range(self.first_test, len(self.ends), self.refit_every))


def inner_folds(dates: Ints, ends: Ints, n_splits: int) -> tuple[Fold, ...]:
    """Split a training set in time, to choose hyper-parameters inside it.

    The last half of the dates is cut into `n_splits` blocks; each is forecast from the dates before it whose
    labels had ended.

    Parameters
    ----------
    dates, ends : ndarray of int, shape (n,)
        Training rows, increasing, and the rows at which their labels end.
    n_splits : int

    Returns
    -------
    tuple of Fold
        Empty if there are too few dates.
    """
    folds = []
    for block in np.array_split(np.arange(len(dates) // 2, len(dates)), n_splits):
        known = np.flatnonzero(ends < dates[block[0]]) if len(block) else block
        if len(known):
            folds.append(Fold(dates[known], dates[block], ends[known]))
    return tuple(folds)

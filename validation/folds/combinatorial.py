"""Combinatorial purged cross-validation: every choice of test blocks, and the backtest paths that they form."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np
from numpy.typing import ArrayLike

from foundation.types import Floats, Ints
from validation.errors import LeakError, ScheduleError
from validation.folds.splitter import DateSplitter


@dataclass(frozen=True, eq=False)
class PurgedFold:
    """Dates to fit on, which may lie on both sides of the dates to forecast, as rows of the panel.

    It is no `Fold`: training dates after the test are allowed, so that a forecast is not one that could have been made
    at its date. What it promises is that no training label shares a row with a test label.

    Attributes
    ----------
    train, test : ndarray of int
        Rows to fit on and to forecast, increasing.
    train_ends, test_ends : ndarray of int, same shapes
        Row at which the label of each becomes known: its window is all rows from the date's own to this one.

    Raises
    ------
    LeakError
        If the window of a training label overlaps that of a test label.
    ScheduleError
        If there is nothing to fit on or to forecast.
    """

    train: Ints
    test: Ints
    train_ends: Ints
    test_ends: Ints

    def __post_init__(self) -> None:
        """Refuse to exist if two label windows overlap."""
        if not (len(self.train) and len(self.test)):
            raise ScheduleError(
                f"a fold needs training and test dates, got {len(self.train)} and {len(self.test)}"
            )
        # Of the test windows that begin by the end of a training window, the one that reaches furthest decides.
        reach = np.maximum.accumulate(self.test_ends)
        begun = np.searchsorted(self.test, self.train_ends, side="right")
        overlap = (begun > 0) & (reach[np.maximum(begun, 1) - 1] >= self.train)
        if overlap.any():
            row, end = int(self.train[overlap][0]), int(self.train_ends[overlap][0])
            raise LeakError(
                f"{int(overlap.sum())} training labels overlap test labels; the first is that of row {row}, which ends"
                f" at row {end}"
            )


class CombinatorialPurged(DateSplitter):
    """Cut the dates into blocks, test on each choice of some of them, train on the dates that do not overlap.

    It has scikit-learn's splitter interface: `cross_val_score(model, X, y, cv=CombinatorialPurged(...))` works.
    `cross_val_predict` needs each date to be tested once, which holds for `n_test_groups=1` alone; with more, each
    date has as many forecasts as there are paths: see `assemble`.

    Forecasts are fitted on data from after their date. They show how a model fares over many histories; they are not
    a record of what it would have earned, for which there is `WalkForward`.

    Parameters
    ----------
    ends : array-like of int, shape (T,)
        For each date, the row at which its label becomes known (`Labels.end`). The purge follows from it. Leave
        out the last dates, whose labels end beyond the panel, if they have none.
    n_groups : int
        Blocks of successive dates, of equal size up to one date.
    n_test_groups : int
        Blocks to test on at a time, fewer than `n_groups`.
    embargo : int
        Observations that must lie between the end of the last label of a test block and the next training date.
        Before a test block there is only the purge: a model fitted to what ended there saw nothing of the test.
    first_row : int
        First row to train or test on (the features are warm from there).

    Raises
    ------
    ScheduleError
        If a number is out of range, or a choice leaves no date to train on.

    Notes
    -----
    López de Prado (2018), *Advances in Financial Machine Learning*, section 7.4 on purge and embargo, chapter 12
    on combinations and paths.
    """

    def __init__(
        self, ends: ArrayLike, *, n_groups: int, n_test_groups: int, embargo: int = 0, first_row: int = 0
    ) -> None:
        super().__init__(ends)
        self.n_groups = n_groups
        self.n_test_groups = n_test_groups
        self.embargo = embargo
        self.first_row = first_row
        if not 1 <= n_test_groups < n_groups or embargo < 0 or first_row < 0:
            raise ScheduleError(
                "n_test_groups must be at least 1 and less than n_groups, embargo and first_row at least 0, got "
                f"{n_test_groups}, {n_groups}, {embargo} and {first_row}"
            )
        n_dates = max(0, len(self.ends) - first_row)
        if n_dates < n_groups:
            raise ScheduleError(
                f"{n_groups} groups cannot be made of the {n_dates} dates from row {first_row}"
            )

    def groups(self) -> tuple[Ints, ...]:
        """Return the rows of each block, in time order."""
        rows = np.arange(self.first_row, len(self.ends), dtype=np.int64)
        return tuple(np.array_split(rows, self.n_groups))

    def choices(self) -> tuple[tuple[int, ...], ...]:
        """Return the test blocks of each fold, in lexicographic order."""
        return tuple(combinations(range(self.n_groups), self.n_test_groups))

    def folds(self) -> tuple[PurgedFold, ...]:
        """Return the fold of each choice."""
        groups = self.groups()
        return tuple(self._fold([groups[g] for g in choice]) for choice in self.choices())

    def _fold(self, blocks: Sequence[Ints]) -> PurgedFold:
        rows = np.arange(self.first_row, len(self.ends), dtype=np.int64)
        ends = self.ends[rows]
        allowed = np.ones(len(rows), dtype=bool)
        for block in blocks:
            # The windows of successive dates leave no hole: together they are one, from the first date on.
            last = self.ends[block].max() + self.embargo
            allowed &= (ends < block[0]) | (rows > last)
        train, test = rows[allowed], np.concatenate(blocks)
        if not len(train):
            raise ScheduleError(
                f"no training date is left beside the test blocks that start at rows "
                f"{', '.join(str(int(block[0])) for block in blocks)}: labels or embargo ({self.embargo}) are too long "
                f"for blocks of {len(blocks[0])} dates; take fewer groups"
            )
        return PurgedFold(train, test, self.ends[train], self.ends[test])

    def get_n_splits(
        self, X: ArrayLike | None = None, y: ArrayLike | None = None, groups: ArrayLike | None = None
    ) -> int:
        """Return the number of folds: C(n_groups, n_test_groups)."""
        return comb(self.n_groups, self.n_test_groups)

    @property
    def n_paths(self) -> int:
        """Number of backtest paths: C(n_groups - 1, n_test_groups - 1), the folds in which a block is tested."""
        return comb(self.n_groups - 1, self.n_test_groups - 1)

    def paths(self) -> Ints:
        """Return the fold from which each path takes each block, shape (n_paths, n_groups).

        The j-th path takes each block from the j-th fold that tests it, so that each forecast is in one path.
        """
        tested = np.zeros((self.get_n_splits(), self.n_groups), dtype=bool)
        for fold, choice in enumerate(self.choices()):
            tested[fold, list(choice)] = True
        return np.stack([np.flatnonzero(column) for column in tested.T], axis=1).astype(np.int64)

    def assemble_paths(self, forecasts: Sequence[Floats]) -> Floats:
        """Return the forecasts of each path, shape (n_paths, T, ...), NaN before `first_row`.

        Parameters
        ----------
        forecasts : sequence of ndarray, one per fold, in the order of `folds`
            Forecasts of the fold's test dates, shape (len(fold.test), ...).

        Raises
        ------
        ScheduleError
            If there is not one forecast for each test date of each fold.
        """
        folds = self.folds()
        came, wanted = [len(forecast) for forecast in forecasts], [len(fold.test) for fold in folds]
        if came != wanted:
            raise ScheduleError(f"the folds test {wanted} dates, but the forecasts are for {came}")
        out = np.full((self.n_paths, len(self.ends), *forecasts[0].shape[1:]), np.nan)
        for path, taken in enumerate(self.paths()):
            for block, fold in zip(self.groups(), taken, strict=True):
                at = int(np.searchsorted(folds[fold].test, block[0]))
                out[path, block] = forecasts[fold][at : at + len(block)]
        return out

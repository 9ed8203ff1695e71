"""Training windows as slices of one grid of dates, and stretches of folds that share one conditioning."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from foundation.types import Floats, Ints
from models.dataset import Dataset
from models.walk_forward.design import split_dates
from models.walk_forward.standardise import CLIP, Standardiser
from models.walk_forward.state import WalkState
from validation.folds.walk_forward import Fold

if TYPE_CHECKING:
    from models.walk_forward.results import WalkResult


_JOINS = 0.05
"""Share of the training dates on which an absent feature must have appeared before it is used."""


@dataclass(frozen=True, eq=False)
class TrainingWindows:
    """Training windows as slices of one grid of dates.

    Attributes
    ----------
    grid : ndarray of int
        All training dates, increasing.
    ends : ndarray of int
        Row at which the label of each ends.
    start, stop : ndarray of int, shape (F,)
        The window of each fold is grid[start:stop].
    """

    grid: Ints
    ends: Ints
    start: Ints
    stop: Ints

    @classmethod
    def of(cls, folds: Sequence[Fold]) -> TrainingWindows | None:
        """Return the spans of folds, or None unless windows are slices that only move forward."""
        grid, first = np.unique(np.concatenate([fold.train for fold in folds]), return_index=True)
        ends = np.concatenate([fold.train_ends for fold in folds])[first]
        start = np.array([np.searchsorted(grid, fold.train[0]) for fold in folds])
        stop = np.array([np.searchsorted(grid, fold.train[-1]) + 1 for fold in folds])
        whole = all(len(f.train) == j - i for f, i, j in zip(folds, start, stop, strict=True))
        forward = (np.diff(start) >= 0).all() and (np.diff(stop) >= 0).all()
        ahead = all(a.test[-1] < b.test[0] for a, b in pairwise(folds))
        return cls(grid, ends, start, stop) if whole and forward and ahead else None

    def window(self, f: int) -> tuple[int, int]:
        """Return where the training window of a fold starts and stops on the grid."""
        return int(self.start[f]), int(self.stop[f])

    def resume_walk(self, folds: Sequence[Fold], previous: WalkResult | None) -> tuple[int, WalkState]:
        """Return how many folds of a walk over fewer dates are unchanged, and its state up to them.

        A fold with a test date that was not on the grid has changed: it lacked dates, or their losses. Without an
        earlier walk with a state the number is 0.
        """
        if previous is None or previous.state is None:
            return 0, WalkState.empty(len(self.grid))
        done = find_unfinished(folds, int(self.grid[len(previous.state.losses) - 1]))
        place = int(np.searchsorted(self.grid, folds[done].test[0]))
        return done, previous.state.extend(len(self.grid), place, done)

    def record_losses(self, state: WalkState, fold: Fold, losses: Floats) -> None:
        """Write the losses on the dates of `test_dates` into the state."""
        state.losses[np.searchsorted(self.grid, self.test_dates(fold))] = losses

    def test_dates(self, fold: Fold) -> Ints:
        """Return the dates of the grid from the first to the last test date of a fold."""
        first, last = np.searchsorted(self.grid, [fold.test[0], fold.test[-1] + 1])
        return self.grid[first:last]


def find_unfinished(folds: Sequence[Fold], known: int) -> int:
    """Return the first fold with a test date after `known`, from which a continued walk computes."""
    return next(f for f, fold in enumerate(folds) if fold.test[-1] > known)


def split_stretches(
    data: Dataset, windows: TrainingWindows, renew: float = 0.5, clip: float | None = CLIP, *, begin: int = 0
) -> Iterator[tuple[Standardiser, list[int]]]:
    """Yield stretches of folds that share one conditioning, measured on the first training window of the stretch.

    A new stretch begins when more than the share `renew` of the training dates are others than those measured on,
    or when a feature that was absent or constant has appeared. With expanding windows and a half that is after each
    doubling of their length, so that all stretches together cost a small multiple of one pass, whatever the number
    of folds. `begin` is a fold with which a stretch is known to begin.
    """
    f, total = begin, len(windows.start)
    while f < total:
        measured = windows.grid[windows.start[f] : windows.stop[f]]
        scaler = _fit_scaler(data, measured, clip)
        come_up = _count_informative(data, scaler, windows.grid)
        last = f + 1
        while last < total:
            start, stop = windows.window(last)
            overlap = max(0, int(windows.stop[f]) - start)
            seen = come_up[stop] - come_up[start]
            if overlap < (1 - renew) * (stop - start) or (seen > _JOINS * (stop - start)).any():
                break
            last += 1
        yield scaler, list(range(f, last))
        f = last


def _fit_scaler(data: Dataset, dates: Ints, clip: float | None) -> Standardiser:
    """Return the conditioning by the training rows of these dates."""
    return Standardiser(clip).fit_pieces(
        lambda: (data.training(piece)[0] for piece in split_dates(dates, data.y.shape[1]))
    )


def _count_informative(data: Dataset, scaler: Standardiser, grid: Ints) -> Ints:
    """Return on how many dates of grid[:i] each feature without a scale has a new value, (len(grid) + 1, D)."""
    without = np.flatnonzero(scaler.scale_ == 0)
    dates = np.zeros((len(grid) + 1, len(without)), dtype=np.int64)
    for place, k in enumerate(without):
        x, centre = data.X[grid, :, k], scaler.mean_[k]
        informative = np.isfinite(x) & (np.abs(x - centre) > 1e-12 * max(1.0, abs(centre)))
        dates[1:, place] = np.cumsum((informative & data.usable[grid]).any(axis=1))
    return dates

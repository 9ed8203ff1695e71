"""The walk-forward of boosted trees: rows are binned once, folds are subsets, their number comes from the past."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from copy import copy
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np

from foundation.types import Floats, Ints, Json
from models.boosting.binned_rows import Binned
from models.boosting.model import Boosting
from models.dataset import Dataset, Rows
from models.parallel.executors import Executor, count_threads
from models.walk_forward.losses import square_errors
from models.walk_forward.plain_walk import (
    arrange_by_pair,
    describe_fit,
    make_no_rows_error,
    reuse_folds,
    walk_plain,
)
from models.walk_forward.results import FoldFit, Progress, WalkResult
from models.walk_forward.state import WalkState
from models.walk_forward.windows import TrainingWindows, split_stretches
from validation.folds.walk_forward import Fold

AHEAD = 8
"""Folds that may be grown side by side. How many trees one grows follows from the choice so many folds before: a fixed
distance, so that results do not depend on the number of threads."""
_FACTOR = 1.3
"""A fold grows this multiple of the number of trees that was chosen `AHEAD` folds before."""
_FACTOR_AT_LIMIT = 2
"""The multiple if that fold had chosen all the trees that it grew."""
FEWEST = 40
"""A fold grows at least this number of trees, so that the choice can rise again after it was very small."""
_FIRST_FACTOR = 3
"""Each of the first `AHEAD` folds grows this multiple of the number that blocks of the first window would choose."""
FIRST_FEWEST = 64
"""Least number of trees of these folds: their choice rests on fewer dates than later ones, and is corrected slowly."""


@dataclass(frozen=True, eq=False)
class _GrownFold:
    """A fold's trees, the predictions of each number of trees, and their losses on dates of the training grid."""

    booster: lgb.Booster
    n_trees: int
    n_rows: int
    rows: Rows
    staged: Floats
    losses: Floats
    seconds: float


def walk_boosting(
    model: Boosting,
    name: str,
    data: Dataset,
    folds: Sequence[Fold],
    progress: Progress | None = None,
    executor: Executor | None = None,
    previous: WalkResult | None = None,
) -> WalkResult:
    """Fit and predict along the folds; folds that `previous`, the same walk over fewer dates, finished are reused.

    Bins are measured on the first training window of a stretch of folds; later rows are sorted into them. All folds
    of a stretch are subsets of one binned data set, grown in parallel threads. A fold grows no more trees than
    earlier choices make likely. A choice of more trees uses all that were grown. The plain loop handles nested
    choices, and training windows that are not slices of one grid.
    """
    windows = TrainingWindows.of(folds) if model.selection == "past" else None
    if windows is None:
        return walk_plain(model, name, data, folds, progress, executor, previous)
    workers = count_threads(executor)
    done, state = windows.resume_walk(folds, previous)
    raw, fits = reuse_folds(data, folds, previous, done)
    last: Json = {}
    if not done:
        state.allocate_losses(len(model.tree_counts()))
        state.initial_losses = model.inner_losses(*data.training(folds[0].train), relative=data.relative)
    with ThreadPoolExecutor(min(AHEAD, workers)) as pool:
        for f, job in _grow_ahead(model, data, folds, windows, fits, pool, done, state):
            grown = job.result()
            losses = state.initial_losses + state.losses[: windows.stop[f]].sum(axis=0)
            windows.record_losses(state, folds[f], grown.losses)
            place = int(np.argmin(losses))
            fitted = copy(model)
            fitted.booster_, fitted.n_trees_ = grown.booster, min(model.tree_counts()[place], grown.n_trees)
            raw[folds[f].test] = arrange_by_pair(data, folds[f], grown.rows, grown.staged[:, place])
            fits.append(describe_fit(fitted, data, folds[f], grown.n_rows, grown.seconds))
            last = fitted.spec(data.names) if f == len(folds) - 1 else {}
            if progress is not None:
                progress(f + 1, len(folds))
    return WalkResult(name, raw, tuple(fits), last, state=state)


def _grow_ahead(
    model: Boosting,
    data: Dataset,
    folds: Sequence[Fold],
    windows: TrainingWindows,
    fits: Sequence[FoldFit],
    pool: ThreadPoolExecutor,
    done: int,
    state: WalkState,
) -> Iterator[tuple[int, Future[_GrownFold]]]:
    """Yield the folds from `done` on in their order, grown in threads a few folds ahead of the caller.

    The caller appends to `fits`; the state keeps the first folds of stretches.
    """
    waiting: deque[tuple[int, Future[_GrownFold]]] = deque()
    grown = list[int]()
    for _, members in split_stretches(data, windows, model.rebin, begin=max(state.stretch_starts, default=0)):
        state.add_stretch(members[0])
        binned = Binned(model, data, windows, members)
        for f in members[max(done - members[0], 0) :]:
            while len(waiting) >= AHEAD:
                yield waiting.popleft()
            while len(grown) <= f:  # those of a walk over fewer dates follow from its choices once more
                grown.append(_count_trees(model, fits, state, grown))
            waiting.append((f, pool.submit(_grow_fold, model, data, folds[f], windows, binned, f, grown[f])))
    yield from waiting


def _count_trees(model: Boosting, fits: Sequence[FoldFit], state: WalkState, grown: Sequence[int]) -> int:
    """Return the number of trees of the next fold, beyond which it is not likely to choose.

    It follows from what all folds before it have `grown`, and from what those so far described chose.
    """
    f = len(grown) - AHEAD
    if f < 0:
        likely = model.tree_counts()[int(np.argmin(state.initial_losses))]
        return model.round_up(max(FIRST_FEWEST, _FIRST_FACTOR * likely))
    chosen = int(fits[f].chosen["trees"])
    return model.round_up(max(FEWEST, (_FACTOR_AT_LIMIT if chosen == grown[f] else _FACTOR) * chosen))


def _grow_fold(
    model: Boosting, data: Dataset, fold: Fold, windows: TrainingWindows, binned: Binned, f: int, n_trees: int
) -> _GrownFold:
    began = time.perf_counter()
    subset, n_rows = binned.window(*windows.window(f))
    if not n_rows:
        raise make_no_rows_error(fold)
    booster = model.grow(subset, n_rows, n_trees)
    X, rows = data.rows_to_forecast(fold.test)
    staged = model.predict_stages(booster, X, n_trees)
    losses = _losses_by_date(data, staged, rows, windows.test_dates(fold))
    return _GrownFold(booster, n_trees, n_rows, rows, staged, losses, time.perf_counter() - began)


def _losses_by_date(data: Dataset, staged: Floats, rows: Rows, dates: Ints) -> Floats:
    """Return the squared error of each number of trees on each date, shape (len(dates), S)."""
    y = data.y[rows.date, rows.asset]
    counts = np.isfinite(y) & np.isin(rows.date, dates)
    errors = square_errors(y[counts, None] - staged[counts], rows[counts], relative=data.relative)
    out = np.zeros((len(dates), staged.shape[1]))
    np.add.at(out, np.searchsorted(dates, rows.date[counts]), errors)
    return out

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
from models.boosting.model import Boosting, squared
from models.dataset import Dataset, Rows
from models.parallel.executors import Executor, threads_of
from models.walk_forward.plain_walk import by_pair, describe_fit, no_rows, taken_over, walk_plain
from models.walk_forward.results import FoldFit, Progress, WalkResult
from models.walk_forward.state import Record
from models.walk_forward.windows import Spans, stretches
from validation.folds.walk_forward import Fold

AHEAD = 8
"""Folds that may be grown side by side. How many trees one grows follows from the choice so many folds before: a fixed
distance, so that results do not depend on the number of threads."""
ROOM = 1.3
"""A fold grows so many times the number of trees that was chosen `AHEAD` folds before: one step more of those to choose
among, ..."""
MORE = 2
"""... or so many times it, where all that were grown then were chosen, ..."""
FEWEST = 40
"""... but at least so many, so that a record that spoke for hardly any tree can change its mind."""
FIRST_ROOM = 3
"""The first `AHEAD` folds grow so many times the number that the blocks inside the first window would choose, ..."""
FIRST_FEWEST = 64
"""... but at least so many: that choice rests on less than a walk's, and what it rules out comes back slowly."""


@dataclass(frozen=True, eq=False)
class _Grown:
    """A fold's trees, the predictions of each number of them, and what these lost on dates trained on later."""

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
    before: WalkResult | None = None,
) -> WalkResult:
    """Fit and predict along the folds, or along those that the same walk over fewer dates (`before`) did not finish.

    Bins are measured on the first training window of a stretch of folds; later rows are sorted into them. All folds
    of a stretch are subsets of one binned data set, grown side by side in threads. A fold grows no more trees than
    the choices before it make likely to be used; where a number beyond them is asked for, it means all there are.
    The plain loop serves nested choices, and training windows that are no slices of one grid.
    """
    spans = Spans.of(folds) if model.selection == "past" else None
    if spans is None:
        return walk_plain(model, name, data, folds, progress, executor, before)
    workers = threads_of(executor)
    done, record = spans.going_on(folds, before)
    raw, fits = taken_over(data, folds, before, done)
    last: Json = {}
    if not done:
        record.make_room(len(model.steps()))
        record.before = model.inner_losses(*data.training(folds[0].train), relative=data.relative)
    with ThreadPoolExecutor(min(AHEAD, workers)) as pool:
        for f, job in _grown(model, data, folds, spans, fits, pool, done, record):
            grown = job.result()
            losses = record.before + record.losses[: spans.stop[f]].sum(axis=0)
            spans.keep(record, folds[f], grown.losses)
            place = int(np.argmin(losses))
            fitted = copy(model)
            fitted.booster_, fitted.n_trees_ = grown.booster, min(model.steps()[place], grown.n_trees)
            raw[folds[f].test] = by_pair(data, folds[f], grown.rows, grown.staged[:, place])
            fits.append(describe_fit(fitted, data, folds[f], grown.n_rows, grown.seconds))
            last = fitted.spec(data.names) if f == len(folds) - 1 else {}
            if progress is not None:
                progress(f + 1, len(folds))
    return WalkResult(name, raw, tuple(fits), last, record=record)


def _grown(
    model: Boosting,
    data: Dataset,
    folds: Sequence[Fold],
    spans: Spans,
    fits: Sequence[FoldFit],
    pool: ThreadPoolExecutor,
    done: int,
    record: Record,
) -> Iterator[tuple[int, Future[_Grown]]]:
    """Yield the folds from `done` on in their order, grown in threads a few folds ahead of the caller.

    The caller appends to `fits`; the record keeps with which folds stretches begin.
    """
    waiting: deque[tuple[int, Future[_Grown]]] = deque()
    grown = list[int]()
    for _, members in stretches(data, spans, model.rebin, begin=max(record.begun, default=0)):
        record.begin(members[0])
        binned = Binned(model, data, spans, members)
        for f in members[max(done - members[0], 0) :]:
            while len(waiting) >= AHEAD:
                yield waiting.popleft()
            while len(grown) <= f:  # those of a walk over fewer dates follow from its choices once more
                grown.append(_to_grow(model, fits, record, grown))
            waiting.append((f, pool.submit(_grow, model, data, folds[f], spans, binned, f, grown[f])))
    yield from waiting


def _to_grow(model: Boosting, fits: Sequence[FoldFit], record: Record, grown: Sequence[int]) -> int:
    """Return the number of trees of the next fold, beyond which it is not likely to choose.

    It follows from what all folds before it have `grown`, and from what those so far described chose.
    """
    f = len(grown) - AHEAD
    if f < 0:
        likely = model.steps()[int(np.argmin(record.before))]
        return model.enough(max(FIRST_FEWEST, FIRST_ROOM * likely))
    chosen = int(fits[f].chosen["trees"])
    return model.enough(max(FEWEST, (MORE if chosen == grown[f] else ROOM) * chosen))


def _grow(
    model: Boosting, data: Dataset, fold: Fold, spans: Spans, binned: Binned, f: int, n_trees: int
) -> _Grown:
    began = time.perf_counter()
    subset, n_rows = binned.window(*spans.window(f))
    if not n_rows:
        raise no_rows(fold)
    booster = model.grow(subset, n_rows, n_trees)
    X, rows = data.asked(fold.test)
    staged = model.staged(booster, X, n_trees)
    losses = _losses(data, staged, rows, spans.trained_later(fold))
    return _Grown(booster, n_trees, n_rows, rows, staged, losses, time.perf_counter() - began)


def _losses(data: Dataset, staged: Floats, rows: Rows, dates: Ints) -> Floats:
    """Return the squared error of each number of trees on each date, shape (len(dates), S)."""
    y = data.y[rows.date, rows.asset]
    counts = np.isfinite(y) & np.isin(rows.date, dates)
    errors = squared(y[counts, None] - staged[counts], rows[counts], relative=data.relative)
    out = np.zeros((len(dates), staged.shape[1]))
    np.add.at(out, np.searchsorted(dates, rows.date[counts]), errors)
    return out

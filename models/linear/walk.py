"""The walk-forward of linear models: each row is brought into sums once, however many folds there are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from foundation.types import Floats, Ints, Json
from models.dataset import Dataset
from models.linear.candidates import Candidates, Window
from models.linear.regression import LinearForecaster
from models.parallel.executors import Executor, threads_of
from models.walk_forward.design import Design
from models.walk_forward.moments import Moments
from models.walk_forward.plain_walk import describe_fit, no_rows, predict_fold, taken_over, walk_plain
from models.walk_forward.results import Progress, WalkResult
from models.walk_forward.state import Record
from models.walk_forward.windows import Spans, stretches, unfinished
from validation.folds.walk_forward import Fold


@dataclass(frozen=True, eq=False)
class _Solved:
    """A fold's candidates, and what they lost on its test dates that are trained on later."""

    candidates: Candidates
    losses: Floats
    seconds: float


def walk_linear(
    model: LinearForecaster,
    name: str,
    data: Dataset,
    folds: Sequence[Fold],
    progress: Progress | None = None,
    executor: Executor | None = None,
    before: WalkResult | None = None,
) -> WalkResult:
    """Fit and predict along the folds, or along those that the same walk over fewer dates (`before`) did not finish.

    The candidates of all folds come from running sums. Which of them (or which mixture) a fold uses follows from
    what the candidates of earlier folds lost on test dates whose labels have ended since, at no extra fit, or from
    blocks inside the training window. Where training windows are no slices of one grid, the plain loop does it.
    """
    spans = Spans.of(folds)
    if spans is None:
        return walk_plain(model, name, data, folds, progress, executor, before)
    workers = threads_of(executor)
    # Choices inside each training window leave sums at places of their own: they are made again.
    done, record = spans.going_on(folds, before if model.selection == "past" else None)
    raw, fits = taken_over(data, folds, before, done)
    last: Json = {}
    with ThreadPoolExecutor(workers) as pool:
        for f, window, job in _solved(model, data, folds, spans, pool, workers, done, record):
            solved = job.result()
            began = time.perf_counter()
            if f == 0:
                record.make_room(len(solved.candidates.settings))
            if f == 0 or model.selection == "nested":
                record.before = window.inner_losses(
                    model, solved.candidates.settings, *spans.window(f), spans.ends, model.inner_splits
                )
            usable = 0 if model.selection == "nested" else int(spans.stop[f])
            weights = model.mixture(record.before, record.losses[:usable])
            spans.keep(record, folds[f], solved.losses)
            fitted = model.adopt(solved.candidates, weights, window.design.scaler)
            raw[folds[f].test] = predict_fold(fitted, data, folds[f])
            seconds = solved.seconds + time.perf_counter() - began
            fits.append(describe_fit(fitted, data, folds[f], solved.candidates.n, seconds))
            last = fitted.spec(data.names) if f == len(folds) - 1 else {}
            if progress is not None:
                progress(f + 1, len(folds))
    return WalkResult(name, raw, tuple(fits), last, record=record)


def _solved(
    model: LinearForecaster,
    data: Dataset,
    folds: Sequence[Fold],
    spans: Spans,
    pool: ThreadPoolExecutor,
    workers: int,
    done: int,
    record: Record,
) -> Iterator[tuple[int, Window, Future[_Solved]]]:
    """Yield the folds from `done` on in their order, solved in threads a few folds ahead of the caller.

    The record is told with which folds stretches begin, and keeps the sums that a longer walk goes on from.
    """
    resumed = unfinished(folds, int(spans.grid[-1]))
    waiting: deque[tuple[int, Window, Future[_Solved]]] = deque()
    for scaler, members in stretches(data, spans, clip=model.clip, begin=max(record.begun, default=0)):
        record.begin(members[0])
        n_rows = _count(data, spans.grid[spans.start[members[0]] : spans.stop[members[0]]])
        design = Design(
            data, data.y.shape[1], scaler, model.within_dates, model.half_life, int(spans.grid[0])
        )
        wide = n_rows < len(data.names)
        sums = record.sums if members[0] < done else None
        window = Window(design, spans.grid, int(spans.start[members[0]]), wide=wide, sums=sums)
        for f in members[max(done - members[0], 0) :]:
            if f == resumed:
                record.sums = dict(window.running.sums)
            start, stop = spans.window(f)
            moments = window.moments(start, stop)
            if model.selection != "nested" and f > 0:
                window.running.forget(start, stop)
            n = n_rows if moments is None else moments.n
            if n == 0:
                raise no_rows(folds[f])
            shared = spans.trained_later(folds[f])

            waiting.append((f, window, pool.submit(_solve, model, window, start, stop, moments, shared)))
            # Blocks inside a training window are asked of the running sums before these move on.
            ahead = 0 if f == 0 or model.selection == "nested" else 2 * workers
            while len(waiting) > ahead:
                yield waiting.popleft()
    yield from waiting


def _solve(
    model: LinearForecaster, window: Window, start: int, stop: int, moments: Moments | None, shared: Ints
) -> _Solved:
    began = time.perf_counter()
    candidates = window.candidates(model, start, stop, moments)
    losses = window.loss_by_date(candidates, shared)
    return _Solved(candidates, losses, time.perf_counter() - began)


def _count(data: Dataset, dates: Ints) -> int:
    return int((data.usable[dates] & np.isfinite(data.y[dates])).sum())

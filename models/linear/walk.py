"""Walk-forward of linear models: each row is added to running sums once, for any number of folds."""

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
from models.linear.forecaster import LinearForecaster
from models.parallel.executors import Executor, count_threads
from models.walk_forward.design import Design
from models.walk_forward.moments import Moments
from models.walk_forward.plain_walk import (
    describe_fit,
    make_no_rows_error,
    predict_fold,
    reuse_folds,
    walk_plain,
)
from models.walk_forward.results import Progress, WalkResult
from models.walk_forward.state import WalkState
from models.walk_forward.windows import TrainingWindows, find_unfinished, split_stretches
from validation.folds.walk_forward import Fold


@dataclass(frozen=True, eq=False)
class _FoldSolution:
    """A fold's candidates, and their losses on its test dates, which later folds train on."""

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
    previous: WalkResult | None = None,
) -> WalkResult:
    """Fit and predict along the folds; folds that `previous`, the same walk over fewer dates, finished are reused.

    The candidates of all folds come from running sums. A fold chooses one of them (or a mixture) by the losses of
    the candidates of earlier folds on test dates whose labels have ended, at no extra fit, or by blocks inside the
    training window. The plain loop handles training windows that are not slices of one grid.
    """
    windows = TrainingWindows.of(folds)
    if windows is None:
        return walk_plain(model, name, data, folds, progress, executor, previous)
    workers = count_threads(executor)
    # Nested choices keep sums at other positions of the grid, so their folds are computed again.
    done, state = windows.resume_walk(folds, previous if model.selection == "past" else None)
    raw, fits = reuse_folds(data, folds, previous, done)
    last: Json = {}
    with ThreadPoolExecutor(workers) as pool:
        for f, window, job in _solve_ahead(model, data, folds, windows, pool, workers, done, state):
            solution = job.result()
            began = time.perf_counter()
            if f == 0:
                state.allocate_losses(len(solution.candidates.settings))
            if f == 0 or model.selection == "nested":
                state.initial_losses = window.inner_losses(
                    model, solution.candidates.settings, *windows.window(f), windows.ends, model.inner_splits
                )
            usable = 0 if model.selection == "nested" else int(windows.stop[f])
            weights = model.mixture(state.initial_losses, state.losses[:usable])
            windows.record_losses(state, folds[f], solution.losses)
            fitted = model.adopt(solution.candidates, weights, window.design.scaler)
            raw[folds[f].test] = predict_fold(fitted, data, folds[f])
            seconds = solution.seconds + time.perf_counter() - began
            fits.append(describe_fit(fitted, data, folds[f], solution.candidates.n, seconds))
            last = fitted.spec(data.names) if f == len(folds) - 1 else {}
            if progress is not None:
                progress(f + 1, len(folds))
    return WalkResult(name, raw, tuple(fits), last, state=state)


def _solve_ahead(
    model: LinearForecaster,
    data: Dataset,
    folds: Sequence[Fold],
    windows: TrainingWindows,
    pool: ThreadPoolExecutor,
    workers: int,
    done: int,
    state: WalkState,
) -> Iterator[tuple[int, Window, Future[_FoldSolution]]]:
    """Yield the folds from `done` on in their order, solved in threads a few folds ahead of the caller.

    The state keeps the first folds of stretches, and the sums from which a longer walk continues.
    """
    resumed = find_unfinished(folds, int(windows.grid[-1]))
    waiting: deque[tuple[int, Window, Future[_FoldSolution]]] = deque()
    for scaler, members in split_stretches(
        data, windows, clip=model.clip, begin=max(state.stretch_starts, default=0)
    ):
        state.add_stretch(members[0])
        n_rows = _count(data, windows.grid[windows.start[members[0]] : windows.stop[members[0]]])
        design = Design(
            data, data.y.shape[1], scaler, model.within_dates, model.half_life, int(windows.grid[0])
        )
        wide = n_rows < len(data.names)
        sums = state.sums if members[0] < done else None
        window = Window(design, windows.grid, int(windows.start[members[0]]), wide=wide, sums=sums)
        for f in members[max(done - members[0], 0) :]:
            if f == resumed:
                state.sums = dict(window.running.sums)
            start, stop = windows.window(f)
            moments = window.moments(start, stop)
            if model.selection != "nested" and f > 0:
                window.running.forget_except(start, stop)
            n = n_rows if moments is None else moments.n
            if n == 0:
                raise make_no_rows_error(folds[f])
            shared = windows.test_dates(folds[f])

            waiting.append((f, window, pool.submit(_solve_fold, model, window, start, stop, moments, shared)))
            # Blocks inside a training window need the running sums before these advance.
            ahead = 0 if f == 0 or model.selection == "nested" else 2 * workers
            while len(waiting) > ahead:
                yield waiting.popleft()
    yield from waiting


def _solve_fold(
    model: LinearForecaster, window: Window, start: int, stop: int, moments: Moments | None, shared: Ints
) -> _FoldSolution:
    began = time.perf_counter()
    candidates = window.candidates(model, start, stop, moments)
    losses = window.loss_by_date(candidates, shared)
    return _FoldSolution(candidates, losses, time.perf_counter() - began)


def _count(data: Dataset, dates: Ints) -> int:
    return int((data.usable[dates] & np.isfinite(data.y[dates])).sum())

"""The walk-forward of linear models: each row is brought into sums once, however many folds there are."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.base import FoldFit, Json, Progress, WalkResult, no_rows
from models.candidates import Candidates, Window
from models.dataset import Dataset
from models.design import Design, pieces
from models.moments import Moments
from models.scaling import Standardiser
from models.target import row_mean
from validation.walk_forward import Fold

if TYPE_CHECKING:
    from models.linear import LinearForecaster

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

JOINS = 0.05
"""Share of the training dates on which a feature that was absent must have been seen before it is taken in."""


@dataclass(frozen=True, eq=False)
class Spans:
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
    def of(cls, folds: Sequence[Fold]) -> Spans | None:
        """Return the spans of folds, or None unless windows are slices that only move forward."""
        grid, first = np.unique(np.concatenate([fold.train for fold in folds]), return_index=True)
        ends = np.concatenate([fold.train_ends for fold in folds])[first]
        start = np.array([np.searchsorted(grid, fold.train[0]) for fold in folds])
        stop = np.array([np.searchsorted(grid, fold.train[-1]) + 1 for fold in folds])
        whole = all(len(f.train) == j - i for f, i, j in zip(folds, start, stop, strict=True))
        forward = (np.diff(start) >= 0).all() and (np.diff(stop) >= 0).all()
        ahead = all(a.test[-1] < b.test[0] for a, b in pairwise(folds))
        return cls(grid, ends, start, stop) if whole and forward and ahead else None


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
    spans: Spans,
    progress: Progress | None,
) -> WalkResult:
    """Fit and predict along the folds.

    The candidates of all folds come from running sums. Which of them (or which mixture) a fold uses follows from
    what the candidates of earlier folds lost on test dates whose labels have ended since, at no extra fit, or from
    blocks inside the training window.
    """
    raw = np.full(data.y.shape, np.nan)
    fits: list[FoldFit] = []
    last: Json = {}
    record: _Record | None = None
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for f, window, job in _solved(model, data, folds, spans, pool):
            solved = job.result()
            began = time.perf_counter()
            if record is None:
                record = _Record(len(spans.grid), len(solved.candidates.settings))
            if f == 0 or model.selection == "nested":
                record.before = window.inner_losses(
                    model, solved.candidates.settings, *_span(spans, f), spans.ends, model.inner_splits
                )
            usable = 0 if model.selection == "nested" else int(spans.stop[f])
            weights = model.mixture(record.before, record.losses[:usable])
            record.add(spans.grid, folds[f].test, solved.losses)
            fitted = model.adopt(solved.candidates, weights, window.design.scaler)
            raw[folds[f].test] = predicted(fitted, data, folds[f].test)
            seconds = solved.seconds + time.perf_counter() - began
            importance = fitted.importance(len(data.names))
            fits.append(
                FoldFit(int(folds[f].test[0]), solved.candidates.n, fitted.chosen(), importance, seconds)
            )
            last = fitted.spec(data.names) if f == len(folds) - 1 else {}
            if progress is not None:
                progress(f + 1, len(folds))
    return WalkResult(name, raw, tuple(fits), last)


class _Record:
    """What candidates have lost: before the first test, and on each training date once it was a test date."""

    def __init__(self, n_dates: int, n_candidates: int) -> None:
        self.before = np.zeros(n_candidates)
        self.losses = np.zeros((n_dates, n_candidates))

    def add(self, grid: Ints, test: Ints, losses: Floats) -> None:
        """Keep the losses on the test dates that are on the grid."""
        first, last = np.searchsorted(grid, [test[0], test[-1] + 1])
        self.losses[first:last] = losses


def _span(spans: Spans, f: int) -> tuple[int, int]:
    return int(spans.start[f]), int(spans.stop[f])


def _solved(
    model: LinearForecaster, data: Dataset, folds: Sequence[Fold], spans: Spans, pool: ThreadPoolExecutor
) -> Iterator[tuple[int, Window, Future[_Solved]]]:
    """Yield the folds in their order, solved in threads a few folds ahead of the caller."""
    waiting: deque[tuple[int, Window, Future[_Solved]]] = deque()
    for scaler, members in stretches(data, spans):
        n_rows = _count(data, spans.grid[spans.start[members[0]] : spans.stop[members[0]]])
        design = Design(
            data, data.y.shape[1], scaler, model.within_dates, model.half_life, int(spans.grid[0])
        )
        wide = n_rows < len(data.names)
        window = Window(design, spans.grid, int(spans.start[members[0]]), wide=wide)
        for f in members:
            start, stop = _span(spans, f)
            moments = window.moments(start, stop)
            if model.selection != "nested" and f > 0:
                window.running.forget(start, stop)
            n = n_rows if moments is None else moments.n
            if n == 0:
                raise no_rows(folds[f])
            test = folds[f].test
            shared = spans.grid[slice(*np.searchsorted(spans.grid, [test[0], test[-1] + 1]))]

            waiting.append((f, window, pool.submit(_solve, model, window, start, stop, moments, shared)))
            # Blocks inside a training window are asked of the running sums before these move on.
            ahead = 0 if f == 0 or model.selection == "nested" else 2 * (os.cpu_count() or 1)
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


def stretches(data: Dataset, spans: Spans) -> Iterator[tuple[Standardiser, list[int]]]:
    """Yield stretches of folds that share one conditioning, measured on the first training window of the stretch.

    A new stretch begins when half of the training dates are others than those measured on, or when a feature that
    was absent or constant has come up: with expanding windows after each doubling of their length, so that all
    stretches together cost a small multiple of one pass, whatever the number of folds.
    """
    f, total = 0, len(spans.start)
    while f < total:
        measured = spans.grid[spans.start[f] : spans.stop[f]]
        scaler = _measured(data, measured)
        come_up = _come_up(data, scaler, spans.grid)
        last = f + 1
        while last < total:
            start, stop = _span(spans, last)
            overlap = max(0, int(spans.stop[f]) - start)
            seen = come_up[stop] - come_up[start]
            if 2 * overlap < stop - start or (seen > JOINS * (stop - start)).any():
                break
            last += 1
        yield scaler, list(range(f, last))
        f = last


def _measured(data: Dataset, dates: Ints) -> Standardiser:
    """Return the conditioning by the training rows of these dates."""
    return Standardiser().fit_pieces(
        lambda: (data.training(piece)[0] for piece in pieces(dates, data.y.shape[1]))
    )


def _come_up(data: Dataset, scaler: Standardiser, grid: Ints) -> Ints:
    """Return on how many dates of grid[:i] each feature without a scale has a telling value, (len(grid) + 1, D)."""
    without = np.flatnonzero(scaler.scale_ == 0)
    dates = np.zeros((len(grid) + 1, len(without)), dtype=np.int64)
    for place, k in enumerate(without):
        x, centre = data.X[grid, :, k], scaler.mean_[k]
        telling = np.isfinite(x) & (np.abs(x - centre) > 1e-12 * max(1.0, abs(centre)))
        dates[1:, place] = np.cumsum((telling & data.usable[grid]).any(axis=1))
    return dates


def predicted(model: LinearForecaster, data: Dataset, dates: Ints) -> Floats:
    """Return the predictions for dates, shape (len(dates), N), NaN outside of the universe."""
    out = np.full((len(dates), data.y.shape[1]), np.nan)
    for piece in pieces(dates, data.y.shape[1]):
        X, rows = data.asked(piece)
        if len(rows.date):
            out[np.searchsorted(dates, rows.date), rows.asset] = model.predict(X, rows)
    return out - row_mean(out)[:, None] if data.relative else out

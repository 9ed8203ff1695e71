"""The plain walk-forward: fit and predict fold by fold. It is the oracle of the faster walks."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import Any

import numpy as np
from sklearn.base import clone

from foundation.types import Floats, Json
from models.base import Forecaster
from models.dataset import Dataset, Rows
from models.errors import TrainingError
from models.parallel.executors import Executor, Threads
from models.target import row_mean
from models.walk_forward.results import FoldFit, Progress, WalkResult
from validation.folds.walk_forward import Fold

Walk = Callable[
    [Any, str, Dataset, Sequence[Fold], Progress | None, Executor | None, WalkResult | None], WalkResult
]
"""The signature of every walk: model, name, data, folds, progress, executor, the same walk over fewer dates."""


def walk_plain(
    model: Forecaster,
    name: str,
    data: Dataset,
    folds: Sequence[Fold],
    progress: Progress | None = None,
    executor: Executor | None = None,
    previous: WalkResult | None = None,
) -> WalkResult:
    """Fit and predict fold by fold: the plain loop, and the oracle of any faster one.

    Parameters
    ----------
    name : str
        Name to put on the result.
    data : Dataset
    folds : sequence of Fold
    progress : callable, optional
        Called with the number of folds done and their total.
    executor : Executor, optional
        Where folds are computed, side by side: they share nothing, so the result is the same bits for any
        executor and any number of workers. Threads on all cores by default.
    previous : WalkResult, optional
        The same walk over fewer dates, whose unchanged folds are reused.

    Raises
    ------
    TrainingError
        If a fold has no usable training row.
    ExecutorError
        If the executor cannot be reached or died.
    """
    # The last fold of a walk that ended sooner has more test dates now.
    kept = 0 if previous is None or previous.state is not None else len(previous.fits) - 1
    raw, fits = reuse_folds(data, folds, previous, kept)
    last: Json = {}
    tasks = [(model, fold, fold is folds[-1]) for fold in folds[kept:]]
    with closing((executor or Threads()).map(_walk_fold, data, tasks)) as results:
        for done, (fold, result) in enumerate(zip(folds[kept:], results, strict=True), start=kept + 1):
            raw[fold.test], fit, last = result
            fits.append(fit)
            if progress is not None:
                progress(done, len(folds))
    return WalkResult(name, raw, tuple(fits), last)


def reuse_folds(
    data: Dataset, folds: Sequence[Fold], previous: WalkResult | None, count: int
) -> tuple[Floats, list[FoldFit]]:
    """Return predictions (T, N) and fits of the first `count` folds of an earlier walk, NaN elsewhere."""
    raw = np.full(data.y.shape, np.nan)
    if previous is None or count < 1:
        return raw, []
    rows = int(folds[count - 1].test[-1]) + 1
    raw[:rows] = previous.raw[:rows]
    return raw, list(previous.fits[:count])


def _walk_fold(data: Dataset, task: tuple[Forecaster, Fold, bool]) -> tuple[Floats, FoldFit, Json]:
    """Fit and predict one fold with a copy of the model, and describe the fit if the task says so."""
    unfitted, fold, describe = task
    began = time.perf_counter()
    model, n_rows = _fit_fold(unfitted, data, fold)
    predictions = predict_fold(model, data, fold)
    fit = describe_fit(model, data, fold, n_rows, time.perf_counter() - began)
    return predictions, fit, model.spec(data.names) if describe else {}


def describe_fit(model: Forecaster, data: Dataset, fold: Fold, n_rows: int, seconds: float) -> FoldFit:
    """Return the summary of a fitted model."""
    return FoldFit(int(fold.test[0]), n_rows, model.chosen(), model.importance(len(data.names)), seconds)


def _fit_fold(model: Forecaster, data: Dataset, fold: Fold) -> tuple[Forecaster, int]:
    """Return a fitted copy of the model and the number of rows it was fitted on."""
    X, y, rows = data.training(fold.train)
    if not len(y):
        raise make_no_rows_error(fold)
    return clone(model).fit(X, y, rows), len(y)


def make_no_rows_error(fold: Fold) -> TrainingError:
    """Return the error of a fold that has nothing to fit on."""
    return TrainingError(
        f"no usable training row before the test at row {int(fold.test[0])}: features that are warm, a "
        "finished label and a trailing volatility are needed; start the test later, or shorten the lookbacks or "
        "the risk window"
    )


def predict_fold(model: Forecaster, data: Dataset, fold: Fold) -> Floats:
    """Return the predictions for the test dates, shape (len(test), N), NaN outside the universe."""
    X, rows = data.rows_to_forecast(fold.test)
    return arrange_by_pair(data, fold, rows, model.predict(X, rows) if len(rows.date) else np.zeros(0))


def arrange_by_pair(data: Dataset, fold: Fold, rows: Rows, values: Floats) -> Floats:
    """Return predictions of test rows as (len(test), N), NaN elsewhere; differences only in a relative target."""
    out = np.full((len(fold.test), data.y.shape[1]), np.nan)
    out[np.searchsorted(fold.test, rows.date), rows.asset] = values
    return out - row_mean(out)[:, None] if data.relative else out

"""Forecaster: fit, predict, and a walk-forward that a faster model may override."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone

from foundation.types import Floats
from models.dataset import Dataset, Rows
from models.errors import TrainingError
from models.executors import Executor, Threads
from models.record import Record
from models.search_space import Parameters
from models.target import row_mean
from validation.folds.walk_forward import Fold

Json = dict[str, Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class FoldFit:
    """What is kept of one fit.

    Attributes
    ----------
    first_test : int
        Row of the panel at which this fit was used first.
    n_rows : int
        Rows (dates x assets) that it was fitted on.
    chosen : mapping of str to float
        Hyper-parameters chosen inside the training window.
    importance : ndarray of shape (K,)
        Share of each feature, not negative, summing to 1 (or all 0).
    seconds : float
        Wall-clock time of fit and prediction.
    """

    first_test: int
    n_rows: int
    chosen: Mapping[str, float]
    importance: Floats
    seconds: float


@dataclass(frozen=True)
class Trial:
    """Parameters that were tried inside a training window, and what they lost there.

    Attributes
    ----------
    model : str
    first_test : int
        Row of the panel at which the choice among these trials was used first.
    number : int
        In the order of the search, from 0: the model's own parameters.
    params : mapping of str to bool, int, float, str or None
    loss : float
        Mean weighted squared error in the target's unit over the blocks that it was fitted for; infinite where a
        forecast was.
    pruned : bool
        Whether it was given up before the last block.
    seconds : float
        Wall-clock time of its fits.
    """

    model: str
    first_test: int
    number: int
    params: Parameters
    loss: float
    pruned: bool
    seconds: float


@dataclass(frozen=True, eq=False)
class WalkResult:
    """Out-of-sample predictions of one model.

    Attributes
    ----------
    model : str
    raw : ndarray of shape (T, N)
        Predictions in the target's unit, NaN outside of test dates and universe.
    fits : tuple of FoldFit
        One a fold.
    last : dict
        JSON description of the last fit, enough to predict without this project's classes.
    trials : tuple of Trial
        All that were tried, of a model that is tuned.
    untuned : ndarray of shape (T, N), optional
        What a model that is tuned would have predicted with its own parameters.
    record : Record, optional
        What its choices rest on, so that a walk over more dates can go on from it.
    """

    model: str
    raw: Floats
    fits: tuple[FoldFit, ...]
    last: Json
    trials: tuple[Trial, ...] = ()
    untuned: Floats | None = None
    record: Record | None = None


class Forecaster(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no types
    """A model of the target given the features, with scikit-learn's habits.

    `fit` and `predict` work on stacked rows and take `Rows` to tell which date and asset each row is; without
    it each row counts as a date of its own, whose label ends at the next.
    """

    @abstractmethod
    def fit(self, X: Floats, y: Floats, rows: Rows | None = None) -> Self:
        """Fit to X (n, K) and y (n,); rows must be in time order."""

    @abstractmethod
    def predict(self, X: Floats, rows: Rows | None = None) -> Floats:
        """Return the expected target of each row, shape (n,)."""

    def chosen(self) -> dict[str, float]:
        """Return the hyper-parameters chosen in the last fit."""
        return {}

    def importance(self, n_features: int) -> Floats:
        """Return the share of each feature in the last fit, shape (n_features,)."""
        return np.zeros(n_features)

    def spec(self, names: Sequence[str]) -> Json:
        """Return a JSON description of the last fit that is enough to predict."""
        return {"kind": type(self).__name__, "features": list(names)}

    def walk_forward(
        self,
        name: str,
        data: Dataset,
        folds: Sequence[Fold],
        progress: Progress | None = None,
        executor: Executor | None = None,
        before: WalkResult | None = None,
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
        before : WalkResult, optional
            The same walk over fewer dates: of its folds, those that cannot have changed are taken over.

        Raises
        ------
        TrainingError
            If a fold has no usable training row.
        ExecutorError
            If whatever should compute cannot be reached or died.
        """
        # The last fold of a walk that ended sooner has more test dates now.
        kept = 0 if before is None or before.record is not None else len(before.fits) - 1
        raw, fits = taken_over(data, folds, before, kept)
        last: Json = {}
        asked = [(self, fold, fold is folds[-1]) for fold in folds[kept:]]
        with closing((executor or Threads()).map(_one_fold, data, asked)) as answers:
            for done, (fold, answer) in enumerate(zip(folds[kept:], answers, strict=True), start=kept + 1):
                raw[fold.test], fit, last = answer
                fits.append(fit)
                if progress is not None:
                    progress(done, len(folds))
        return WalkResult(name, raw, tuple(fits), last)


def taken_over(
    data: Dataset, folds: Sequence[Fold], before: WalkResult | None, count: int
) -> tuple[Floats, list[FoldFit]]:
    """Return predictions (T, N) and fits of the first `count` folds of an earlier walk, NaN elsewhere."""
    raw = np.full(data.y.shape, np.nan)
    if before is None or count < 1:
        return raw, []
    rows = int(folds[count - 1].test[-1]) + 1
    raw[:rows] = before.raw[:rows]
    return raw, list(before.fits[:count])


def _one_fold(data: Dataset, asked: tuple[Forecaster, Fold, bool]) -> tuple[Floats, FoldFit, Json]:
    """Fit and predict one fold with a copy of the model; the description is made where it is asked for."""
    unfitted, fold, describe = asked
    began = time.perf_counter()
    model, n_rows = fit_fold(unfitted, data, fold)
    told = predict_fold(model, data, fold)
    fit = describe_fit(model, data, fold, n_rows, time.perf_counter() - began)
    return told, fit, model.spec(data.names) if describe else {}


def describe_fit(model: Forecaster, data: Dataset, fold: Fold, n_rows: int, seconds: float) -> FoldFit:
    """Return what is kept of a fitted model."""
    return FoldFit(int(fold.test[0]), n_rows, model.chosen(), model.importance(len(data.names)), seconds)


def fit_fold(model: Forecaster, data: Dataset, fold: Fold) -> tuple[Forecaster, int]:
    """Return a fitted copy of the model and the number of rows it was fitted on."""
    X, y, rows = data.training(fold.train)
    if not len(y):
        raise no_rows(fold)
    return clone(model).fit(X, y, rows), len(y)


def no_rows(fold: Fold) -> TrainingError:
    """Return the error of a fold that has nothing to fit on."""
    return TrainingError(
        f"no usable training row before the test at row {int(fold.test[0])}: features that are warm, a "
        "finished label and a trailing volatility are needed; start the test later, or shorten the lookbacks or "
        "the risk window"
    )


def predict_fold(model: Forecaster, data: Dataset, fold: Fold) -> Floats:
    """Return the predictions for the test dates, shape (len(test), N), NaN outside the universe."""
    X, rows = data.asked(fold.test)
    return by_pair(data, fold, rows, model.predict(X, rows) if len(rows.date) else np.zeros(0))


def by_pair(data: Dataset, fold: Fold, rows: Rows, values: Floats) -> Floats:
    """Return predictions of test rows as (len(test), N), NaN elsewhere; differences only in a relative target."""
    out = np.full((len(fold.test), data.y.shape[1]), np.nan)
    out[np.searchsorted(fold.test, rows.date), rows.asset] = values
    return out - row_mean(out)[:, None] if data.relative else out


def rows_of(n: int, rows: Rows | None) -> Rows:
    """Return `rows`, or rows that are each a date of its own."""
    if rows is not None:
        return rows
    date = np.arange(n, dtype=np.int64)
    return Rows(date, date + 1, np.zeros(n, dtype=np.int64))

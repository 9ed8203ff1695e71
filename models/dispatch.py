"""Choice of the walk-forward of a model: its fast walk if it has one, else the plain loop."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from models.base import Forecaster
from models.boosting.model import Boosting
from models.boosting.walk import walk_boosting
from models.dataset import Dataset
from models.linear.forecaster import LinearForecaster
from models.linear.walk import walk_linear
from models.parallel.executors import Executor
from models.tuning.tuned import Tuned
from models.tuning.walk import walk_tuned
from models.walk_forward.plain_walk import Walk, walk_plain
from models.walk_forward.results import Progress, WalkResult
from validation.folds.walk_forward import Fold


def walk_forward(
    model: Forecaster,
    name: str,
    data: Dataset,
    folds: Sequence[Fold],
    progress: Progress | None = None,
    executor: Executor | None = None,
    previous: WalkResult | None = None,
) -> WalkResult:
    """Fit and predict along the folds.

    Parameters
    ----------
    model : Forecaster
    name : str
        Name to put on the result.
    data : Dataset
    folds : sequence of Fold
    progress : callable, optional
        Called with the number of folds done and their total.
    executor : Executor, optional
        Where folds are computed. The result is the same bits for any executor. Threads on all cores by default.
    previous : WalkResult, optional
        The same walk over fewer dates, whose unchanged folds are reused.

    Raises
    ------
    TrainingError
        If a fold has no usable training row.
    ExecutorError
        If the executor cannot be reached or ended.
    """
    return _choose_walk(model)(model, name, data, folds, progress, executor, previous)


def _choose_walk(model: Forecaster) -> Walk:
    """Return the fastest walk for a model."""
    if isinstance(model, Tuned):
        return partial(walk_tuned, walk=walk_forward)
    if isinstance(model, Boosting):
        return walk_boosting
    if isinstance(model, LinearForecaster):
        return walk_linear
    return walk_plain

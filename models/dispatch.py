"""Choice of the walk-forward of a model: its fast walk if it has one, else the plain loop."""

from __future__ import annotations

from collections.abc import Collection, Sequence
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
from models.walk_forward.subset import find_columns, narrow_importance, spread_importance
from validation.folds.walk_forward import Fold


def walk_forward(
    model: Forecaster,
    name: str,
    data: Dataset,
    folds: Sequence[Fold],
    progress: Progress | None = None,
    executor: Executor | None = None,
    previous: WalkResult | None = None,
    features: Collection[str] | None = None,
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
    features : collection of str, optional
        Names of the features that the model sees; all by default. Their order is that of the data. The importance of
        the others is 0.

    Raises
    ------
    TrainingError
        If a fold has no usable training row, or a name is no feature.
    ExecutorError
        If the executor cannot be reached or ended.
    """
    walk = _choose_walk(model)
    if features is None:
        return walk(model, name, data, folds, progress, executor, previous)
    columns = find_columns(data, features)
    narrow = None if previous is None else narrow_importance(previous, columns)
    result = walk(model, name, data.select(columns), folds, progress, executor, narrow)
    return spread_importance(result, columns, len(data.names))


def _choose_walk(model: Forecaster) -> Walk:
    """Return the fastest walk for a model."""
    if isinstance(model, Tuned):
        return partial(walk_tuned, walk=walk_forward)
    if isinstance(model, Boosting):
        return walk_boosting
    if isinstance(model, LinearForecaster):
        return walk_linear
    return walk_plain

"""The walk-forward of a tuned model: a search at the first fold of each stretch, then the chosen model's own walk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from foundation.types import Json
from models.dataset import Dataset
from models.parallel.executors import Executor
from models.tuning.blocks import copy_with_parameters, find_best
from models.tuning.search_space import select_numbers
from models.tuning.tuned import Tuned
from models.walk_forward.plain_walk import Walk
from models.walk_forward.results import FoldFit, Progress, Trial, WalkResult
from validation.folds.walk_forward import Fold


def walk_tuned(
    model: Tuned,
    name: str,
    data: Dataset,
    folds: Sequence[Fold],
    progress: Progress | None = None,
    executor: Executor | None = None,
    previous: WalkResult | None = None,
    *,
    walk: Walk,
) -> WalkResult:
    """Search at the first fold of each stretch, then forecast the stretch with the chosen parameters.

    The chosen model uses its own fast walk. If it chooses more from its past forecasts (a penalty, a number of trees),
    it walks from the first fold on, as if it had always been used, and only the stretch is kept. The model with its
    own parameters walks all folds too, for comparison. An earlier walk is not continued: the journal holds its trials.

    `walk` is the walk of the model that is tuned.
    """
    stretches = _cut_stretches(folds, model.every)
    steps = _Steps(progress, 2 * len(folds) + model.trials * len(stretches))
    untuned = walk(model.model, name, data, folds, steps.walk(len(folds)), executor, None).raw
    raw = np.full(data.y.shape, np.nan)
    fits: list[FoldFit] = []
    trials: list[Trial] = []
    last: Json = {}
    for stretch in stretches:
        searched = model.search_parameters(
            *data.training(stretch[0].train),
            relative=data.relative,
            first_test=int(stretch[0].test[0]),
            executor=executor,
            progress=steps.count(model.trials),
        )
        best = find_best(searched)
        chosen = copy_with_parameters(model.model, best.params)
        done = len(fits)
        first = folds[:done] if getattr(chosen, "selection", None) == "past" else []
        walked = [*first, *stretch]
        bar = steps.walk(len(stretch), skip=len(first))
        result = walk(chosen, name, data, walked, bar, executor, None)
        tested = np.concatenate([fold.test for fold in stretch])
        raw[tested] = result.raw[tested]
        kept = result.fits[len(first) :]
        fits += [
            replace(fit, chosen={**select_numbers(model.space, best.params), **fit.chosen}) for fit in kept
        ]
        trials += [replace(trial, model=name) for trial in searched]
        last = result.last
    return WalkResult(name, raw, tuple(fits), last, tuple(trials), untuned)


def _cut_stretches(folds: Sequence[Fold], every: int | None) -> list[list[Fold]]:
    """Cut the folds in stretches that begin with the first fold so many rows after the stretch before began."""
    stretches: list[list[Fold]] = []
    for fold in folds:
        if not stretches or (every is not None and fold.test[0] >= stretches[-1][0].test[0] + every):
            stretches.append([])
        stretches[-1].append(fold)
    return stretches


class _Steps:
    """One progress bar over several walks and searches."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._before = 0

    def count(self, length: int) -> Callable[[int], None] | None:
        """Return the callback that moves the bar over the next `length` steps."""
        previous, progress = self._before, self._progress
        self._before += length
        return None if progress is None else lambda done: progress(previous + done, self._total)

    def walk(self, length: int, skip: int = 0) -> Progress | None:
        """Return the same in the form that a walk takes, whose first `skip` folds do not count."""
        count = self.count(length)
        return None if count is None else lambda done, _: count(max(done - skip, 0))

"""Tuned: a model whose parameters are chosen anew along the walk, inside the training windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import numpy as np

from foundation.types import Floats
from models.base import FoldFit, Forecaster, Json, Progress, Trial, WalkResult
from models.dataset import Dataset, Rows
from models.errors import NotFittedError
from models.executors import Executor
from models.search import Method, Pruning
from models.search_space import Parameters, Space
from models.tuning import best_of, tune, with_parameters
from validation.folds.walk_forward import Fold


class Tuned(Forecaster):
    """Any model, with some parameters chosen by a search inside the training window (see `tune`).

    Parameters
    ----------
    model : Forecaster
        Its own parameters are the first that are tried.
    space : mapping of str to Range or Choices
    search : {"tpe", "random", "grid"}
    trials : int
    every : int, optional
        Test dates after which a walk-forward searches anew, at the next refit; once, before the first, without it.
    splits : int
        Blocks inside the training window.
    pruning : {"median", "hyperband", "none"}
    seed : int
    journal : Path, optional
        File that remembers trials, so that an interrupted walk goes on after the last one.

    Attributes
    ----------
    model_ : Forecaster
        Fitted, with the chosen parameters.
    trials_ : tuple of Trial
    """

    def __init__(
        self,
        model: Forecaster,
        space: Space,
        search: Method = "tpe",
        trials: int = 30,
        every: int | None = None,
        splits: int = 3,
        pruning: Pruning = "median",
        seed: int = 0,
        journal: Path | None = None,
    ) -> None:
        self.model = model
        self.space = space
        self.search = search
        self.trials = trials
        self.every = every
        self.splits = splits
        self.pruning = pruning
        self.seed = seed
        self.journal = journal

    def fit(self, X: Floats, y: Floats, rows: Rows | None = None) -> Self:
        """Choose parameters by blocks inside the rows, then fit all rows of X (n, K) and y (n,)."""
        self.trials_ = self._tune(X, y, rows)
        self.model_ = with_parameters(self.model, best_of(self.trials_).params).fit(X, y, rows)
        return self

    def _tune(self, X: Floats, y: Floats, rows: Rows | None, **others: Any) -> tuple[Trial, ...]:
        # A stretch must not repeat the draws of another.
        seed = np.random.SeedSequence([self.seed, others.get("first_test", -1) + 1])
        return tune(
            self.model,
            X,
            y,
            rows,
            space=self.space,
            search=self.search,
            trials=self.trials,
            splits=self.splits,
            pruning=self.pruning,
            seed=int(seed.generate_state(1)[0]),
            journal=self.journal,
            **others,
        )

    def walk_forward(
        self,
        name: str,
        data: Dataset,
        folds: Sequence[Fold],
        progress: Progress | None = None,
        executor: Executor | None = None,
        before: WalkResult | None = None,
    ) -> WalkResult:
        """Search at the first fold of each stretch, then forecast the stretch with the chosen parameters.

        The chosen model walks by its own fast path. Where it chooses more from its past forecasts (a penalty, a number
        of trees) it walks from the first fold on, so that its record is what it would be had it always been used; of
        that walk only the stretch is kept. Beside it the model with its own parameters walks all folds: what there
        would have been without tuning. An earlier walk is not gone on from: searches find their trials in the journal.
        """
        stretches = stretches_of(folds, self.every)
        steps = _Steps(progress, 2 * len(folds) + self.trials * len(stretches))
        untuned = self.model.walk_forward(name, data, folds, steps.walk(len(folds)), executor).raw
        raw = np.full(data.y.shape, np.nan)
        fits: list[FoldFit] = []
        trials: list[Trial] = []
        last: Json = {}
        for stretch in stretches:
            found = self._tune(
                *data.training(stretch[0].train),
                relative=data.relative,
                name=name,
                first_test=int(stretch[0].test[0]),
                executor=executor,
                progress=steps.count(self.trials),
            )
            best = best_of(found)
            chosen = with_parameters(self.model, best.params)
            done = len(fits)
            first = folds[:done] if getattr(chosen, "selection", None) == "past" else []
            walked = [*first, *stretch]
            bar = steps.walk(len(stretch), skip=len(first))
            walk = chosen.walk_forward(name, data, walked, bar, executor)
            tested = np.concatenate([fold.test for fold in stretch])
            raw[tested] = walk.raw[tested]
            kept = walk.fits[len(first) :]
            fits += [replace(fit, chosen={**numbers(self.space, best.params), **fit.chosen}) for fit in kept]
            trials += found
            last = walk.last
        return WalkResult(name, raw, tuple(fits), last, tuple(trials), untuned)

    def predict(self, X: Floats, rows: Rows | None = None) -> Floats:
        """Return the expected target of each row of X (n, K), shape (n,)."""
        return self._fitted().predict(X, rows)

    def _fitted(self) -> Forecaster:
        if not hasattr(self, "model_"):
            raise NotFittedError("Tuned is not fitted: call fit before predict")
        return self.model_

    def chosen(self) -> dict[str, float]:
        """Return the chosen parameters that are numbers, and what the model chose itself."""
        return numbers(self.space, best_of(self.trials_).params) | self._fitted().chosen()

    def importance(self, n_features: int) -> Floats:
        """Return that of the model."""
        return self._fitted().importance(n_features)

    def spec(self, names: Sequence[str]) -> Json:
        """Return the description of the model."""
        return self._fitted().spec(names)


def numbers(space: Space, parameters: Parameters) -> dict[str, float]:
    """Return the parameters that are numbers wherever they are set, NaN where one is not; trials tell the others."""
    return {
        name: float(value) if isinstance(value, int | float) else np.nan
        for name, value in parameters.items()
        if not any(isinstance(choice, str) for choice in space[name].grid())
    }


def stretches_of(folds: Sequence[Fold], every: int | None) -> list[list[Fold]]:
    """Cut the folds in stretches that begin with the first fold so many rows after the stretch before began."""
    stretches: list[list[Fold]] = []
    for fold in folds:
        if not stretches or (every is not None and fold.test[0] >= stretches[-1][0].test[0] + every):
            stretches.append([])
        stretches[-1].append(fold)
    return stretches


class _Steps:
    """One bar over several walks and searches."""

    def __init__(self, progress: Progress | None, total: int) -> None:
        self._progress = progress
        self._total = total
        self._before = 0

    def count(self, length: int) -> Callable[[int], None] | None:
        """Return what moves the bar over the next so many steps."""
        before, progress = self._before, self._progress
        self._before += length
        return None if progress is None else lambda done: progress(before + done, self._total)

    def walk(self, length: int, skip: int = 0) -> Progress | None:
        """Return the same in the form that a walk takes, whose first `skip` folds do not count."""
        count = self.count(length)
        return None if count is None else lambda done, _: count(max(done - skip, 0))

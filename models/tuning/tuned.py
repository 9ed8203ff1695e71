"""Tuned: a model whose parameters are chosen along the walk, inside the training windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from foundation.types import Floats, Json
from models.base import Forecaster
from models.dataset import Rows
from models.errors import NotFittedError
from models.parallel.executors import Executor
from models.tuning.blocks import copy_with_parameters, find_best, tune_model
from models.tuning.search import Method, Pruning, SearchSettings
from models.tuning.search_space import Space, select_numbers
from models.walk_forward.results import Trial


@dataclass(eq=False, repr=False)
class Tuned(Forecaster):
    """Any model, with some parameters chosen by a search inside the training window (see `tune_model`).

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
        File of finished trials, from which an interrupted walk continues.

    Attributes
    ----------
    model_ : Forecaster
        Fitted, with the chosen parameters.
    trials_ : tuple of Trial
    """

    model: Forecaster
    space: Space
    search: Method = "tpe"
    trials: int = 30
    every: int | None = None
    splits: int = 3
    pruning: Pruning = "median"
    seed: int = 0
    journal: Path | None = None

    def fit(self, X: Floats, y: Floats, rows: Rows | None = None) -> Self:
        """Choose parameters by blocks inside the rows, then fit all rows of X (n, K) and y (n,)."""
        self.trials_ = self.search_parameters(X, y, rows)
        self.model_ = copy_with_parameters(self.model, find_best(self.trials_).params).fit(X, y, rows)
        return self

    def search_parameters(
        self,
        X: Floats,
        y: Floats,
        rows: Rows | None,
        *,
        relative: bool = False,
        first_test: int = -1,
        executor: Executor | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> tuple[Trial, ...]:
        """Return the trials of a search by blocks of the rows of X (n, K), y (n,).

        See `models.tuning.blocks.tune_model`. `first_test` is the row of the panel from which the choice is used.
        """
        # A stretch must not repeat the draws of another.
        seed = int(np.random.SeedSequence([self.seed, first_test + 1]).generate_state(1)[0])
        settings = SearchSettings(
            self.space, self.search, self.trials, self.splits, self.pruning, seed, relative
        )
        trials = tune_model(
            self.model, X, y, rows, settings, executor=executor, journal=self.journal, progress=progress
        )
        return tuple(replace(trial, first_test=first_test) for trial in trials)

    def predict(self, X: Floats, rows: Rows | None = None) -> Floats:
        """Return the expected target of each row of X (n, K), shape (n,)."""
        return self._fitted().predict(X, rows)

    def _fitted(self) -> Forecaster:
        if not hasattr(self, "model_"):
            raise NotFittedError("Tuned is not fitted: call fit before predict")
        return self.model_

    def chosen(self) -> dict[str, float]:
        """Return the chosen parameters that are numbers, and the choices of the model itself."""
        return select_numbers(self.space, find_best(self.trials_).params) | self._fitted().chosen()

    def importance(self, n_features: int) -> Floats:
        """Return that of the model."""
        return self._fitted().importance(n_features)

    def spec(self, names: Sequence[str]) -> Json:
        """Return the description of the model."""
        return self._fitted().spec(names)

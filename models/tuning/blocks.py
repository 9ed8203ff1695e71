"""Tuning: parameters chosen inside a training window, on purged blocks in the order of time."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

from foundation.suggestions import suggest
from foundation.types import Floats
from models.base import Forecaster, make_rows
from models.dataset import Rows
from models.errors import TrainingError
from models.parallel.executors import Executor, Threads, count_threads
from models.parameters import Parameters
from models.tuning.inner_cv import InnerCV
from models.tuning.search import BATCH, Search, SearchSettings, silence_optuna
from models.tuning.search_journal import Memory
from models.tuning.search_space import Space, contains_point, grid_size
from models.walk_forward.results import Trial


def tune_model(
    model: Forecaster,
    X: Floats,
    y: Floats,
    rows: Rows | None,
    settings: SearchSettings,
    *,
    executor: Executor | None = None,
    journal: Path | None = None,
    progress: Callable[[int], None] | None = None,
) -> tuple[Trial, ...]:
    """Try parameters of a model on blocks inside a training set, the model's own ones first.

    The last half of the dates is cut into blocks. Each block is forecast by a fit to the dates before it whose labels
    had ended. The loss of a trial is its mean squared error over the blocks. After each block the search gives up
    trials that look hopeless beside the finished ones. Trials and choice are the same for any number of workers, and
    after an interruption.

    Parameters
    ----------
    model : Forecaster
        Not changed.
    X, y : ndarray of shape (n, K), (n,)
        Training rows, in time order.
    rows : Rows or None
        Their dates, label ends and weights; None makes each row a date of its own.
    settings : SearchSettings
    executor : Executor, optional
        Its workers are the number of trials that are computed at a time, in threads of this process.
    journal : Path, optional
        File with the finished trials of this and of other searches. Use a new one after a change to the code of the
        model. In memory by default.
    progress : callable, optional
        Called with the number of finished trials.

    Returns
    -------
    tuple of Trial
        In the order of the search; `find_best` chooses one.

    Raises
    ------
    TrainingError
        If the model has no such parameter, a grid is larger than `settings.trials`, the rows are too few for a block,
        or the model's own parameters give no finite forecast.
    """
    _check_settings(model, settings)
    space = settings.space
    rows = make_rows(len(y), rows)
    cv = InnerCV.cut_blocks(np.asarray(X), np.asarray(y), rows, settings.splits, relative=settings.relative)
    with silence_optuna():
        memory = Memory(journal, "" if journal is None else cv.digest(model, space))
        run = _SearchRun(model, cv, memory, count_threads(executor), progress)
        search = Search(space, settings.search, settings.pruning, cv.splits, settings.seed)
        return run.try_all(search, space, settings.n_trials)


def find_best(trials: Sequence[Trial]) -> Trial:
    """Return the whole trial of the smallest loss; with a tie the first, so the defaults where nothing is better."""
    return min((trial for trial in trials if not trial.pruned), key=lambda trial: trial.loss)


def copy_with_parameters(model: Forecaster, parameters: Parameters) -> Forecaster:
    """Return an unfitted copy of the model with these parameters."""
    changed: Forecaster = clone(model).set_params(**parameters)
    return changed


def _check_settings(model: Forecaster, settings: SearchSettings) -> None:
    space, trials = settings.space, settings.trials
    known = model.get_params(deep=False)
    for parameter in space:
        if parameter not in known:
            raise TrainingError(
                f"tuning: {type(model).__name__} has no parameter {parameter!r}{suggest(parameter, known)}"
            )
    if not space or trials < 1:
        raise TrainingError(f"tuning needs a parameter and a trial, got {len(space)} and {trials}")
    if settings.search == "grid" and settings.n_trials > trials:
        raise TrainingError(
            f"tuning: the grid has {grid_size(space)} points beside the model's own, more than {trials} trials"
        )


@dataclass(eq=False)
class _Candidate:
    """A trial that is not finished."""

    parameters: Parameters
    proposal: Any
    running: list[float] = field(default_factory=list)
    pruned: bool = False


@dataclass(eq=False)
class _SearchRun:
    """One search, from its first trial to its last."""

    model: Forecaster
    cv: InnerCV
    memory: Memory
    workers: int
    progress: Callable[[int], None] | None
    done: list[Trial] = field(default_factory=list)

    def try_all(self, search: Search, space: Space, trials: int) -> tuple[Trial, ...]:
        """Compute the model's own parameters alone, then the batches that the search proposes."""
        every = range(self.cv.splits)
        known = self.model.get_params(deep=False)
        own = _Candidate({name: known[name] for name in space}, None)
        self.compute([own], every)
        if not np.isfinite(own.running[-1]):
            raise TrainingError(
                f"tuning: the own parameters of {type(self.model).__name__} give no finite forecast"
            )
        self.end(own)
        search.add_finished(own.parameters, own.running, inside=contains_point(space, own.parameters))
        while len(self.done) < trials:
            proposals = search.propose(min(BATCH, trials - len(self.done)))
            batch = [_Candidate(trial.params, trial) for trial in proposals]
            for block in every:
                alive = [candidate for candidate in batch if not candidate.pruned]
                self.compute(alive, [block])
                for candidate in alive if block < every[-1] else ():
                    candidate.pruned = search.is_hopeless(candidate.proposal, candidate.running)
            for candidate in batch:
                search.finish(candidate.proposal, candidate.running, pruned=candidate.pruned)
                self.end(candidate)
        return tuple(self.done)

    def compute(self, candidates: Sequence[_Candidate], blocks: Sequence[int]) -> None:
        """Compute the losses of these blocks that are not in the memory, in parallel, and update the candidates."""
        tasks = [
            (copy_with_parameters(self.model, candidate.parameters), candidate.parameters, block)
            for candidate in candidates
            for block in blocks
            if block >= len(self.memory[candidate.parameters])
        ]
        with closing(Threads(self.workers).map(_score, self.cv, tasks)) as answers:
            for (_, parameters, block), score in zip(tasks, answers, strict=True):
                self.memory.add(parameters, block, score)
        for candidate in candidates:
            losses = [loss for loss, _ in self.memory[candidate.parameters][: blocks[-1] + 1]]
            candidate.running = self.cv.running_means(losses)

    def end(self, candidate: _Candidate) -> None:
        """Keep a candidate as a trial."""
        self.memory.keep(candidate.parameters)
        seconds = sum(took for _, took in self.memory[candidate.parameters][: len(candidate.running)])
        number, loss = len(self.done), candidate.running[-1]
        parameters = dict(candidate.parameters)
        trial = Trial("", -1, number, parameters, loss, candidate.pruned, seconds)
        self.done.append(trial)
        if self.progress is not None:
            self.progress(len(self.done))


def _score(cv: InnerCV, task: tuple[Forecaster, Parameters, int]) -> tuple[float, float]:
    """Return the loss of an unfitted model of its own on a block, and how long it took."""
    model, parameters, block = task
    began = time.perf_counter()
    try:
        loss = cv.score(model, block)
    except Exception as error:
        error.add_note(f"while tuning {type(model).__name__}, with {dict(parameters)}")
        raise
    return loss, time.perf_counter() - began

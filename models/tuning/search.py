"""Search: propose and prune trials by Optuna, from finished results alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any, Literal

from models.parameters import Parameters
from models.tuning.search_space import Choices, Range, Space, grid_points, grid_size

if TYPE_CHECKING:
    import optuna

Method = Literal["tpe", "random", "grid"]
Pruning = Literal["median", "hyperband", "none"]

BATCH = 8
"""Trials per batch: a fixed number, so that the trials do not depend on the number of workers. TPE
starts after the first batch, which is random."""
_FEWEST = 5
"""Finished trials from which their median is used."""


@dataclass(frozen=True, eq=False)
class SearchSettings:
    """Which parameters are tried, how many times, and how a trial is judged.

    Attributes
    ----------
    space : mapping of str to Range or Choices
        Parameters that it does not name stay as they are.
    search : {"tpe", "random", "grid"}
    trials : int
        How many, the model's own parameters included; the most that a grid may have.
    splits : int
        Blocks.
    pruning : {"median", "hyperband", "none"}
    seed : int
    relative : bool
        Count errors of differences within dates only.
    """

    space: Space
    search: Method = "tpe"
    trials: int = 30
    splits: int = 3
    pruning: Pruning = "median"
    seed: int = 0
    relative: bool = False

    @property
    def n_trials(self) -> int:
        """Trials of a whole search."""
        return grid_size(self.space) + 1 if self.search == "grid" else self.trials


@contextmanager
def silence_optuna() -> Iterator[None]:
    """Keep Optuna from logging each study; its warnings stay, and the caller's level is restored."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def _distribution(entry: Range | Choices) -> Any:
    """Return an entry of the space in Optuna's terms."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

    if isinstance(entry, Choices):
        return CategoricalDistribution(entry.values)
    if entry.whole:
        return IntDistribution(int(entry.low), int(entry.high), log=entry.log)
    return FloatDistribution(entry.low, entry.high, log=entry.log)


class Search:
    """Propose trials in batches, and decide which of them to prune.

    Its decisions depend on its seed and on the sequence of results alone, never on time.

    Parameters
    ----------
    space : mapping of str to Range or Choices
    method : {"tpe", "random", "grid"}
        "tpe" is the tree-structured Parzen estimator (Bergstra, Bardenet, Bengio and Kégl, 2011), over all parameters
        together, with trials of the same batch taken for bad ones (the constant liar).
    pruning : {"median", "hyperband", "none"}
        "median" gives up a trial whose loss so far is above the median at this block of the trials that were finished
        before (Golovin et al., 2017), if there are at least five; "hyperband" is that of Li et al. (2018), on blocks.
    splits : int
        Blocks of a whole trial.
    seed : int
    """

    def __init__(self, space: Space, method: Method, pruning: Pruning, splits: int, seed: int) -> None:
        import optuna

        self._distributions = {name: _distribution(entry) for name, entry in space.items()}
        sampler = (
            optuna.samplers.TPESampler(seed=seed, n_startup_trials=BATCH)
            if method == "tpe"
            else optuna.samplers.RandomSampler(seed=seed)
        )
        # Hyperband deals trials out to its brackets by the name of the study and their number.
        self._study = optuna.create_study(
            sampler=sampler, pruner=_pruner(pruning, splits), study_name="search"
        )
        self._pruning = pruning
        self._whole: list[Sequence[float]] = []
        for point in grid_points(space) if method == "grid" else ():
            self._study.enqueue_trial(point)

    def add_finished(self, parameters: Parameters, running: Sequence[float], *, inside: bool) -> None:
        """Add a finished trial that was not proposed, with its loss after each block; `inside` if in the space."""
        import optuna

        self._whole.append(running)
        if inside:
            self._study.add_trial(
                optuna.trial.create_trial(
                    params=dict(parameters),
                    distributions=self._distributions,
                    value=running[-1],
                    intermediate_values=dict(enumerate(running)),
                )
            )

    def propose(self, n: int) -> list[optuna.Trial]:
        """Return the next trials; their `params` are a point of the space."""
        return [self._study.ask(self._distributions) for _ in range(n)]

    def is_hopeless(self, trial: optuna.Trial, running: Sequence[float]) -> bool:
        """Add the loss of a trial after each block so far, and return whether to prune it."""
        block = len(running) - 1
        trial.report(running[block], block)
        if self._pruning == "median":
            # Not Optuna's own: that compares a trial's best loss so far, which is for learning curves that fall.
            seen = [whole[block] for whole in self._whole]
            return len(seen) >= _FEWEST and running[block] > median(seen)
        return bool(trial.should_prune())

    def finish(self, trial: optuna.Trial, running: Sequence[float], *, pruned: bool) -> None:
        """Add the result of a finished or pruned trial."""
        from optuna.trial import TrialState

        if pruned:
            self._study.tell(trial, state=TrialState.PRUNED)
        else:
            self._whole.append(running)
            self._study.tell(trial, running[-1])


def _pruner(pruning: Pruning, splits: int) -> Any:
    from optuna.pruners import HyperbandPruner, NopPruner

    if pruning == "hyperband":
        return HyperbandPruner(min_resource=1, max_resource=splits)
    return NopPruner()

"""Fitting: regimes and models along the walk, computed, continued from fewer dates, or taken from the store."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from models.dataset import Dataset
from models.parallel.executor_choice import open_executor
from models.parallel.executors import Executor
from models.regimes.path import RegimePath
from models.walk_forward.results import WalkResult
from pipeline.config import RunConfig
from pipeline.runner.descriptions import describe_regimes, describe_walk
from pipeline.runner.history_check import check_past
from pipeline.runner.keys import MODEL, REGIMES, fitting_key, walk_key
from pipeline.settings.models import Fitted
from pipeline.stages import compute
from pipeline.stages.plausibility import check_regimes, check_walk
from pipeline.stages.results import Prepared
from pipeline.store import Store, code_digest

if TYPE_CHECKING:
    from pipeline.progress import Reporter


@dataclass(frozen=True, eq=False)
class Fitting:
    """Fits what a configuration fits, and stores it.

    Attributes
    ----------
    config : RunConfig
    store : Store
    reporter : Reporter
    earlier : str or None
        Digest of a panel that ended sooner and is the beginning of the new one. Its stored results are extended instead
        of being computed from the start.
    """

    config: RunConfig
    store: Store
    reporter: Reporter
    earlier: str | None

    def peek_earlier(self, stage: str, key: Callable[[RunConfig, str], str]) -> Any | None:
        """Return the stored result for the panel that ended sooner, if there is one."""
        return None if self.earlier is None else self.store.peek(stage, key(self.config, self.earlier))

    def fit_regimes(self, prepared: Prepared) -> RegimePath:
        """Fit the regimes along the walk."""

        def make() -> RegimePath:
            before = self.peek_earlier(REGIMES, fitting_key)
            path = compute.make_regimes(prepared.matrix, prepared.schedule, self.config, before)
            if before is not None:
                check_past(REGIMES, before.probabilities, path.probabilities)
            return path

        path = self.reporter.stored(self.store, REGIMES, prepared.key, make, describe_regimes)
        check_regimes(path, prepared.panel)
        return path

    def fit_models(
        self, prepared: Prepared, regimes: RegimePath, names: Collection[str] | None = None
    ) -> tuple[tuple[str, ...], dict[str, WalkResult]]:
        """Return the feature names of the dataset, and the walk of each fitted model, without combinations.

        Parameters
        ----------
        prepared : Prepared
        regimes : RegimePath
        names : collection of str, optional
            Models to fit; by default all.
        """
        config = self.config
        data = compute.make_dataset(prepared.panel, prepared.matrix, regimes, prepared.schedule, config)
        # Created on first use, so that no cluster is contacted if all results are stored.
        with open_executor(config.executor, config.workers, code_digest) as executor:
            return data.names, {
                name: self._fit_model(name, section, data, prepared, executor)
                for name, section in config.fitted_models().items()
                if names is None or name in names
            }

    def _fit_model(
        self, name: str, section: Fitted, data: Dataset, prepared: Prepared, executor: Executor
    ) -> WalkResult:
        """Return the walk of one model, computed or from the store."""
        key = walk_key(prepared.key, name, section)
        journal = self.store.journal(key) if section.tuning else None

        def make() -> WalkResult:
            before = self.peek_earlier(MODEL, lambda *given: walk_key(fitting_key(*given), name, section))
            earlier, schedule = compute.EarlierWork(journal, before), prepared.schedule
            with self.reporter.bar(f"model {name}") as progress:
                walk = compute.walk_model(
                    name, section, data, schedule, self.config, progress, executor, earlier
                )
            if before is not None:
                check_past(f"{MODEL} {name}", before.raw, walk.raw)
            return walk

        walk = self.reporter.stored(self.store, f"{MODEL} {name}", key, make, describe_walk)
        check_walk(walk, data.usable, prepared.panel)
        return walk

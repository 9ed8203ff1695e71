"""Stage runner: takes the result of a stage from the store, or computes, checks and stores it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any, TypeVar

from foundation.threads import one_thread
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.preflight.training_data import explain_early_test
from pipeline.progress import Reporter
from pipeline.runner.compilation import Announced
from pipeline.runner.descriptions import describe_stage
from pipeline.runner.history_check import check_past
from pipeline.runner.keys import FEATURES, MODEL, REGIMES, stage_key
from pipeline.stages.compute import Start
from pipeline.stages.plausibility import (
    check_covariances,
    check_forecast,
    check_regimes,
    check_walk,
    overflow_stops,
)
from pipeline.stages.run_warnings import feature_warnings
from pipeline.store import Store

T = TypeVar("T")

_OVERFLOWS = {
    FEATURES: "features",
    REGIMES: "regimes and covariances",
    "covariances": "regimes and covariances",
}
"""Name in the message about a number that became too large, by the kind of the stage."""
_EXTENDED = {REGIMES: "probabilities", MODEL: "raw"}
"""Stages that continue a result over fewer dates and must keep its rows: the array that is compared."""


class StageRunner:
    """Runs the stages of a `Sequence` with the store.

    Parameters
    ----------
    config : RunConfig
    store : Store
    reporter : Reporter
    earlier : str, optional
        Digest of a panel that ended sooner and is the beginning of the new one. Its stored results are extended instead
        of being computed from the start.
    """

    def __init__(self, config: RunConfig, store: Store, reporter: Reporter, earlier: str | None) -> None:
        self.config = config
        self.store = store
        self.reporter = reporter
        self.earlier = earlier
        self._announced = Announced(reporter)
        self._digest: tuple[Panel, str] | None = None

    @contextmanager
    def computing(self, stage: str, panel: Panel) -> Iterator[None]:
        """Compute with one BLAS thread; name the stage in the message about a number that became too large."""
        with one_thread(), self._announced, overflow_stops(stage, panel):
            yield

    def __call__(self, name: str, make: Callable[[Start], T], done: Mapping[str, Any]) -> T:
        """Take a stage from the store, or compute, report, check and store it."""
        if name == "data":
            return make(Start())
        kind, panel = name.split()[0], done["data"]
        key = stage_key(self.config, self._digest_of(panel), name)

        def describe(value: T) -> str:
            return describe_stage(kind, value, self.config)

        def compute() -> T:
            return self._compute(name, key, make)

        with self._around(kind, done):
            if key is not None:
                value = self.reporter.stored(self.store, name, key, compute, describe)
            elif kind == "covariances":
                value = self.reporter.stage(name, compute, describe)
            else:
                value = compute()
        self._check(kind, value, done)
        return value

    def _compute(self, name: str, key: str | None, make: Callable[[Start], T]) -> T:
        """Compute a stage; a result over fewer dates is continued, and must keep its rows."""
        kind, _, which = name.partition(" ")
        before, journal = None, None
        if self.earlier is not None and kind in (FEATURES, *_EXTENDED):
            before = self.store.peek(kind, stage_key(self.config, self.earlier, name) or "")
        if kind != MODEL:
            value = make(Start(before))
        else:
            if key is not None and self.config.fitted_models()[which].tuning:
                journal = self.store.journal(key)
            with self.reporter.bar(name) as progress:
                value = make(Start(before, progress, journal))
        if before is not None and kind in _EXTENDED:
            check_past(name, getattr(before, _EXTENDED[kind]), getattr(value, _EXTENDED[kind]))
        return value

    def _around(self, kind: str, done: Mapping[str, Any]) -> AbstractContextManager[object]:
        """Return the context that explains the errors of a stage; others have that of their method."""
        if kind in _OVERFLOWS:
            return self.computing(_OVERFLOWS[kind], done["data"])
        if kind == "schedule":
            return explain_early_test(done["data"], done[FEATURES], self.config)
        return nullcontext()

    def _check(self, kind: str, value: Any, done: Mapping[str, Any]) -> None:
        """Warn of what may change a result, and stop the run at an impossible number."""
        panel = done["data"]
        if kind == FEATURES:
            for text in feature_warnings(value, self.config.features):
                self.reporter.warn(text)
        elif kind == REGIMES:
            check_regimes(value, panel)
        elif kind == "covariances":
            check_covariances(value, panel)
        elif kind == MODEL:
            check_walk(value, done["dataset"].usable, panel)
        elif kind == "forecasts":
            for forecast in value.values():
                check_forecast(forecast, done["schedule"], panel)

    def _digest_of(self, panel: Panel) -> str:
        """Return the digest of a panel, computed once for all stages of it."""
        if self._digest is None or self._digest[0] is not panel:
            self._digest = panel, panel.digest()
        return self._digest[1]

"""Schedule: labels, folds and decision dates of a run."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from features.matrix import FeatureMatrix
from foundation.suggestions import suggest
from foundation.types import Floats, Ints
from market.calendar import find_position, list_decision_positions
from market.frequency import nearest_frequency
from market.panel import Panel
from market.values.dates.periods import find_known_ends, period_frequency
from market.values.dates.sessions import Exchange, find_exchange
from market.values.riskless import find_riskless_in_panel
from models.calibration import baseline_mean
from models.target import Target, floor_risk, scale_labels, trailing_risk
from pipeline.config import RunConfig
from pipeline.errors import EarlyTestError, RunError
from pipeline.settings.time.rebalancing import PERIOD_ENDS
from validation.errors import ScheduleError
from validation.folds.labels import Labels, forward_excess_returns
from validation.folds.walk_forward import Fold, WalkForward


@dataclass(frozen=True, eq=False)
class Schedule:
    """Training rows of every fit, and decision dates.

    Attributes
    ----------
    labels : Labels
    target : Target
    walk : WalkForward
        Generates the folds of the models.
    folds : tuple of Fold
        For the models that have no refit schedule of their own.
    regime_folds : tuple of Fold
        For the regimes, which start earlier: their probabilities are features of the models.
    first_train : int
        First row that a model may be fitted on, from which every feature has a value.
    decisions : ndarray of int
        Rows at which the portfolio is decided.
    until : int, optional
        Last requested row: later folds and decisions are left out.
    """

    labels: Labels
    target: Target
    walk: WalkForward
    folds: tuple[Fold, ...]
    regime_folds: tuple[Fold, ...]
    first_train: int
    decisions: Ints
    until: int | None = None

    def baseline(self, own_weight: float) -> Floats:
        """Return what is expected without a forecast, shape (T, N); see `baseline_mean`."""
        return baseline_mean(self.labels, own_weight, self.target.riskless)

    def folds_for(self, refit_every: int | None) -> tuple[Fold, ...]:
        """Return the folds of a model that is refitted every `refit_every` dates; the common folds if None."""
        if refit_every is None or refit_every == self.walk.refit_every:
            return self.folds
        own = copy(self.walk)
        own.refit_every = refit_every
        return _begun(own.folds(), self.until)

    def up_to(self, row: int) -> Schedule:
        """Return the schedule without the folds that begin after a row, and without the decisions after it."""
        return replace(
            self,
            folds=_begun(self.folds, row),
            regime_folds=_begun(self.regime_folds, row),
            decisions=self.decisions[self.decisions <= row],
            until=row,
        )


def _begun(folds: tuple[Fold, ...], until: int | None) -> tuple[Fold, ...]:
    return folds if until is None else tuple(fold for fold in folds if fold.test[0] <= until)


def make_schedule(panel: Panel, matrix: FeatureMatrix, config: RunConfig) -> Schedule:
    """Derive labels, folds and decision dates from the configuration.

    Raises
    ------
    RunError
        If the panel does not have enough dates for the configuration.
    """
    walk, target = config.walk_forward, config.target
    labels = forward_excess_returns(panel, target.horizon, target.execution_lag)
    first_train = max(matrix.warm, default=0)
    first_test = _row(panel, walk.first_test, "walk_forward.first_test")
    start = _row(panel, config.evaluation.start, "evaluation.start")
    if start + target.execution_lag >= len(panel.dates) - 1:
        raise RunError(
            f"evaluation.start is {panel.dates[start]:%Y-%m-%d}: with a lag of {target.execution_lag} nothing traded "
            f"from then on earns a return before the data ends at {panel.dates[-1]:%Y-%m-%d}"
        )
    if first_test <= first_train:
        raise EarlyTestError(
            f"walk_forward.first_test is {panel.dates[first_test]:%Y-%m-%d}, but the features are warm only from "
            f"{panel.dates[min(first_train, len(panel.dates) - 1)]:%Y-%m-%d}: test later, or exclude the slowest, "
            f"{', '.join(n for n, warm in zip(matrix.names, matrix.warm, strict=True) if warm == first_train)}"
        )
    try:
        splitter = WalkForward(
            labels.end,
            first_test=first_test,
            refit_every=walk.refit_every,
            window=walk.window,
            embargo=walk.embargo,
            first_train=first_train,
            every=walk.train_every,
        )
        folds = splitter.folds()
    except ScheduleError as error:
        raise EarlyTestError(
            f"walk_forward: {error} (row {first_train} is {panel.dates[first_train]:%Y-%m-%d}, row {first_test} "
            f"is {panel.dates[first_test]:%Y-%m-%d})"
        ) from error
    riskless = find_riskless_in_panel(panel)
    risk = np.where(panel.holdable, trailing_risk(panel, target.risk_window, target.horizon), np.nan)
    risk = floor_risk(risk, riskless)
    decisions = _list_decisions(panel, config, start)
    return Schedule(
        labels,
        scale_labels(labels, risk, relative=target.relative, riskless=riskless),
        splitter,
        folds,
        _regime_folds(panel, matrix, config),
        first_train,
        decisions,
    )


def _list_decisions(panel: Panel, config: RunConfig, start: int) -> Ints:
    """Return the rows at which portfolios are decided, from row `start` on.

    The end of a month is its last weekday, or the last session of the exchange that `data.calendar` names. If that
    weekday is a holiday, the decision is made at the next row, because only then it is known that the month is over.
    More dates add decisions at the end and never move an earlier one.

    Raises
    ------
    RunError
        If the rows are rarer than the periods, or no period ends.
    """
    every = config.allocation.rebalance_every
    if isinstance(every, int):
        return list_decision_positions(len(panel.dates), first=start, every=every)
    period, found = PERIOD_ENDS[every], nearest_frequency(panel.periods_per_year)
    length = period_frequency(period)
    if found.periods_per_year < length.periods_per_year:
        raise RunError(
            f"allocation.rebalance_every is {every}, but the rows of {panel.name} are {found.name}: write 1 to decide "
            "at each of them"
        )
    if found.name == length.name:
        return list_decision_positions(len(panel.dates), first=start, every=1)
    exchange = _find_exchange(panel, config)
    known = find_known_ends(panel.dates, period, found, None if exchange is None else exchange.next_session)
    ends = np.flatnonzero(known)
    ends = ends[ends >= start]
    if not len(ends):
        raise RunError(
            f"allocation.rebalance_every is {every}, and there is no such date from evaluation.start, "
            f"{panel.dates[start]:%Y-%m-%d}, to the end of the data, {panel.dates[-1]:%Y-%m-%d}"
        )
    return ends.astype(np.int64)


def _find_exchange(panel: Panel, config: RunConfig) -> Exchange | None:
    """Return the exchange that `data.calendar` names, None if it names none."""
    name, columns = config.data.calendar, (config.data.cash, config.data.market, *panel.assets)
    return None if name is None or name in columns else find_exchange(panel.name, name, panel.dates)


def _regime_folds(panel: Panel, matrix: FeatureMatrix, config: RunConfig) -> tuple[Fold, ...]:
    """Return the folds of the regimes; none if the panel ends before the first fit.

    A regime has no label and is known at once, so only its own dates must precede the dates that it classifies. Its
    features have values sooner than the slowest of all, so it starts sooner than the models that use it.

    Raises
    ------
    RunError
        If a regime feature does not exist or differs between assets.
    """
    warm = max((_warm_rows(matrix, name) for name in config.regimes.features), default=0)
    first = warm + config.regimes.min_train
    if first >= len(panel.dates):
        return ()
    known = np.arange(len(panel.dates))
    every = config.regimes.refit_every or config.walk_forward.refit_every
    return WalkForward(known, first_test=first, refit_every=every, first_train=warm).folds()


def _warm_rows(matrix: FeatureMatrix, name: str) -> int:
    """Return the number of rows before a regime feature has values."""
    if name not in matrix.names:
        absent = f"it is not among the features of this run{suggest(name, matrix.names)}"
        why = matrix.missing.get(name, absent)
        raise RunError(f"regimes.features: {name!r} cannot be used: {why}")
    index = matrix.names.index(name)
    if not matrix.common[index]:
        raise RunError(f"regimes.features: {name!r} differs between assets; a regime needs market features")
    return matrix.warm[index]


def _row(panel: Panel, date: object, key: str) -> int:
    wanted = pd.Timestamp(str(date))
    if not panel.dates[0] <= wanted <= panel.dates[-1]:
        early = wanted < panel.dates[0] and key == "walk_forward.first_test"
        raise (EarlyTestError if early else RunError)(
            f"{key} is {wanted:%Y-%m-%d}, outside of the data: {panel.name} runs from "
            f"{panel.dates[0]:%Y-%m-%d} to {panel.dates[-1]:%Y-%m-%d}"
        )
    return find_position(panel.dates, wanted)

"""Training data: refuse a schedule with too little data for a fit, and report the first date that works.

The default minimum follows from the number of features K. A fit needs 2 K rows, two per coefficient. Rows of one
date share its news, so a date counts for at most 16 of them: a fit needs K / 8 dates, and never fewer than 8. Labels
that overlap share their news too, so dates are counted at the distance of one horizon.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from features.matrix import FeatureMatrix
from foundation.counts import format_count
from foundation.types import Ints
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.errors import EarlyTestError, RunError
from pipeline.stages.schedule import Schedule, make_schedule
from validation.folds.walk_forward import WalkForward, inner_folds

ROWS_PER_FEATURE = 2
ROWS_PER_DATE = 16
"""Maximum number of rows that one date counts for."""
FEWEST_DATES = 8
"""Minimum number of dates without overlap, for any number of features; also the minimum per regime."""


@dataclass(frozen=True)
class _Amount:
    """Numbers of training dates and rows, available or required."""

    dates: int
    rows: int

    def __str__(self) -> str:
        return f"{self.rows} row{'s' * (self.rows != 1)} of {self.dates} date{'s' * (self.dates != 1)}"

    def covers(self, need: _Amount) -> bool:
        """Whether both numbers are sufficient."""
        return self.dates >= need.dates and self.rows >= need.rows


@dataclass(frozen=True)
class _Fits:
    """Fits of one model that begin at every `stride`-th row: its refits, or the searches of its tuning."""

    what: str
    stride: int | None
    splits: int | None

    def starts(self, first: int, n_dates: int) -> range:
        """Return the rows at which they begin."""
        return range(first, n_dates if self.stride else first + 1, self.stride or 1)


def _minimum_training(config: RunConfig, n_features: int) -> tuple[int, int]:
    """Return the minimum number of training dates and rows for a number of features, unless configured."""
    walk, horizon = config.walk_forward, config.target.horizon
    periods = max(FEWEST_DATES, ceil(ROWS_PER_FEATURE * n_features / ROWS_PER_DATE))
    dates = ceil(periods * horizon / walk.train_every) if walk.train_every < horizon else periods
    rows = ROWS_PER_FEATURE * n_features
    return walk.min_train_dates or dates, walk.min_train_rows or rows


def check_training(panel: Panel, matrix: FeatureMatrix, schedule: Schedule, config: RunConfig) -> None:
    """Refuse a schedule in which some fit has too few dates or rows, before any model is fitted.

    Covers each refit of each model, and the blocks inside the training windows on which parameters are tuned.

    Raises
    ------
    RunError
        Names the first fit with too little data, its requirement, and the first `walk_forward.first_test` that works.
    """
    _check_regimes(config)
    training = _training_of(panel, matrix, schedule, config)
    first = schedule.walk.first_test
    if training.suffices(first):
        return
    fits, start = training.first_short(first)
    works = training.first_that_works(first + 1, config)
    raise RunError(
        f"walk_forward: {fits.what} on {panel.dates[start]:%Y-%m-%d} would use {training.least(start, fits.splits)}; "
        f"{_n_features(matrix, config)} features need at least {training.need} (a row has warm features, a finished "
        f"label and returns for the risk window). {_remedy(panel, config, works)}"
    )


@contextmanager
def explain_early_test(panel: Panel, matrix: FeatureMatrix, config: RunConfig) -> Iterator[None]:
    """Add the first date that works to the error of a schedule whose first test is too early."""
    try:
        yield
    except EarlyTestError as error:
        row = max(0, len(panel.dates) - 3 - config.target.execution_lag)
        date = panel.dates[row].date()
        late = {
            "walk_forward": config.walk_forward.model_copy(update={"first_test": date}),
            "evaluation": config.evaluation.model_copy(update={"start": date}),
        }
        try:
            schedule = make_schedule(panel, matrix, config.model_copy(update=late))
        except RunError:
            raise error from None
        training = _training_of(panel, matrix, schedule, config)
        works = training.first_that_works(schedule.first_train + 1, config)
        raise RunError(f"{error}. {_remedy(panel, config, works)}") from error


def _n_features(matrix: FeatureMatrix, config: RunConfig) -> int:
    return len(matrix.names) + config.regimes.states + 1


def _training_of(panel: Panel, matrix: FeatureMatrix, schedule: Schedule, config: RunConfig) -> _Training:
    usable = panel.listed & np.isfinite(schedule.target.value)
    usable[: schedule.first_train] = False
    need = _Amount(*_minimum_training(config, _n_features(matrix, config)))
    return _Training(schedule.walk, usable.sum(axis=1), tuple(_all_fits(config)), need)


@dataclass(eq=False)
class _Training:
    """Training sets of the fits along the walk.

    Attributes
    ----------
    walk : WalkForward
    counts : ndarray of int, shape (T,)
        Usable rows of each date.
    fits : tuple of _Fits
    need : _Amount
    """

    walk: WalkForward
    counts: Ints
    fits: tuple[_Fits, ...]
    need: _Amount
    known: dict[tuple[int, int | None], _Amount] = field(default_factory=dict)

    def least(self, start: int, splits: int | None) -> _Amount:
        """Return the first insufficient training set of a fit that begins at a row, or else the first of all."""
        if (start, splits) not in self.known:
            sets = _training_sets(self.walk, start, self.counts, splits)
            amounts = [_Amount(len(dates), int(self.counts[dates].sum())) for dates in sets]
            short = [amount for amount in amounts if not amount.covers(self.need)]
            self.known[start, splits] = (short or amounts or [_Amount(0, 0)])[0]
        return self.known[start, splits]

    def short(self, first: int) -> Iterator[tuple[_Fits, int]]:
        """Yield the fits with too little data and the rows at which they begin, if tests begin at row `first`."""
        for fits in self.fits:
            for start in fits.starts(first, len(self.counts)):
                if not self.least(start, fits.splits).covers(self.need):
                    yield fits, start

    def suffices(self, first: int) -> bool:
        """Whether every fit has enough data if tests begin at row `first`."""
        return next(self.short(first), None) is None

    def first_that_works(self, begin: int, config: RunConfig) -> int | None:
        """Return the first row from `begin` on at which tests may begin; None if there is none."""
        # If tests began in the last rows, nothing would be left to evaluate.
        rows = range(begin, len(self.counts) - 1 - config.target.execution_lag)
        return next((row for row in rows if self.suffices(row)), None)

    def first_short(self, first: int) -> tuple[_Fits, int]:
        """Return the first fit with too little data."""
        return min(self.short(first), key=lambda item: item[1])


def _remedy(panel: Panel, config: RunConfig, works: int | None) -> str:
    """Return advice for the message."""
    others = "Or use fewer features, or set walk_forward.min_train_dates and min_train_rows"
    if works is None:
        longer = "a longer walk_forward.window" if config.walk_forward.window else "more data"
        return f"No walk_forward.first_test of this data works: use {longer} or more assets. {others}"
    date = panel.dates[works]
    later = ""
    if config.evaluation.start < date.date():
        later = ", with evaluation.start no earlier"
    return f"The first walk_forward.first_test that works is {date:%Y-%m-%d}{later}. {others}"


def _all_fits(config: RunConfig) -> Iterator[_Fits]:
    """Yield the refits of each model, and the searches of tuned models, without duplicates."""
    seen = set()
    for name, section in config.fitted_models().items():
        every = section.refit_every or config.walk_forward.refit_every
        of_model = [_Fits(f"the fit of model {name}", every, None)]
        if section.tuning:
            of_model.append(_Fits(f"the tuning of model {name}", section.tuning.every, section.tuning.splits))
        for fits in of_model:
            if (fits.stride, fits.splits) not in seen:
                seen.add((fits.stride, fits.splits))
                yield fits


def _training_sets(walk: WalkForward, start: int, counts: Ints, splits: int | None) -> Iterator[Ints]:
    """Yield the dates with a usable row of the fit that begins at a row, or of the blocks inside it."""
    dates = walk.training_rows(start)
    dates = dates[counts[dates] > 0]
    if splits is None:
        yield dates
        return
    for fold in inner_folds(dates, walk.ends[dates], splits):
        yield fold.train


def _check_regimes(config: RunConfig) -> None:
    """Refuse a first fit of the regimes on too few dates: 8 per state, and two numbers per parameter."""
    section = config.regimes
    n_states, n_features = section.states, len(section.features)
    parameters = n_states * n_features
    if section.kind == "hmm":
        full = section.covariance != "diagonal"
        covariance = n_features * (n_features + 1) // 2 if full else n_features
        parameters += n_states * (covariance + n_states - 1)
    need = max(FEWEST_DATES * n_states, ceil(ROWS_PER_FEATURE * parameters / n_features))
    if section.min_train < need:
        raise RunError(
            f"regimes.min_train is {section.min_train}: {n_states} states of "
            f"{format_count(n_features, 'feature')} by {section.kind} "
            f"need at least {format_count(need, 'observation')} before the first fit"
        )

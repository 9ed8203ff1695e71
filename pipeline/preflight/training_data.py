"""Training data: refuse a schedule with too little data for a fit, and report the first date that works."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from features.matrix import FeatureMatrix
from foundation.counts import format_count
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.defaults.minimum_training import minimum_regime_dates, minimum_training
from pipeline.errors import EarlyTestError, RunError
from pipeline.preflight.training_sets import Amount, TrainingSets, list_fits
from pipeline.stages.schedule import Schedule, make_schedule


def _minimum_training(config: RunConfig, n_features: int) -> tuple[int, int]:
    """Return the minimum number of training dates and rows for a number of features, unless configured."""
    walk = config.walk_forward
    dates, rows = minimum_training(n_features, config.target.horizon, walk.train_every)
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
        f"walk_forward: {fits.what} on {panel.dates[start]:%Y-%m-%d} would use {training.least(start, fits)}; "
        f"{_count_features(fits.n_features)} at least {fits.need} (a row has warm features, a finished "
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


def _count_features(n: int) -> str:
    return f"{format_count(n, 'feature')} need{'s' * (n == 1)}"


def _training_of(panel: Panel, matrix: FeatureMatrix, schedule: Schedule, config: RunConfig) -> TrainingSets:
    usable = panel.listed & np.isfinite(schedule.target.value)
    usable[: schedule.first_train] = False
    fits = list_fits(
        config, len(matrix.names) + config.regimes.states + 1, lambda n: Amount(*_minimum_training(config, n))
    )
    return TrainingSets(schedule.walk, usable.sum(axis=1), fits)


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


def _check_regimes(config: RunConfig) -> None:
    """Refuse a first fit of the regimes on too few dates."""
    section = config.regimes
    n_states, n_features = section.states, len(section.features)
    need = minimum_regime_dates(n_states, n_features, section.kind, section.covariance)
    if section.min_train < need:
        raise RunError(
            f"regimes.min_train is {section.min_train}: {n_states} states of "
            f"{format_count(n_features, 'feature')} by {section.kind} "
            f"need at least {format_count(need, 'observation')} before the first fit"
        )

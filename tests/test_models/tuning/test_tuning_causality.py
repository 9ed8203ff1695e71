"""Tuning never looks ahead: trials, losses, choices and forecasts up to t stay as they are when the future changes."""

from functools import partial
from pathlib import Path

import numpy as np
import pytest
from causality import violations
from synthetic import make_panel

import models.tuning.tuned
from pipeline.config import load_config
from pipeline.settings.models import LightGBMModel, RidgeModel
from pipeline.stages import compute
from pipeline.stages import schedule as timetable

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
SECTIONS = {
    "ridge": RidgeModel(
        kind="ridge",
        n_penalties=6,
        inner_splits=2,
        tuning={
            "trials": 12,
            "every": 24,
            "splits": 2,
            "space": {
                "half_life": {"low": 12, "high": 120, "log": True},
                "selection": {"choices": ["past", "nested"]},
            },
        },
    ),
    "lightgbm": LightGBMModel(
        kind="lightgbm",
        max_trees=6,
        min_rows_in_leaf=10,
        tuning={
            "trials": 10,
            "every": 24,
            "splits": 2,
            "pruning": "hyperband",
            "space": {
                "num_leaves": {"low": 2, "high": 15, "log": True},
                "l2": {"low": 0.1, "high": 100.0, "log": True},
            },
        },
    ),
}


def tuned(kind, panel):
    """Return a tuned walk by the date at which each part of it was known."""
    config = load_config(CONFIGS / "industries.yaml")
    features = config.features.model_copy(
        update={"include": ("return_1", "momentum_12_1", *config.regimes.features)}
    )
    walk = config.walk_forward.model_copy(update={"first_test": panel.dates[90].date(), "refit_every": 12})
    regimes = config.regimes.model_copy(update={"min_train": 60})
    evaluation = config.evaluation.model_copy(update={"start": panel.dates[100].date()})
    config = config.model_copy(
        update={"features": features, "walk_forward": walk, "regimes": regimes, "evaluation": evaluation}
    )
    matrix = compute.make_features(panel, config)
    schedule = timetable.make_schedule(panel, matrix, config)
    data = compute.make_dataset(
        panel, matrix, compute.make_regimes(matrix, schedule, config), schedule, config
    )
    result = compute.walk_model(kind, SECTIONS[kind], data, schedule, config)
    trials = np.full((len(panel.dates), SECTIONS[kind].tuning.trials, 4), np.nan)
    for trial in result.trials:
        values = [
            hash(v) if isinstance(v, str) else np.nan if v is None else v for v in trial.params.values()
        ]
        trials[trial.first_test, trial.number] = [trial.loss, trial.pruned, *values]
    fits = np.full((len(panel.dates), len(data.names)), np.nan)
    for fit in result.fits:
        fits[fit.first_test] = fit.importance
    return {"raw": result.raw, "untuned": result.untuned, "trials": trials, "fits": fits}


@pytest.fixture(scope="module")
def panel():
    return make_panel("monthly", n_dates=140, n_assets=8, seed=4, bars=False)


@pytest.mark.parametrize("kind", list(SECTIONS))
def test_nothing_known_at_t_depends_on_what_comes_after(kind, panel):
    trials = tuned(kind, panel)["trials"]
    searched = np.flatnonzero(np.isfinite(trials).any(axis=(1, 2)))
    assert list(searched) == [90, 114, 138]
    # The row of a search, and the last row of a fold inside the stretch after it.
    assert violations(partial(tuned, kind), panel, [114, 125], seed=2) == []


def test_a_search_on_the_test_window_is_caught(panel, monkeypatch):
    make_dataset, tune_model, made = compute.make_dataset, models.tuning.tuned.tune_model, []

    def remembering(*parts):
        made.append(make_dataset(*parts))
        return made[-1]

    def leaking(model, X, y, rows, settings, **others):
        after = np.arange(rows.date[0], min(rows.date[-1] + 14, len(made[-1].y)))
        return tune_model(model, *made[-1].training(after), settings, **others)

    monkeypatch.setattr(compute, "make_dataset", remembering)
    monkeypatch.setattr(models.tuning.tuned, "tune_model", leaking)
    found = violations(partial(tuned, "ridge"), panel, [114], seed=2)
    assert any("trials" in line for line in found)

"""Schedules: models may be refitted on their own."""

from pathlib import Path

import numpy as np
from synthetic import make_panel

from pipeline.config import load_config
from pipeline.settings.models import RidgeModel
from pipeline.stages import compute
from pipeline.stages.schedule import make_schedule

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def test_a_model_may_be_refitted_on_a_schedule_of_its_own():
    panel = make_panel("monthly", n_dates=150, n_assets=5, seed=4)
    config = load_config(CONFIGS / "industries.yaml")
    walk = config.walk_forward.model_copy(update={"first_test": panel.dates[90].date(), "refit_every": 12})
    start = config.evaluation.model_copy(update={"start": panel.dates[100].date()})
    regimes = config.regimes.model_copy(update={"min_train": 60})
    config = config.model_copy(update={"walk_forward": walk, "evaluation": start, "regimes": regimes})
    matrix = compute.make_features(panel, config)
    schedule = make_schedule(panel, matrix, config)
    data = compute.make_dataset(
        panel, matrix, compute.make_regimes(matrix, schedule, config), schedule, config
    )
    often = RidgeModel(kind="ridge", refit_every=1)
    fits = compute.walk_model("ridge", often, data, schedule, config).fits
    assert [fit.first_test for fit in fits] == list(range(90, 150))
    common = compute.walk_model("ridge", RidgeModel(kind="ridge"), data, schedule, config)
    assert [fit.first_test for fit in common.fits] == list(range(90, 150, 12))
    assert np.isfinite(common.raw[149]).any()
    assert schedule.folds_for(12) is schedule.folds

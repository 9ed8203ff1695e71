"""The regimes section: kinds, their settings, and their own refits."""

import itertools
from pathlib import Path

import pytest
from pydantic import ValidationError
from synthetic import make_panel

from models.regimes.hmm import HMMRegimes
from models.regimes.jump import JumpRegimes
from models.regimes.kmeans import KMeansRegimes
from pipeline.config import load_config
from pipeline.settings.stages import RegimesSection
from pipeline.stages import compute
from pipeline.stages.schedule import make_schedule

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, KMeansRegimes(3, seed=7)),
        ({"kind": "hmm"}, HMMRegimes(3, "full", seed=7)),
        ({"kind": "hmm", "covariance": "diagonal", "states": 2}, HMMRegimes(2, "diagonal", seed=7)),
        ({"kind": "jump"}, JumpRegimes(3, 10.0, seed=7)),
        ({"kind": "jump", "jump_penalty": 0}, JumpRegimes(3, 0.0, seed=7)),
    ],
    ids=str,
)
def test_kinds_make_their_models(settings, expected):
    section = RegimesSection(min_train=60, **settings)
    model = section.make(seed=7)
    assert type(model) is type(expected)
    assert model.get_params() == expected.get_params()
    assert RegimesSection.model_validate_json(section.model_dump_json()) == section


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"jump_penalty": 5}, "jump_penalty is a setting of kind jump, not of kind kmeans"),
        ({"kind": "jump", "covariance": "full"}, "covariance is a setting of kind hmm, not of kind jump"),
        ({"kind": "jump", "jump_penalty": -1}, "greater than or equal to 0"),
        ({"kind": "jump", "jump_penalty": float("inf")}, "finite"),
        ({"kind": "k-means"}, "'kmeans', 'hmm' or 'jump'"),
        ({"refit_every": 0}, "greater than or equal to 1"),
    ],
    ids=str,
)
def test_settings_of_another_kind_are_mistakes(settings, message):
    with pytest.raises(ValidationError, match=message):
        RegimesSection(min_train=60, **settings)


def test_regimes_may_be_refitted_more_often_than_models():
    panel = make_panel("monthly", n_dates=150, n_assets=5, seed=4)
    config = load_config(CONFIGS / "industries.yaml")
    walk = config.walk_forward.model_copy(update={"first_test": panel.dates[90].date(), "refit_every": 12})
    start = config.evaluation.model_copy(update={"start": panel.dates[100].date()})
    gaps = {}
    for every in (None, 1):
        regimes = config.regimes.model_copy(update={"min_train": 60, "refit_every": every})
        changed = config.model_copy(update={"walk_forward": walk, "evaluation": start, "regimes": regimes})
        matrix = compute.make_features(panel, changed)
        schedule = make_schedule(panel, matrix, changed)
        refits = compute.make_regimes(matrix, schedule, changed).refits
        gaps[every] = {int(b - a) for a, b in itertools.pairwise(refits)}
        assert [int(fold.test[0]) for fold in schedule.folds] == list(range(90, 150, 12))
    assert gaps == {None: {12}, 1: {1}}

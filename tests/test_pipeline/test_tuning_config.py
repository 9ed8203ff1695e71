"""The tuning block of a configuration: each mistake is named where it stands, and a run keeps its trials."""

from dataclasses import replace

import pytest
from rich.console import Console
from test_config import written

from models.linear.regression import Ridge
from models.tuning.search_space import Choices, Range
from models.tuning.tuned import Tuned
from pipeline.config import load_config
from pipeline.errors import ConfigError
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.settings.models import LightGBMModel, RidgeModel, UnivariateModel, ZeroModel
from pipeline.store import Store

LEAVES = {"num_leaves": {"low": 4, "high": 63, "log": True}}


def test_a_tuned_model_is_made_of_the_block(tmp_path):
    space = LEAVES | {"l2": {"low": 0.1, "high": 100.0}, "feature_fraction": {"choices": [0.1, 0.25, 1]}}
    tuning = {"search": "random", "trials": 12, "every": 24, "splits": 2, "pruning": "none", "space": space}
    section = load_config(written(tmp_path, models__lightgbm__tuning=tuning)).models["lightgbm"]
    model = section.forecaster(relative=True, seed=5, journal=tmp_path)
    assert isinstance(model, Tuned)
    assert dict(model.space) == {
        "num_leaves": Range(4, 63, log=True, whole=True),
        "l2": Range(0.1, 100.0),
        "feature_fraction": Choices((0.1, 0.25, 1)),
    }
    assert (model.search, model.trials, model.every, model.splits) == ("random", 12, 24, 2)
    assert (model.pruning, model.seed, model.model.seed, model.journal) == ("none", 5, 5, tmp_path)


def test_a_section_without_the_block_makes_the_plain_model(tmp_path):
    sections = load_config(written(tmp_path)).fitted_models()
    for section in sections.values():
        assert not isinstance(section.forecaster(relative=True, seed=0), Tuned)


@pytest.mark.parametrize("section", [LightGBMModel(kind="lightgbm"), RidgeModel(kind="ridge"),
                                     UnivariateModel(kind="univariate")])  # fmt: skip
def test_every_setting_can_be_tuned(section):
    """The search sets parameters by the names of the settings."""
    parameters = section.make(relative=True, seed=0).get_params()
    for name, value in section.settings().items():
        assert parameters[name] == value
        space = {name: {"choices": [value]}}
        again = type(section).model_validate({"kind": section.kind, "tuning": {"space": space}})
        assert again.forecaster(relative=True, seed=0).space[name].values == (value,)


@pytest.mark.parametrize(
    ("model", "tuning", "message"),
    [
        ("lightgbm", {"space": {"num_leavs": {"low": 4, "high": 63}}},
         r"models.lightgbm.tuning.space: num_leavs: unknown parameter; did you mean 'num_leaves'\?"),
        ("lightgbm", {"space": {"seed": {"low": 1, "high": 9}}}, "tuning.space: seed: unknown parameter"),
        ("lightgbm", {"space": {"num_leaves": {"low": 0, "high": 63}}},
         "tuning.space: num_leaves: Input should be greater than or equal to 2, got 0"),
        ("lightgbm", {"space": {"max_bin": {"low": 2, "high": 256}}}, "max_bin: .*less than or equal to 255, got 256"),
        ("lightgbm", {"space": {"num_leaves": {"low": 4.5, "high": 63}}},
         "num_leaves: expected whole numbers, got low 4.5 and high 63"),
        ("lightgbm", {"space": {"num_leaves": {"choices": [4, "many"]}}}, "num_leaves: .*integer, got 'many'"),
        ("lightgbm", {"space": {"l2": {"choices": [True]}}}, "l2: Input should be a valid number, got True"),
        ("lightgbm", {"space": {"l2": {"choices": [1, 1.0]}}}, "tuning.space.l2: choice 1.0 comes twice"),
        ("lightgbm", {"space": {"selection": {"low": 1, "high": 2}}}, "selection: it is not a number: give choices"),
        ("lightgbm", {"space": {"selection": {"choices": ["psat"]}}}, "selection: Input should be 'past' or 'nested'"),
        ("lightgbm", {"space": {"l2": {"low": 2, "high": 1}}}, "tuning.space.l2: low 2.0 is above high 1.0"),
        ("lightgbm", {"space": {"l2": {"low": 0, "high": 1, "log": True}}}, "space.l2: log needs a low above 0, got 0"),
        ("lightgbm", {"space": {"l2": {"low": 1}}}, "tuning.space.l2: expected low and high, or choices"),
        ("lightgbm", {"space": {"l2": {"low": 1, "high": 2, "choices": [1]}}}, "space.l2: choices stand alone"),
        ("lightgbm", {"space": {"l2": {"low": 1, "hgih": 2}}},
         r"models.lightgbm.tuning.space.l2.hgih: unknown key; did you mean 'high'\?"),
        ("lightgbm", {"space": {"l2": {"low": 1, "high": 2, "points": 3}}}, "points: a setting of search grid"),
        ("lightgbm", {"space": LEAVES, "evry": 1}, r"lightgbm.tuning.evry: unknown key; did you mean 'every'\?"),
        ("lightgbm", {"space": LEAVES, "every": 0}, "models.lightgbm.tuning.every: .*got 0"),
        ("lightgbm", {"space": LEAVES, "every": 18}, "models.lightgbm.tuning.every is 18, expected a multiple of 12"),
        ("lightgbm", {"space": LEAVES, "search": "tep"}, "tuning.search: .*'tpe', 'random' or 'grid', got 'tep'"),
        ("lightgbm", {"space": LEAVES | {"l2": {"low": 1, "high": 2, "points": 9}}, "search": "grid"},
         "models.lightgbm.tuning.trials: the grid has 36 points beside the model's own settings, more than 30"),
        ("lightgbm", {"space": {}}, "tuning.space: expected one entry at least"),
        ("mean", {"space": LEAVES}, "models.mean.tuning.space: num_leaves: there is nothing to tune"),
        ("ridge", {"space": {"half_life": {"low": 6, "high": 60}}}, "half_life: .*or equal to 12, got 6"),
        ("combination", {"space": LEAVES}, "models.combination.tuning: unknown key"),
    ],
)  # fmt: skip
def test_mistakes_are_named(tmp_path, model, tuning, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written(tmp_path, **{f"models__{model}__tuning": tuning}))


def test_nothing_to_tune_in_zero():
    assert ZeroModel(kind="zero").settings() == {}


def trained(path, folder, *, fresh=False):
    pipeline = Pipeline(load_config(path), Store(folder, fresh=fresh), Reporter(Console(quiet=True)))
    return pipeline.train(pipeline.prepare()).walks["ridge"]


def test_an_interrupted_run_goes_on_with_its_trials(mine, tmp_path, monkeypatch):
    space = {"half_life": {"low": 12, "high": 120}, "n_penalties": {"low": 2, "high": 8}}
    ridge = {"kind": "ridge", "tuning": {"trials": 20, "every": 36, "splits": 2, "space": space}}
    path = mine(models={"ridge": ridge}, allocation__forecast="ridge", walk_forward__min_train_rows=90)
    fit, fits, stop = Ridge.fit, [], 60

    def counted(self, X, y, rows=None):
        fits.append(len(y))
        if len(fits) > stop:
            raise KeyboardInterrupt
        return fit(self, X, y, rows)

    monkeypatch.setattr(Ridge, "fit", counted)
    with pytest.raises(KeyboardInterrupt):
        trained(path, tmp_path / "one")
    stop = 10**6
    fits.clear()
    resumed = trained(path, tmp_path / "one")
    n_resumed = len(fits)
    fits.clear()
    whole = trained(path, tmp_path / "two")
    assert 0 < n_resumed < len(fits) - 30
    assert resumed.raw.tobytes() == whole.raw.tobytes()
    assert [replace(t, seconds=0) for t in resumed.trials] == [replace(t, seconds=0) for t in whole.trials]
    assert len(whole.trials) == 40
    assert whole.untuned.shape == whole.raw.shape
    n_whole = len(fits)
    fits.clear()
    assert trained(path, tmp_path / "two").raw.tobytes() == whole.raw.tobytes()
    assert fits == [], "a stored walk is not made again"
    trained(path, tmp_path / "two", fresh=True)
    assert len(fits) == n_whole, "a fresh run believes no journal"

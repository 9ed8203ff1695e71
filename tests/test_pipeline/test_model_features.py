"""Features of one model: named in its section, refused before anything is fitted, and refitted when they change."""

import re
import sys
from html import unescape

import numpy as np
import pandas as pd
import pytest
import yaml
from bits import assert_same_bits
from own_prices import settings, write_prices
from running import evaluated, pipeline_of

from pipeline.cli import main as cli
from pipeline.config import RunConfig, load_config
from pipeline.errors import ConfigError, RunError
from pipeline.export.freeze import inputs
from pipeline.report.page_tables import effort_table
from pipeline.stages import compute

MOMENTUM = {"kind": "univariate", "features": ["momentum_12_1_z"]}
RIDGE = {"kind": "ridge", "n_penalties": 8, "inner_splits": 2}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("few")
    write_prices(folder / "prices.csv", n_dates=150, n_assets=8, seed=2)
    return folder


def content_of(folder, model, **changes):
    models = {"mean": {"kind": "mean"}, "few": model}
    return settings(folder, 150, **{"models": models, "allocation__forecast": "few", **changes})


def tangency(monkeypatch, *arguments):
    """Run the command in this process and return its exit code."""
    monkeypatch.setattr(sys, "argv", ["tangency", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as stopped:
        return stopped.code
    return 0


def config_of(folder, model, **changes):
    return RunConfig.model_validate(content_of(folder, model, **changes))


def written(folder, model, **changes):
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(content_of(folder, model, **changes)))
    return path


@pytest.fixture
def nothing_is_fitted(monkeypatch):
    def fitted(*_):
        raise AssertionError("something was fitted")

    for name in ("make_regimes", "walk_model"):
        monkeypatch.setattr(compute, name, fitted)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (RIDGE | {"features": []}, "models.few.features: expected one entry at least"),
        (RIDGE | {"features": ["return_1", "return_1"]}, "models.few.features: 'return_1' comes twice"),
        (RIDGE | {"features": "return_1"}, "models.few.features: .*got 'return_1'"),
        (RIDGE | {"features": [3]}, "models.few.features.*: .*string, got 3"),
        (RIDGE | {"featrues": ["return_1"]}, r"featrues: unknown key; did you mean 'features'\?"),
        (
            {"kind": "mean", "features": ["return_1"]},
            "models.few.features: this kind of model uses no feature",
        ),
        (
            {"kind": "zero", "features": ["return_1"]},
            "models.few.features: this kind of model uses no feature",
        ),
        (
            RIDGE | {"features": ["return_1"], "tuning": {"space": {"features": {"choices": ["return_1"]}}}},
            "tuning.space: features: unknown parameter",
        ),
        ({"kind": "combination", "members": ["mean"], "features": ["a"]}, "features: unknown key"),
    ],
)
def test_mistakes_in_the_section_are_named(folder, model, message):
    with pytest.raises(ConfigError, match=message):
        load_config(written(folder, model))


@pytest.mark.parametrize(
    ("features", "changes", "message"),
    [
        (
            ["momentum_12_2_z"],
            {},
            r"models.few.features: 'momentum_12_2_z' is no feature of this run; did you mean 'momentum_12_1_z'\?",
        ),
        (["return_1", "regime_2"], {}, r"'regime_2' is no feature of this run; did you mean 'regime_[01]'\?"),
        (
            ["momentum_12_1_z"],
            {"features__include": ["asset", "market"]},
            r"'momentum_12_1_z' is not built: neither it nor its stage cross_section is in features.include \(asset,",
        ),
        (
            ["momentum_12_1_z"],
            {"features": {"exclude": ["cross_section"]}},
            "'momentum_12_1_z' is not built: features.exclude leaves it out",
        ),
        (
            ["return_1"],
            {"features": {"exclude": ["return_1"]}},
            "'return_1' is not built: features.exclude leaves",
        ),
        (["return_1", "asset"], {}, "'asset' is a stage: expected the names of single features"),
        (["volume_ratio_1_12"], {}, "'volume_ratio_1_12' cannot be used: the panel has no volume"),
        (
            ["market_volatility_12", "regime_0"],
            {},
            "'market_volatility_12', 'regime_0' are the same for all assets, and target.relative is true",
        ),
    ],
)
def test_what_a_run_does_not_build_is_refused_before_anything_is_fitted(
    folder, nothing_is_fitted, features, changes, message
):
    with pytest.raises(RunError, match=message):
        pipeline_of(config_of(folder, RIDGE | {"features": features}, **changes)).prepare()


@pytest.mark.usefixtures("mlflow_here")
def test_the_command_line_says_it_in_one_message_and_exits_with_2(folder, monkeypatch, capsys):
    path = written(folder, RIDGE | {"features": ["momentun_12_1_z"]})
    assert tangency(monkeypatch, "train", "--config", path) == 2
    captured = capsys.readouterr()
    text = " ".join((captured.out + captured.err).split())
    assert "'momentun_12_1_z' is no feature of this run; did you mean 'momentum_12_1_z'?" in text
    assert "Traceback" not in text


def test_a_score_of_one_asset_says_nothing_and_is_refused(tmp_path):
    write_prices(tmp_path / "prices.csv", n_dates=150, n_assets=1, seed=2, late=False, deaths=False)
    alone = {"target__relative": False, "regimes__features": ["market_volatility_12"]}
    alone |= {"allocation__maximum": 1.0, "allocation__cash_maximum": 1.0}
    with pytest.raises(RunError, match="'momentum_12_1_z' has no two different values at any training date"):
        pipeline_of(config_of(tmp_path, MOMENTUM, **alone)).prepare()
    pipeline_of(config_of(tmp_path, MOMENTUM | {"features": ["momentum_12_1"]}, **alone)).prepare()


def test_common_features_are_welcome_where_the_level_is_forecast(folder):
    config = config_of(folder, RIDGE | {"features": ["market_volatility_12"]}, target__relative=False)
    matrix = pipeline_of(config).prepare().matrix
    assert matrix.common[matrix.names.index("market_volatility_12")]


def test_a_model_with_few_features_needs_few_rows(folder):
    """Four dates of eight assets are too few for 59 features and enough for one."""
    early = {"walk_forward__first_test": "1995-08-31"}
    with pytest.raises(RunError, match="59 features need at least"):
        pipeline_of(config_of(folder, RIDGE, **early)).prepare()
    only = {"few": RIDGE | {"features": ["return_1"]}}
    few = RunConfig.model_validate(
        settings(folder, 150, models=only, allocation__forecast="few", **early, regimes__min_train=30)
    )
    with pytest.raises(
        RunError, match=r"would use \d+ rows of 7 dates; 1 feature needs at least 2 rows of 8 da"
    ):
        pipeline_of(few).prepare()
    later = few.model_copy(
        update={
            "walk_forward": few.walk_forward.model_copy(
                update={"first_test": pd.Timestamp("1995-09-30").date()}
            )
        }
    )
    pipeline_of(later).prepare()


@pytest.fixture(scope="module")
def done(folder):
    models = {
        "mean": {"kind": "mean"},
        "whole": RIDGE,
        "momentum": MOMENTUM,
        "few": RIDGE | {"features": ["return_1", "volatility_12", "market_return_12", "regime_0"]},
        "trees": {
            "kind": "lightgbm",
            "max_trees": 12,
            "min_rows_in_leaf": 30,
            "features": ["return_12", "return_1"],
        },
        "both": {"kind": "combination", "members": ["whole", "momentum"]},
    }
    return evaluated(
        RunConfig.model_validate(settings(folder, 150, models=models, allocation__forecast="both"))
    )


def test_importance_has_all_features_and_is_0_for_those_not_seen(done):
    names, walks = done.trained.names, done.trained.walks
    k = names.index("momentum_12_1_z")
    for fit in walks["momentum"].fits:
        assert_same_bits(fit.importance, np.eye(len(names))[k], "momentum")
    seen = [names.index(name) for name in ("return_1", "volatility_12", "market_return_12", "regime_0")]
    assert not np.delete(walks["few"].fits[-1].importance, seen).any()
    both = (walks["whole"].fits[-1].importance + walks["momentum"].fits[-1].importance) / 2
    np.testing.assert_allclose(walks["both"].fits[-1].importance, both, rtol=0, atol=1e-15)


def test_a_single_regression_ranks_assets_by_its_feature(done):
    prepared, walk = done.trained.prepared, done.trained.walks["momentum"]
    scores = prepared.matrix.column("momentum_12_1_z")
    row = int(walk.fits[-1].first_test)
    usable = np.isfinite(walk.raw[row]) & np.isfinite(scores[row])
    correlation = np.corrcoef(walk.raw[row][usable], scores[row][usable])[0, 1]
    assert abs(correlation) > 0.999


def test_the_report_says_how_many_features_each_model_sees(done):
    table = effort_table(done)
    column = table["heads"].index("features")
    seen = {name: cells[column] for name, cells in table["rows"]}
    total = len(done.trained.names)
    assert seen == {
        "mean": "–",
        "whole": f"{total}",
        "momentum": "momentum_12_1_z",
        "few": f"4 of {total}",
        "trees": f"2 of {total}",
        "both": "–",
    }


@pytest.mark.usefixtures("mlflow_here")
@pytest.mark.parametrize("name", ["momentum", "few", "trees"])
def test_a_logged_model_finds_its_columns_by_name(done, name, tmp_path):
    """MLflow gives it a table with all features, in another order."""
    import mlflow

    from pipeline.tracking.models.logged_models import write_model

    walk, names = done.trained.walks[name], list(done.trained.names)
    write_model(walk.last, tmp_path / "model")
    prepared = done.trained.prepared
    row = len(prepared.panel.dates) - 1
    table = inputs(prepared, done.trained.regimes, row).set_index("asset")[names[::-1]]
    raw = pd.Series(
        np.asarray(mlflow.pyfunc.load_model(tmp_path / "model").predict(table)), index=table.index
    )
    said = walk.raw[row][prepared.panel.listed[row]]
    np.testing.assert_allclose(raw - raw.mean(), said, rtol=0, atol=1e-12)


def test_another_list_is_another_fit_and_the_same_list_is_reused(tmp_path):
    write_prices(tmp_path / "prices.csv", n_dates=150, n_assets=8, seed=2)

    def train(features):
        pipeline = pipeline_of(config_of(tmp_path, RIDGE | ({"features": features} if features else {})))
        walks = pipeline.train(pipeline.prepare()).walks
        return walks["few"], "model few" in pipeline.reporter.reused

    first, reused = train(["return_1", "volatility_12"])
    assert not reused
    again, reused = train(["return_1", "volatility_12"])
    assert reused
    assert_same_bits(again.raw, first.raw, "the same list")
    other, reused = train(["return_1"])
    assert not reused
    assert (other.raw != first.raw)[np.isfinite(first.raw)].any()
    whole, reused = train(None)
    assert not reused
    assert (whole.raw != first.raw)[np.isfinite(first.raw)].any()


@pytest.mark.usefixtures("mlflow_here")
def test_a_run_reports_and_explains_itself(folder, tmp_path, monkeypatch, capsys):
    path = tmp_path / "mine.yaml"
    models = {"ridge": RIDGE, "momentum": MOMENTUM}
    models |= {"combination": {"kind": "combination", "members": list(models)}}
    content = settings(folder, 150, models=models, output=str(tmp_path / "runs"))
    path.write_text(yaml.safe_dump(content))
    assert tangency(monkeypatch, "run", "--config", path) == 0
    page = unescape((tmp_path / "runs" / "latest" / "report.html").read_text())
    assert re.search(r">momentum</t[hd]>.{0,200}>momentum_12_1_z<", page, re.DOTALL)
    capsys.readouterr()
    assert tangency(monkeypatch, "config", path) == 0
    shown = yaml.safe_load(capsys.readouterr().out)
    assert shown["models"]["momentum"]["features"] == ["momentum_12_1_z"]

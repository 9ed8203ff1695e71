"""A replay trades as a run does, from the same forecasts, and reads changed settings."""

from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from benchmarks.skill import board, panels, replay
from benchmarks.skill.replay import Variant
from pipeline.errors import ConfigError
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.store import Store

RIDGE = {"models": {"ridge": {"kind": "ridge"}}, "allocation.forecast": "ridge"}
FREE = {
    "allocation.l2_penalty": 0.0,
    "allocation.active_risk_aversion": 0.0,
    "allocation.minimum": -4.5,
    "allocation.maximum": 4.5,
    "allocation.risk_aversion": 60,
    "cost_rate": 0,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("board")


def trade_equal_weight(trained, forecast):
    """An experiment that ignores the forecast."""
    from allocation.policies.policy import EqualWeight

    return EqualWeight(trained.covariances)


def test_a_replay_is_the_run(folder):
    trained = panels.load_trained("industries", RIDGE, folder)
    results = replay.simulate_variant(trained, "ridge", Variant("default", RIDGE))
    store = Store(folder / "run")
    pipeline = Pipeline(trained.prepared.config, store, Reporter(Console(file=StringIO())))
    done = pipeline.evaluate(pipeline.train(pipeline.prepare()))
    for mine, theirs in (("traded", "model:ridge"), ("no_forecast",) * 2, ("equal_weight",) * 2):
        np.testing.assert_array_equal(results[mine].net, done.results[theirs].net)
        np.testing.assert_array_equal(results[mine].weights, done.results[theirs].weights)
    (outcome,) = replay.replay_panel("industries", Variant("default", RIDGE), ("ridge",), folder)
    assert outcome.measures["turnover"] == pytest.approx(done.performance["model:ridge"]["turnover"])
    assert outcome.measures["sharpe"] == pytest.approx(done.performance["model:ridge"]["sharpe"])
    assert outcome.measures["gain"] / 12 == pytest.approx(outcome.influence["no_forecast"].mean())


def test_stored_forecasts_are_used_again_by_another_allocator(folder, monkeypatch):
    first = panels.load_trained("industries", RIDGE, folder)
    monkeypatch.setattr(
        "pipeline.stages.compute.walk_model", lambda *_: pytest.fail("a stored walk is made again")
    )
    second = panels.load_trained("industries", {**RIDGE, "allocation.maximum": "3/N"}, folder)
    assert second.prepared.config.allocation.maximum == 0.25
    np.testing.assert_array_equal(first.walks["ridge"].raw, second.walks["ridge"].raw)


def test_without_limits_and_costs_the_allocator_transfers_all(folder):
    (free,) = replay.replay_panel("industries", Variant("free", {**RIDGE, **FREE}), ("ridge",), folder)
    (limited,) = replay.replay_panel("industries", Variant("default", RIDGE), ("ridge",), folder)
    assert free.measures["transfer"] == pytest.approx(1, abs=1e-6)
    assert 0.2 < limited.measures["transfer"] < 0.8


def test_an_experiment_is_traded_with_and_without_the_forecast(folder):
    variant = Variant("equal", RIDGE, f"{__name__}:trade_equal_weight")
    (outcome,) = replay.replay_panel("industries", variant, ("ridge",), folder)
    assert outcome.measures["gain"] == outcome.measures["gain_equal_weight"] == 0
    assert np.isnan(outcome.measures["t"])
    with pytest.raises(ConfigError, match=r"expected package\.module:function"):
        replay.find_policy("benchmarks.skill.nowhere:policy")


def test_a_wrong_setting_is_a_failure_with_its_message(folder):
    variant = Variant("typo", {**RIDGE, "allocation.maximun": 0.2})
    (outcome,) = replay.replay_panel("industries", variant, ("ridge",), folder)
    assert outcome.failure.startswith("industries: 1 mistake")
    assert "allocation.maximun" in outcome.failure
    (again,) = replay.replay_panel("industries", variant, ("ridge",), folder)
    assert again.failure == outcome.failure
    (outcome,) = replay.replay_panel(
        "industries", Variant("data", {"data.source": "stocks"}), ("ridge",), folder
    )
    assert "a panel is its data" in outcome.failure


def test_settings_are_read_as_yaml():
    texts = ["allocation.maximum=3/N", "allocation.turnover=0.2", "allocation.covariance={kind: sample}"]
    assert board.parse_settings(texts) == {
        "allocation.maximum": "3/N",
        "allocation.turnover": 0.2,
        "allocation.covariance": {"kind": "sample"},
    }
    with pytest.raises(ValueError, match="expected key=value"):
        board.parse_settings(["allocation.maximum"])


def test_shares_of_one_over_n_never_exceed_1():
    assert panels.resolve_shares({"a": "3/N", "b": "text", "c": 2}, 2) == {"a": 1.0, "b": "text", "c": 2}


def test_forecasts_of_older_code_are_made_again_unless_they_are_asked_for(folder, monkeypatch, capsys):
    panels.load_trained("classes", None, folder)
    monkeypatch.setattr("benchmarks.skill.stage_cache.forecasting_code", lambda: "0" * 64)

    def make_again(*_):
        raise RuntimeError("features are made again")

    monkeypatch.setattr("pipeline.stages.compute.make_features", make_again)
    monkeypatch.setenv("SKILL_KEEP", "1")
    assert panels.load_trained("classes", None, folder).prepared.config.name == "classes"
    assert "classes: forecasts of older code" in capsys.readouterr().err
    monkeypatch.delenv("SKILL_KEEP")
    with pytest.raises(RuntimeError, match="features are made again"):
        panels.load_trained("classes", None, folder)

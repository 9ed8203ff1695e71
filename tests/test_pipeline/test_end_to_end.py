"""From a CSV file to a tracked run: everything is written, everything is true, and noise stays noise."""

import datetime as dt
import gc
import json

import numpy as np
import pandas as pd
import pytest
import yaml
from own_prices import settings, write_prices
from rich.console import Console
from running import pipeline_of

from foundation.json_text import to_json
from pipeline.config import BASELINES, load_config
from pipeline.drift.measure import measure_run
from pipeline.export import latest_run, run_folder
from pipeline.export.publication import (
    _make_artifacts,
    _measure_drift,
    judge_run,
    load_or_make_artifacts,
    open_ledger,
)
from pipeline.progress import Reporter
from pipeline.report.narrative import best_baseline
from pipeline.store import Store
from pipeline.tracking.database import open_experiment
from pipeline.tracking.payload import make_mlflow_run
from pipeline.tracking.send import deliver

pytestmark = pytest.mark.usefixtures("mlflow_here")

NOW = dt.datetime(2002, 7, 1, 6, 30, tzinfo=dt.UTC)


def evaluated(path, fresh=False):
    """Run everything but writing and tracking."""
    pipeline = pipeline_of(path, fresh=fresh)
    done = pipeline.evaluate(pipeline.train(pipeline.prepare()))
    return done, pipeline


def written(path, run_id="one"):
    """Run everything but tracking and return it with its folder."""
    done, pipeline = evaluated(path)
    reporter = pipeline.reporter
    made = _make_artifacts(
        done,
        pipeline.certify(done),
        judge_run(done, reporter),
        _measure_drift(done, reporter),
        reporter.stage_lines,
    )
    output = done.trained.prepared.config.output
    folder = run_folder.write_run(output, made, run_id, reporter.seconds, reporter.reused, now=NOW)
    return done, folder


def test_a_run_folder_holds_what_it_promises(mine, tmp_path):
    done, folder = written(mine())
    assert sorted(p.name for p in folder.iterdir()) == [
        "active.csv",
        "certificate.json",
        "chain_heads.json",
        "config.json",
        "forecasts.parquet",
        "inputs.json",
        "model.json",
        "report.html",
        "summary.json",
        "tracking.json",
        "weights.csv",
    ]
    assert (tmp_path / "runs" / "latest").resolve() == folder.resolve()
    summary = json.loads((folder / "summary.json").read_text())
    assert summary["schema"] == run_folder.SCHEMA
    assert summary["n_folds"] == 5
    assert set(summary["forecast"]) == {"zero", "mean", "ridge", "lightgbm", "combination"}
    assert set(summary["portfolio"]) == {*BASELINES, *(f"model:{name}" for name in summary["forecast"])}
    assert set(summary["comparison"]["model:ridge"]) == set(BASELINES)
    assert summary["target"]["limits_hold"] is True
    assert summary["forecast"]["zero"]["rank_ic"] is None, "a constant forecast ranks nothing"
    assert len(summary["record"]["config_hash"]) == 64
    assert summary["seconds"].keys() >= {"data", "features", "model ridge"}

    weights = pd.read_csv(folder / "weights.csv")
    assets = [c for c in weights.columns if c not in ("date", "status", "note")]
    np.testing.assert_allclose(weights[assets].sum(axis=1), 1, atol=1e-9)
    assert weights[assets].max().max() <= 0.5 + 1e-6
    assert weights["date"].iloc[-1] == "2002-06-30"
    assert summary["target"]["weights"] == pytest.approx(weights[assets[:-1]].iloc[-1].to_dict())

    forecasts = pd.read_parquet(folder / "forecasts.parquet")
    one = forecasts[(forecasts.model == "ridge") & (forecasts.date == "2002-06-30")]
    stage_lines = done.trained.forecasts["ridge"]
    np.testing.assert_array_equal(one["mean"], stage_lines.mean[-1][np.isfinite(stage_lines.mean[-1])])
    assert (forecasts["stderr"].dropna() >= 0).all()


def test_a_second_run_reuses_everything_and_gives_the_same_bits(mine):
    first, _ = evaluated(mine())
    second, pipeline = evaluated(mine())
    stored = {name for name in pipeline.reporter.seconds if name not in ("data", "covariances")}
    assert set(pipeline.reporter.reused) == stored
    fresh, pipeline = evaluated(mine(), fresh=True)
    assert pipeline.reporter.reused == []
    for other in (second, fresh):
        for name, result in first.results.items():
            np.testing.assert_array_equal(other.results[name].net, result.net)
        np.testing.assert_array_equal(other.target.weights, first.target.weights)
        for name, metrics in first.performance.items():
            assert dict(other.performance[name]) == pytest.approx(dict(metrics), rel=0, abs=0, nan_ok=True)


def test_what_changed_is_made_again_and_nothing_else(mine):
    evaluated(mine())
    _, pipeline = evaluated(mine(cost_rate=0.002))
    again = {name for name in pipeline.reporter.seconds if name not in pipeline.reporter.reused}
    assert all(name.startswith("portfolio") or name in ("data", "covariances") for name in again)
    _, pipeline = evaluated(mine(models__ridge__n_penalties=10))
    assert "model lightgbm" in pipeline.reporter.reused
    assert "model ridge" not in pipeline.reporter.reused


def test_a_failed_write_leaves_nothing(mine, tmp_path, monkeypatch):
    monkeypatch.setattr("pipeline.export.result_tables.forecasts_table", lambda done: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        written(mine())
    assert sorted(p.name for p in (tmp_path / "runs").iterdir()) == [
        ".chain_heads.json.lock",
        ".ledger.jsonl.lock",
        "chain_heads.json",
        "ledger.jsonl",
        "store",
    ]


def test_latest_moves_to_the_newest(mine, tmp_path):
    written(mine(), "one")
    written(mine(), "two")
    assert (tmp_path / "runs" / "latest").readlink().name == "two"
    assert (tmp_path / "runs" / "one" / "summary.json").exists()


def test_the_tracked_run_tells_what_won_and_why(mine, tmp_path, monkeypatch):
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setenv("MLFLOW_ALLOW_PICKLE_DESERIALIZATION", "false")
    done, folder = written(mine())
    page = deliver(folder)
    client, experiment = open_experiment(tmp_path / "runs", "mine")
    assert experiment in page
    runs = client.search_runs([experiment])
    (parent,) = [run for run in runs if "mlflow.parentRunId" not in run.data.tags]
    children = {run.data.tags["model"]: run for run in runs if run is not parent}
    assert set(children) == set(done.scores)
    assert {run.info.status for run in runs} == {"FINISHED"}
    gap = done.comparisons[done.chosen][best_baseline(done.performance)]
    assert parent.info.run_name == (
        f"combination {gap['sharpe_difference']:+.2f} (p {gap['p_value']:.2f}) 2002-07-01 06:30"
    )
    assert parent.data.tags["folder"] == "one"
    assert "standard error" in parent.data.tags["mlflow.note.content"]
    assert parent.data.tags["config_hash"] == done.record().config_hash
    assert parent.data.metrics["portfolio/sharpe"] == done.performance[done.chosen]["sharpe"]
    assert parent.data.params["models.ridge.kind"] == "ridge"
    steps = client.get_metric_history(children["ridge"].info.run_id, "fold/rank_ic")
    assert [m.value for m in steps] == [fold["rank_ic"] for fold in done.scores["ridge"].by_fold]
    files = {item.path for item in client.list_artifacts(parent.info.run_id)}
    assert files >= {"report.html", "summary.json", "weights.csv", "forecasts.parquet", "plots"}
    assert len(client.list_artifacts(parent.info.run_id, "plots")) == 9
    assert not files & {"tracking.json", "mlflow.json"}, "what is for the sender alone"
    assert parent.info.end_time == int(NOW.timestamp() * 1000), (
        "it is told with the time at which it was made"
    )
    _the_logged_models_predict_what_the_fitted_did(client, children, done)


def _the_logged_models_predict_what_the_fitted_did(client, children, done):
    """Load each logged model as a stranger would, without unpickling, and ask it what the last fit is asked."""
    import lightgbm as lgb
    import mlflow

    names = list(done.trained.names)
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(5, len(names))), columns=names)
    X.iloc[2, 3] = np.nan
    stage_lines = {}
    for model in client.search_logged_models([children["ridge"].info.experiment_id]):
        name = next(name for name, run in children.items() if run.info.run_id == model.source_run_id)
        stage_lines[name] = np.asarray(mlflow.pyfunc.load_model(model.model_uri).predict(X), dtype=float)
    assert set(stage_lines) == {"ridge", "lightgbm"}
    spec = done.trained.walks["ridge"].last
    scale = np.array(spec["scale"])
    Z = np.where(scale > 0, (X - spec["mean"]) / np.where(scale > 0, scale, 1), 0)
    Z = np.nan_to_num(np.clip(Z, -spec["clip"], spec["clip"]))
    np.testing.assert_allclose(stage_lines["ridge"], Z @ spec["coefficients"] + spec["intercept"], atol=1e-12)
    booster = lgb.Booster(model_str=done.trained.walks["lightgbm"].last["booster"])
    np.testing.assert_array_equal(stage_lines["lightgbm"], booster.predict(X.to_numpy()))


def synthetic_run(tmp_path, signal, seed, n_dates=300):
    write_prices(
        tmp_path / "prices.csv",
        n_dates=n_dates,
        n_assets=12,
        seed=seed,
        signal=signal,
        late=False,
        deaths=False,
        holes=False,
    )
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(settings(tmp_path, n_dates, cost_rate=0.0, allocation__forecast="ridge")))
    return evaluated(path)[0]


def test_a_planted_signal_is_found(tmp_path):
    done = synthetic_run(tmp_path, signal=0.3, seed=1)
    for name in ("ridge", "lightgbm", "combination"):
        score = done.scores[name].metrics
        assert score["rank_ic"] == pytest.approx(0.3, abs=0.12), name
        assert score["rank_ic_low"] > 0.1, name
        assert score["last_slope"] > 0.5, name
        assert score["r2_target"] > 0.02, name
        assert done.comparisons[f"model:{name}"]["no_forecast"]["p_value"] < 0.05, name
    best = done.trained.names[int(np.argmax(done.trained.walks["ridge"].fits[-1].importance))]
    assert best.startswith(("return_1", "reversal_1")), "the signal is last month's idiosyncratic return"


def test_noise_stays_noise(tmp_path):
    models = ("ridge", "lightgbm", "combination")
    slopes = {name: list[float]() for name in models}
    for seed in (3, 4, 5, 6):
        folder = tmp_path / str(seed)
        folder.mkdir()
        done = synthetic_run(folder, signal=None, seed=seed)
        idle = done.results["no_forecast"]
        for name in models:
            score = done.scores[name].metrics
            assert score["rank_ic_low"] < 0 < score["rank_ic_high"], name
            slopes[name].append(score["mean_slope"])
            distance = np.abs(done.results[f"model:{name}"].weights - idle.weights).sum(axis=1).mean()
            assert distance < 0.35, f"{name} trades away from the baseline"
            assert abs(done.comparisons[f"model:{name}"]["no_forecast"]["sharpe_difference"]) < 0.25, name
    for name in models:
        # One tree, or the last of a ridge path, is so close to 0 that its own slope says little: of trees on twenty
        # records of noise it is 0.2 on average and above 0.6 on four. What counts is how far the portfolio goes.
        assert np.mean(slopes[name]) < 0.4, name


def test_drift_is_told_in_the_summary_on_the_page_and_to_mlflow(mine):
    done, folder = written(mine())
    stage_lines = json.loads((folder / "summary.json").read_text())["drift"]
    drift = measure_run(done)
    assert stage_lines == json.loads(to_json(drift.as_dict()))
    page = (folder / "report.html").read_text()
    section = page[page.index("<h2>Drift</h2>") : page.index("<h2>Data</h2>")]
    for found in drift.findings:
        assert f"{found.watch.subject}: {found.watch.what}" in section
    assert [one.name for one in drift.features[:3] if one.name not in section] == []
    evidence = judge_run(done, Reporter(Console(quiet=True)))
    metrics = {name: value for name, value, _ in make_mlflow_run(done, None, evidence, drift).metrics}
    assert metrics["drift/alarms"] == len(drift.all_alarms)
    size = next(f for f in drift.findings if f.watch.what == "size of the errors")
    assert metrics["drift/forecast size of the errors"] == size.watch.recent


def test_another_way_to_measure_drift_is_another_run_of_the_same_trial(mine):
    one = written(mine(audit={"cuts": 0}), "mine-one")[1]
    config = load_config(mine(drift={"window": 5}, audit={"cuts": 0}))
    threshold = gc.get_threshold()
    made = load_or_make_artifacts(config, Store(config.output / "store"), Reporter(Console(quiet=True)))
    assert gc.get_freeze_count() == 0, "something stays aside from the garbage collector"
    assert gc.get_threshold() == threshold
    assert made.drift.window == 5
    assert latest_run.reuse_run(config.output, made) is None
    again = load_config(mine(audit={"cuts": 0}))
    made = load_or_make_artifacts(again, Store(again.output / "store"), Reporter(Console(quiet=True)))
    assert made.drift.window == 12
    assert latest_run.reuse_run(again.output, made) == one
    assert open_ledger(config).trials("mine").configurations == 1

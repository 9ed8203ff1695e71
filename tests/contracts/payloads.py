"""Runs to be told to MLflow, made up: a parent, and models below it, two of which load."""

import datetime as dt
import json
from dataclasses import replace

import lightgbm as lgb
import numpy as np

from pipeline.tracking.pending_runs import RECORD, MlflowRun, TrackingPayload

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
FEATURES = ["momentum", "volatility", "value"]


def booster():
    """Return the text of a small LightGBM model."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    data = lgb.Dataset(X, X[:, 0] + X[:, 1] ** 2)
    settings = {"num_leaves": 5, "verbose": -1, "num_threads": 1}
    return lgb.train(settings, data, num_boost_round=5).model_to_string()


def linear():
    """Return a linear model with numbers that have no short decimal form."""
    return {
        "features": FEATURES,
        "mean": [0.1, 1 / 3, -2.0],
        "scale": [1.0, 0.7, 0.0],
        "clip": 4.0,
        "coefficients": [0.5, -(2**0.5), 7.0],
        "intercept": 1e-17,
    }


def payload(name="mine", run_id="mine-20260301T120000-abcdef-0001", steps=2):
    """Return what a run would tell, with `steps` folds."""
    rng = np.random.default_rng(1)
    folds = tuple((f"fold/{key}", float(rng.normal()), i) for i in range(steps) for key in ("ic", "r2"))
    models = {"ridge": linear(), "trees": {"features": FEATURES, "booster": booster()}}
    children = {
        key: MlflowRun(
            {"model": key, "mlflow.note.content": f"how {key} did"},
            {"kind": key, "alpha": "0.1"},
            (("forecast/ic", 1 / 3, 0), *folds),
            {"importance.json": {"momentum": 1 / 7}},
            model,
        )
        for key, model in models.items()
    }
    children["zero"] = MlflowRun({"model": "zero"}, {}, (("forecast/ic", 0.0, 0),))
    result = MlflowRun(
        {"verdict": "no evidence of skill", "mlflow.note.content": "what was found"},
        {f"section.key{i}": str(i) for i in range(101)},
        (("answer/net sharpe", 2 / 3, 0), *folds),
        children=children,
    )
    at = int(NOW.timestamp() * 1000)
    return TrackingPayload(
        name, run_id, "ridge +0.10 (p 0.20) 2026-03-01 12:00", at - 17_000, at, result, {"wealth": "<svg/>"}
    )


def folder_of(output, made):
    """Write the folder of a run and return it."""
    folder = output / made.run_id
    folder.mkdir(parents=True)
    (folder / "summary.json").write_text(json.dumps({"config": made.experiment}))
    (folder / "report.html").write_text("<p>found</p>")
    (folder / RECORD).write_text(made.to_json())
    return folder


def another(number, **changes):
    """Return a parcel like the first, of another run."""
    return replace(payload(**changes), run_id=f"mine-20260301T120000-abcdef-{number:04x}")


def known(client, experiment):
    """Return all that a tracking server knows of an experiment, in words that do not differ from server to server."""
    from mlflow.entities import ViewType

    runs = client.search_runs([experiment], run_view_type=ViewType.ALL)
    names = {r.info.run_id: r.data.tags.get("folder", r.info.run_name) for r in runs}
    result = {}
    for run in runs:
        ident = run.info.run_id
        tags = {key: value for key, value in run.data.tags.items() if key != "mlflow.parentRunId"}
        above = names.get(run.data.tags.get("mlflow.parentRunId"))
        metrics = {
            key: [(m.value, m.step, m.timestamp) for m in client.get_metric_history(ident, key)]
            for key in run.data.metrics
        }
        files = sorted(item.path for at in (None, "plots") for item in client.list_artifacts(ident, at))
        outputs = run.outputs.model_outputs if run.outputs else []
        key = f"{above or run.data.tags.get('folder')} > {run.info.run_name}"
        assert key not in result, f"{key} is there twice"
        result[key] = {
            "status": (run.info.status, run.info.lifecycle_stage),
            "times": (run.info.start_time, run.info.end_time),
            "tags": tags,
            "parameters": run.data.params,
            "metrics": metrics,
            "files": files,
            "models": len(outputs),
        }
    models = client.search_logged_models([experiment])
    result["models"] = sorted(
        (m.name, str(m.status), names[m.source_run_id], tuple(m.params.items())) for m in models
    )
    return result

"""Tracking: one MLflow run a pipeline run, one child a model. The only module that imports MLflow."""

from __future__ import annotations

import json
import logging
import math
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from pipeline.errors import RunError
from pipeline.evaluation import ForecastScore
from pipeline.narrative import best_baseline, describe_model, describe_run
from pipeline.run import Evaluated
from pipeline.store import LIBRARIES

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric
    from mlflow.models import ModelSignature

    from pipeline.charts import Figures

DATABASE = "mlflow.db"
BATCH = 1000
"""Metrics in one call, the most that MLflow takes."""

# MLflow reads these when it is imported: no call home, and no look at uv for requirements that are given.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
# By default a server that is away is asked for four minutes before the user hears of it.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")


def tracking_uri(output: Path) -> str:
    """Return the tracking server: `MLFLOW_TRACKING_URI`, or a SQLite file in the output folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(output / DATABASE).resolve()}"


def open_experiment(output: Path, name: str) -> tuple[MlflowClient, str]:
    """Return a client and the id of the experiment, making database and experiment where they are missing.

    A new database is made under a lock, beside its place, and renamed when it is whole: two processes that
    migrate one at once, or one that is killed doing it, leave a database that nobody can use. The experiment
    gets its artifact folder from here, or a server that saw it first would give it one that only
    it can reach.
    """
    import mlflow

    # What they tell at lower levels is how a database is made and that a given signature was not guessed.
    for noisy in ("alembic", "mlflow"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    uri = tracking_uri(output)
    output.mkdir(parents=True, exist_ok=True)
    with FileLock(output / ".mlflow.lock"):
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            _make_database(output / DATABASE)
        mlflow.set_tracking_uri(uri)
        client = mlflow.MlflowClient(uri)
        found = client.get_experiment_by_name(name)
        if found is not None:
            if found.lifecycle_stage == "deleted":
                client.restore_experiment(found.experiment_id)
            return client, found.experiment_id
        place = (output / "artifacts" / name).resolve().as_uri() if uri.startswith("sqlite:") else None
        return client, client.create_experiment(name, artifact_location=place)


def _make_database(path: Path) -> None:
    """Make MLflow's database if it is not there, whole or not at all."""
    import mlflow

    if path.exists():
        return
    for left in path.parent.glob(f".{path.name}-*"):  # of a process that was killed
        left.unlink()
    hidden = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    mlflow.MlflowClient(f"sqlite:///{hidden.resolve()}").search_experiments()
    hidden.replace(path)


def track(done: Evaluated, run_id: str, folder: Path, seconds: Mapping[str, float], figures: Figures) -> str:
    """Log a finished run with its models and artifacts.

    Parameters
    ----------
    done : Evaluated
    run_id : str
        Names the MLflow run, without the name of the configuration, which is that of the experiment.
    folder : Path
        The run's folder, logged as artifacts.
    seconds : mapping of stage to seconds
    figures : Figures
        Plots of the report, logged as SVG.

    Returns
    -------
    str
        Address, below the UI's root, of the page that compares the runs of the experiment.

    Raises
    ------
    RunError
        If MLflow cannot record the run; its folder is whole all the same.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return _track(done, run_id, folder, seconds, figures)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        uri = tracking_uri(done.trained.prepared.config.output)
        raise RunError(
            f"the run is complete in {folder}, but MLflow at {uri} could not record it: {str(error)[:300]}"
        ) from error


def _track(done: Evaluated, run_id: str, folder: Path, seconds: Mapping[str, float], figures: Figures) -> str:
    config = done.trained.prepared.config
    client, experiment = open_experiment(config.output, config.name)
    record = done.record()
    tags = {
        "config_hash": record.config_hash,
        "data_hash": record.data_hash,
        "code_hash": record.code_hash,
        "git_sha": record.git_sha,
        "traded": config.allocation.forecast,
        "folder": folder.name,
    }
    name = run_id.removeprefix(f"{config.name}-")
    with _run(client, experiment, name, tags | {"mlflow.note.content": describe_run(done)}) as parent:
        traded = done.scores[config.allocation.forecast]
        _log(client, parent, _parameters(config.model_dump(mode="json")), _headline(done) | _timed(seconds))
        _log_folds(client, parent, traded)
        client.log_artifacts(parent, str(folder))
        with tempfile.TemporaryDirectory() as plots:
            figures.save(Path(plots))
            client.log_artifacts(parent, plots, "plots")
        for name in done.scores:
            _log_child(client, experiment, parent, name, done)
    return _page(experiment)


def _page(experiment: str) -> str:
    # The UI opens in a view for language models; this is the one that compares runs.
    return f"#/experiments/{experiment}/runs?workflowType=machine_learning&compareRunsMode=CHART"


def runs_page(output: Path, name: str) -> str:
    """Return the address, below the UI's root, of the page that compares the runs of an experiment."""
    return _page(open_experiment(output, name)[1])


@contextmanager
def _run(client: MlflowClient, experiment: str, name: str, tags: Mapping[str, str]) -> Iterator[str]:
    """Open an MLflow run that ends as FINISHED, or as FAILED if anything is raised."""
    run = client.create_run(experiment, run_name=name, tags=dict(tags))
    try:
        yield run.info.run_id
    except BaseException:
        client.set_terminated(run.info.run_id, "FAILED")
        raise
    client.set_terminated(run.info.run_id, "FINISHED")


def _log_child(client: MlflowClient, experiment: str, parent: str, name: str, done: Evaluated) -> None:
    tags = {"mlflow.parentRunId": parent, "model": name, "mlflow.note.content": describe_model(done, name)}
    config = done.trained.prepared.config
    walk, score = done.trained.walks[name], done.scores[name]
    metrics = {f"forecast/{key}": value for key, value in score.metrics.items()}
    portfolio = f"model:{name}"
    metrics |= {f"portfolio/{key}": value for key, value in done.performance[portfolio].items()}
    for base, values in done.comparisons[portfolio].items():
        metrics |= {f"versus {base.replace(':', ' ')}/{key}": value for key, value in values.items()}
    with _run(client, experiment, name, tags) as run:
        _log(client, run, _parameters(config.models[name].model_dump(mode="json")), metrics)
        _log_folds(client, run, score)
        client.log_dict(
            run, {**walk.last, "booster": None} if "booster" in walk.last else walk.last, "model.json"
        )
        if walk.fits[-1].importance.any():
            shares = dict(zip(done.trained.names, walk.fits[-1].importance.tolist(), strict=True))
            client.log_dict(run, dict(sorted(shares.items(), key=lambda item: -item[1])), "importance.json")
        _log_model(run, walk.last)


def _log_model(run: str, spec: Mapping[str, Any]) -> None:
    """Log the last fit in a form that loads without this project and without unpickling anything."""
    if "booster" not in spec and "coefficients" not in spec:
        return
    import mlflow
    import pandas as pd

    requirements = [f"{name}=={done}" for name, done in _versions().items()]
    with mlflow.start_run(run_id=run, nested=True):
        if "booster" in spec:
            import lightgbm as lgb
            import mlflow.lightgbm

            mlflow.lightgbm.log_model(
                lgb.Booster(model_str=spec["booster"]),
                name="model",
                pip_requirements=requirements,
                signature=_signature(spec["features"]),
            )
            return
        import mlflow.pyfunc

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "spec.json"
            path.write_text(json.dumps(spec), encoding="utf-8")
            mlflow.pyfunc.log_model(
                name="model",
                python_model=str(Path(__file__).with_name("linear_pyfunc.py")),
                artifacts={"spec": str(path)},
                pip_requirements=requirements,
                signature=_signature(spec["features"]),
                # The average asset of the training window.
                input_example=pd.DataFrame([spec["mean"]], columns=spec["features"]),
            )


def _signature(features: list[str]) -> ModelSignature:
    """Return what a logged model takes, one column a feature that may be missing, and gives."""
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    columns: list[ColSpec | TensorSpec] = [ColSpec("double", name, required=True) for name in features]
    return ModelSignature(inputs=Schema(columns), outputs=Schema([ColSpec("double")]))


def _versions() -> dict[str, str]:
    import importlib.metadata

    return {name: importlib.metadata.version(name) for name in ("mlflow", *LIBRARIES) if name != "piqp"}


def _headline(done: Evaluated) -> dict[str, float]:
    """Return the metrics of the traded portfolio and forecast, and the baselines beside them.

    The UI shows one section of charts for each prefix, in alphabetical order: the answer comes first.
    """
    config = done.trained.prepared.config
    base = best_baseline(done.performance)
    gap = done.comparisons[done.chosen][base]
    metrics = {
        "answer/net sharpe": done.performance[done.chosen]["sharpe"],
        "answer/sharpe less best baseline": gap["sharpe_difference"],
        "answer/p of the difference": gap["p_value"],
        "answer/rank ic": done.scores[config.allocation.forecast].metrics["rank_ic"],
        "answer/r2": done.scores[config.allocation.forecast].metrics["r2"],
    }
    metrics |= {f"forecast/{k}": v for k, v in done.scores[config.allocation.forecast].metrics.items()}
    metrics |= {f"portfolio/{k}": v for k, v in done.performance[done.chosen].items()}
    for base, values in done.comparisons[done.chosen].items():
        metrics[f"baseline sharpe/{base.replace(':', ' ')}"] = done.performance[base]["sharpe"]
        metrics |= {f"versus {base.replace(':', ' ')}/{key}": value for key, value in values.items()}
    return metrics


def _timed(seconds: Mapping[str, float]) -> dict[str, float]:
    return {f"seconds/{stage.replace(':', ' ')}": value for stage, value in seconds.items()}


def _parameters(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Flatten nested settings to dotted names."""
    flat: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            flat |= _parameters(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = str(value)[:6000]
    return flat


def _log(client: MlflowClient, run: str, parameters: Mapping[str, str], metrics: Mapping[str, float]) -> None:
    from mlflow.entities import Param

    params = [Param(key, value) for key, value in parameters.items()]
    for start in range(0, len(params), 100):
        client.log_batch(run, params=params[start : start + 100])
    _log_metrics(
        client, run, [_metric(key, value, 0) for key, value in metrics.items() if math.isfinite(value)]
    )


def _log_folds(client: MlflowClient, run: str, score: ForecastScore) -> None:
    """Log each fold's scores as one step of a metric: 60 child runs a model would drown the list."""
    _log_metrics(
        client,
        run,
        [
            _metric(f"fold/{key}", value, step)
            for step, fold in enumerate(score.by_fold)
            for key, value in fold.items()
            if math.isfinite(value)
        ],
    )


def _metric(key: str, value: float, step: int) -> Metric:
    from mlflow.entities import Metric

    return Metric(key, float(value), int(time.time() * 1000), step)


def _log_metrics(client: MlflowClient, run: str, metrics: list[Metric]) -> None:
    for start in range(0, len(metrics), BATCH):
        client.log_batch(run, metrics=metrics[start : start + BATCH])


def serve_ui(output: Path, name: str, port: int) -> list[str]:
    """Return the command that serves the UI on loopback, after making sure the database is whole."""
    import sys

    open_experiment(output, name)
    return [
        sys.executable,
        "-m",
        "mlflow",
        "server",
        "--backend-store-uri",
        tracking_uri(output),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--workers",
        "1",
    ]

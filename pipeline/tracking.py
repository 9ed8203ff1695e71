"""Tracking: one MLflow run a pipeline run, one child a model. The only module that imports MLflow."""

from __future__ import annotations

import json
import logging
import os
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from pipeline.errors import RunError
from pipeline.store import LIBRARIES

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

    from pipeline.config import RunConfig
    from pipeline.ledger import Ledger
    from pipeline.publication import Published

DATABASE = "mlflow.db"
TRIAL_TAG = "tangency/"
"""Begins the tags of an experiment that hold its trials."""
BATCH = 1000
"""Metrics in one call, the most that MLflow takes."""

# MLflow reads these when it is imported: no call home, and no look at uv for requirements that are given.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
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
        given = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(uri)
        if given is None:
            # MLflow sets the variable too, but it is the user's: the next run of this process may go elsewhere.
            os.environ.pop("MLFLOW_TRACKING_URI", None)
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


Step = tuple[str, float, int]
"""Name, value and step of a metric."""


@dataclass(frozen=True)
class Tracked:
    """What MLflow is told of one run: that of the pipeline, or of one model below it.

    Attributes
    ----------
    tags, parameters : mapping of str to str
    metrics : tuple of (name, value, step)
        Finite values alone, which is all that every MLflow server takes.
    files : mapping of file name to JSON value
    model : mapping
        Description of a fitted model to log, or empty.
    children : mapping of model name to Tracked
    """

    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    metrics: tuple[Step, ...]
    files: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    children: Mapping[str, Tracked] = field(default_factory=dict)


def track(made: Published, config: RunConfig, folder: Path, seconds: Mapping[str, float]) -> str:
    """Log a finished run with its models and artifacts.

    Parameters
    ----------
    made : Published
    config : RunConfig
    folder : Path
        The run's folder, logged as artifacts; its name without that of the configuration, which is that of
        the experiment, names the MLflow run.
    seconds : mapping of stage to seconds

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
        client, experiment = open_experiment(config.output, config.name)
        name = folder.name.removeprefix(f"{config.name}-")
        with _run(client, experiment, name, {**made.tracked.tags, "folder": folder.name}) as parent:
            _log(client, parent, made.tracked)
            timed = [(f"seconds/{stage.replace(':', ' ')}", value, 0) for stage, value in seconds.items()]
            _log_metrics(client, parent, timed)
            client.log_artifacts(parent, str(folder))
            with tempfile.TemporaryDirectory() as place:
                for plot, content in made.plots.items():
                    (Path(place) / f"{plot}.svg").write_text(content, encoding="utf-8")
                client.log_artifacts(parent, place, "plots")
            for model, child in made.tracked.children.items():
                with _run(client, experiment, model, {**child.tags, "mlflow.parentRunId": parent}) as run:
                    # Before the metrics: MLflow would read the history of each to copy it to the model.
                    if child.model:
                        _log_model(run, child.model)
                    _log(client, run, child)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise RunError(
            f"the run is complete in {folder}, but MLflow at {tracking_uri(config.output)} could not record it: "
            f"{str(error)[:300]}"
        ) from error
    return _page(experiment)


def others_may_have_tried(output: Path, ledger: Ledger) -> bool:
    """Return whether MLflow may know of trials that the ledger of this folder does not."""
    return "MLFLOW_TRACKING_URI" in os.environ or (not ledger.path.exists() and (output / DATABASE).exists())


def share_trials(config: RunConfig, ledger: Ledger) -> None:
    """Bring the ledger and the tags of the MLflow experiment together, so that all machines count the same trials.

    A tag stays when runs are deleted. What either side lacks is copied there; nothing is taken away.

    Raises
    ------
    RunError
        If MLflow cannot be reached.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        client, experiment = open_experiment(config.output, config.name)
        tags = client.get_experiment(experiment).tags
        there = {key: json.loads(value) for key, value in tags.items() if key.startswith(TRIAL_TAG)}
        here = {f"{TRIAL_TAG}{entry['kind']}/{entry['id']}": entry for entry in ledger.shared(config.name)}
        for key, entry in here.items():
            if there.get(key) != entry:
                client.set_experiment_tag(experiment, key, json.dumps(entry, sort_keys=True))
        ledger.add(entry for key, entry in there.items() if key not in here)
    except (MlflowException, SQLAlchemyError, OSError) as error:
        raise RunError(
            f"the trials recorded by MLflow at {tracking_uri(config.output)} cannot be read: {str(error)[:300]}"
        ) from error


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


def _log_model(run: str, spec: Mapping[str, Any]) -> None:
    """Log the last fit in a form that loads without this project and without unpickling anything."""
    import mlflow
    import pandas as pd

    with mlflow.start_run(run_id=run, nested=True):
        if "booster" in spec:
            import lightgbm as lgb
            import mlflow.lightgbm

            mlflow.lightgbm.log_model(
                lgb.Booster(model_str=spec["booster"]),
                name="model",
                pip_requirements=requirements(),
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
                pip_requirements=requirements(),
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


def requirements() -> list[str]:
    """Return what a logged model needs, with its versions."""
    import importlib.metadata

    names = [name for name in ("mlflow", *LIBRARIES) if name != "piqp"]
    return [f"{name}=={importlib.metadata.version(name)}" for name in names]


def run_of(client: MlflowClient, experiment: str, folder: str) -> str:
    """Return the id of the MLflow run that holds a run folder.

    Raises
    ------
    RunError
        If the folder has not been tracked.
    """
    found = client.search_runs([experiment], f"tags.folder = '{folder}'", max_results=10)
    whole = [run.info.run_id for run in found if run.info.status == "FINISHED"]
    if not whole:
        raise RunError(f"the run {folder} is not known to MLflow yet")
    return str(whole[0])


def _log(client: MlflowClient, run: str, tracked: Tracked) -> None:
    from mlflow.entities import Param

    params = [Param(key, value) for key, value in tracked.parameters.items()]
    for start in range(0, len(params), 100):
        client.log_batch(run, params=params[start : start + 100])
    _log_metrics(client, run, tracked.metrics)
    for name, content in tracked.files.items():
        client.log_dict(run, content, name)


def _log_metrics(client: MlflowClient, run: str, steps: Sequence[Step]) -> None:
    from mlflow.entities import Metric

    now = int(time.time() * 1000)
    metrics = [Metric(key, value, now, step) for key, value, step in steps]
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

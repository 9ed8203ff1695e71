"""Tracking database: the location of MLflow, the experiment of a configuration, and MLflow's UI."""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from foundation.counts import format_count
from pipeline.chains.database import DATABASE, FOLDER_TAG
from pipeline.errors import TrackingError
from pipeline.files import make_folder
from pipeline.store import LIBRARIES, installed
from pipeline.tracking.errors import explain_tracking
from pipeline.tracking.experiment_view import TAGS, page
from pipeline.tracking.relocation import artifact_location, find_relocations, relocate
from pipeline.tracking.sqlite_file import check_sqlite, close_connections, make_database

if TYPE_CHECKING:
    from mlflow import MlflowClient

NOTE_TAG = "mlflow.note.content"

# MLflow reads these when it is imported: no telemetry, and no call of uv for requirements that are given.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_UV_AUTO_DETECT", "false")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
# By default MLflow retries an unreachable server for four minutes before it raises an error.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")


def tracking_uri(output: Path) -> str:
    """Return the tracking server: `MLFLOW_TRACKING_URI`, or a SQLite file in the output folder."""
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{(output / DATABASE).resolve()}"


def tracking_name(output: Path) -> str:
    """Return the name of the tracking server in records of the output folder.

    It contains no path, since the folder may move.
    """
    return os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DATABASE}"


def follow_move(output: Path) -> None:
    """Update the local database after its output folder was moved or copied, and print a notice.

    Does nothing with a tracking server, which stores its artifacts itself.

    Raises
    ------
    TrackingError
        If the database was moved without its artifacts.
    """
    if not os.environ.get("MLFLOW_TRACKING_URI") and find_relocations(output / DATABASE):
        with FileLock(output / ".mlflow.lock"):
            _follow_move(output)


def _follow_move(output: Path) -> None:
    """Do the work of `follow_move` while holding the lock."""
    moves = find_relocations(output / DATABASE)
    if moves:
        runs = relocate(output / DATABASE, moves)
        print(
            f"MLflow: the output folder was moved or copied; the artifacts of {format_count(runs, 'run')} in "
            f"{format_count(len(moves), 'experiment')} are now in {moves[0].new_folder.parent}; they were in "
            f"{moves[0].old_folder.parent}",
            file=sys.stderr,
        )


def open_experiment(output: Path, name: str) -> tuple[MlflowClient, str]:
    """Return a client and the id of the experiment; database and experiment are created if they are missing.

    A new database is created under a lock in a temporary file and renamed when it is complete. Otherwise two
    processes that migrate it at once, or one that is killed in the middle, would leave a broken database. The
    artifact folder of the experiment is set here; otherwise the first server to open the experiment would choose a
    folder that only that server can reach.
    """
    import mlflow

    # At lower levels they report how a database is created, and that a given signature was not inferred.
    for noisy in ("alembic", "mlflow"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    # A database that cannot be written raises our message; MLflow would print a traceback as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    uri = tracking_uri(output)
    make_folder(output)
    with FileLock(output / ".mlflow.lock"):
        if not os.environ.get("MLFLOW_TRACKING_URI"):
            if not (output / DATABASE).exists():
                close_connections(output / DATABASE)
                make_database(output / DATABASE)
            _follow_move(output)
        given = os.environ.get("MLFLOW_TRACKING_URI")
        mlflow.set_tracking_uri(uri)
        if given is None:
            # MLflow sets the variable too, but it belongs to the user: the next run of this process may use another.
            os.environ.pop("MLFLOW_TRACKING_URI", None)
        client = mlflow.MlflowClient(uri)
        experiment = client.get_experiment_by_name(name)
        if experiment is not None:
            if experiment.lifecycle_stage == "deleted":
                client.restore_experiment(experiment.experiment_id)
            for key, value in TAGS.items():
                # A note that the user has written is kept.
                if experiment.tags.get(key) != value and (key != NOTE_TAG or key not in experiment.tags):
                    client.set_experiment_tag(experiment.experiment_id, key, value)
            return client, experiment.experiment_id
        place = artifact_location(output, name) if uri.startswith("sqlite:") else None
        return client, client.create_experiment(name, artifact_location=place, tags=dict(TAGS))


def load() -> None:
    """Import the parts of MLflow that sending a run needs; the imports take most of the time."""
    names = ["mlflow", "mlflow.lightgbm", "mlflow.pyfunc"]
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        names.append("mlflow.store.tracking.sqlalchemy_store")
    for name in names:
        importlib.import_module(name)


@contextmanager
def name_tracking_errors(uri: str) -> Iterator[None]:
    """Turn any MLflow failure into one error that names the server."""
    check_sqlite(uri)
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    try:
        yield
    except (
        MlflowException,
        SQLAlchemyError,
        OSError,
        ImportError,
    ) as error:  # the last: a missing database driver
        raise TrackingError(explain_tracking(uri, error)) from error


def requirements() -> list[str]:
    """Return the requirements of a logged model, with versions."""
    names = [name for name in ("mlflow", *LIBRARIES) if name != "piqp"]
    return [f"{name}=={installed(name)}" for name in names]


def run_of(client: MlflowClient, experiment: str, folder: str) -> str:
    """Return the id of the MLflow run that holds a run folder.

    Raises
    ------
    TrackingError
        If the folder has not been tracked.
    """
    runs = client.search_runs([experiment], f"tags.{FOLDER_TAG} = '{folder}'", max_results=10)
    whole = [run.info.run_id for run in runs if run.info.status == "FINISHED"]
    if not whole:
        raise TrackingError(f"the run {folder} is not known to MLflow yet")
    return str(whole[0])


def runs_page(output: Path, name: str) -> str:
    """Return the address of the experiment page of this configuration."""
    with name_tracking_errors(tracking_uri(output)):
        return page(open_experiment(output, name)[1])


def serve_ui(output: Path, name: str, port: int) -> list[str]:
    """Return the command that serves the UI on loopback, after checking that the database is complete."""
    with name_tracking_errors(tracking_uri(output)):
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

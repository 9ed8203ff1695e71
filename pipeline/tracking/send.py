"""Sending: send a run to MLflow exactly once, even if an attempt is interrupted.

Every step finds the results of an earlier attempt: runs by their tags, models by their run. Sending parameters, metrics
(with the time at which the run was made) and files twice changes nothing. A run becomes FINISHED only after all runs
below it, so a run whose sender was killed is completed by the next one.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock

from pipeline.chains.database import FOLDER_TAG, finished_runs
from pipeline.chains.heads import LEDGER
from pipeline.chains.ledger import Ledger
from pipeline.errors import TrackingError
from pipeline.tracking.database import (
    follow_move,
    name_tracking_errors,
    open_experiment,
    tracking_name,
    tracking_uri,
)
from pipeline.tracking.experiment_view import page
from pipeline.tracking.pending_runs import TrackingPayload
from pipeline.tracking.receipts import read_receipt, write_receipt
from pipeline.tracking.sender import Sender
from pipeline.tracking.shared_trials import share_trials

if TYPE_CHECKING:
    from mlflow import MlflowClient


def deliver(folder: Path) -> str:
    """Send a run to MLflow, and share the trials of its configuration.

    Only one process at a time sends the runs of an output folder. A run that MLflow already holds is not sent again.

    Parameters
    ----------
    folder : Path
        The run's folder, below the output folder.

    Returns
    -------
    str
        Address, below the UI's root, of the page that compares the runs of the experiment.

    Raises
    ------
    TrackingError
        If MLflow cannot be reached. The run's folder stays complete, and the next attempt sends the run.
    """
    output = folder.parent
    with FileLock(output / ".tracking.lock"):
        follow_move(output)
        receipt, name = read_receipt(folder), tracking_name(output)
        if receipt.get("tracking_uri") == name and _holds(output, folder, receipt):
            return receipt["page"]
        payload = TrackingPayload.read(folder)
        with name_tracking_errors(tracking_uri(output)):
            client, experiment = open_experiment(output, payload.experiment)
            Sender(client, experiment, payload).send(folder)
        share_trials(output, payload.experiment, Ledger(output / LEDGER))
        write_receipt(folder, name, page(experiment))
    return page(experiment)


def missing_runs(folders: Sequence[Path]) -> list[Path]:
    """Return those of the sent folders that the server no longer holds, for example after it was replaced.

    Parameters
    ----------
    folders : sequence of Path
        Folders of runs with a receipt for the server in use.

    Raises
    ------
    TrackingError
        If the server cannot be reached.
    """
    import mlflow

    uri = tracking_uri(folders[0].parent) if folders else ""
    pages = {folder: read_receipt(folder).get("page", "") for folder in folders}
    with name_tracking_errors(uri):
        client = mlflow.MlflowClient(uri) if folders else None
        held = {page: _folders_at(client, page) for page in set(pages.values())} if client else {}
    return [folder for folder in folders if folder.name not in held[pages[folder]]]


def _folders_at(client: MlflowClient, page: str) -> set[str]:
    """Return the folders of the finished runs of the experiment with this page, including deleted runs."""
    from mlflow.entities import ViewType
    from mlflow.exceptions import MlflowException

    experiment = page.removeprefix("#/experiments/").partition("/")[0]
    try:
        if client.get_experiment(experiment).lifecycle_stage == "deleted":
            return set()
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return set()
        raise
    folders: set[str] = set()
    token: str | None = None
    while True:
        runs = client.search_runs([experiment], "", ViewType.ALL, 1000, page_token=token)
        folders |= {run.data.tags.get(FOLDER_TAG, "") for run in runs if run.info.status == "FINISHED"}
        token = runs.token
        if not token:
            return folders


def _holds(output: Path, folder: Path, receipt: Mapping[str, str]) -> bool:
    """Whether the MLflow that a receipt names still holds the run.

    The local database is read directly. A server is queried only if MLflow is already loaded; a server that cannot be
    reached is assumed to hold the run.
    """
    if not os.environ.get("MLFLOW_TRACKING_URI"):
        return folder.name in finished_runs(output)
    if "mlflow" not in sys.modules:
        return True
    try:
        return not missing_runs([folder])
    except TrackingError:
        return True

"""Sending: send a run to MLflow exactly once, even if an attempt is interrupted.

Every step finds the results of an earlier attempt: runs by their tags, models by their run. Sending parameters, metrics
(with the time at which the run was made) and files twice changes nothing. A run becomes FINISHED only after all runs
below it, so a run whose sender was killed is completed by the next one.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

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
from pipeline.tracking.models.logged_models import write_model
from pipeline.tracking.pending_runs import RECORD, MlflowRun, TrackingPayload
from pipeline.tracking.receipts import RECEIPT, read_receipt, write_receipt
from pipeline.tracking.shared_trials import share_trials

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, Run

PARENT = "mlflow.parentRunId"
METRICS = 900
PARAMETERS = 100
"""Limits of one MLflow call: a hundred parameters, and a thousand items in total."""


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
            _Sender(client, experiment, payload).send(folder)
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


class _Sender:
    """Sends one run to one experiment."""

    def __init__(self, client: MlflowClient, experiment: str, payload: TrackingPayload) -> None:
        self.client = client
        self.experiment = experiment
        self.payload = payload

    def send(self, folder: Path) -> None:
        """Send the parts of the run and of its model runs that were not sent yet."""
        payload = self.payload
        tags = {**payload.tracked.tags, FOLDER_TAG: payload.run_id}
        runs = self._search(f"tags.{FOLDER_TAG} = '{payload.run_id}'")
        parent = runs[0] if runs else self._create(payload.name, tags)
        if parent.info.status == "FINISHED":
            return
        ident = parent.info.run_id
        self._log(ident, payload.tracked)
        for path in sorted(folder.iterdir()):
            # A link may lead to a file outside the run; it is not sent.
            if path.is_file() and not path.is_symlink() and path.name not in (RECORD, RECEIPT):
                self.client.log_artifact(ident, str(path))
        for plot, content in payload.plots.items():
            self.client.log_text(ident, content, f"plots/{plot}.svg")
        below = self._search(f"tags.`{PARENT}` = '{ident}'") if runs else []
        known = {run.data.tags["model"]: run for run in below}
        for model, child in payload.tracked.children.items():
            self._send_model(model, child, known.get(model), ident)
        self.client.set_terminated(ident, "FINISHED", payload.ended)

    def _send_model(self, name: str, child: MlflowRun, known: Run | None, parent: str) -> None:
        run = known or self._create(name, {**child.tags, "model": name, PARENT: parent})
        if run.info.status == "FINISHED":
            return
        self._log(run.info.run_id, child)
        if child.model:
            self._log_model(name, child, run)
        self.client.set_terminated(run.info.run_id, "FINISHED", self.payload.ended)

    def _search(self, condition: str) -> list[Run]:
        return list(self.client.search_runs([self.experiment], condition))

    def _create(self, name: str, tags: Mapping[str, str]) -> Run:
        return self.client.create_run(self.experiment, self.payload.began, dict(tags), name)

    def _log(self, run: str, tracked: MlflowRun) -> None:
        for parameters, metrics in self._batches(tracked):
            self.client.log_batch(run, metrics, parameters)
        for name, content in tracked.files.items():
            self.client.log_dict(run, content, name)

    def _batches(self, tracked: MlflowRun) -> Iterator[tuple[list[Param], list[Metric]]]:
        from mlflow.entities import Metric, Param

        parameters = [Param(key, value) for key, value in tracked.parameters.items()]
        metrics = [Metric(key, value, self.payload.ended, step) for key, value, step in tracked.metrics]
        yield from zip_longest(_chunks(parameters, PARAMETERS), _chunks(metrics, METRICS), fillvalue=[])

    def _log_model(self, name: str, child: MlflowRun, run: Run) -> None:
        """Log the last fit in a form that loads without this project and without unpickling."""
        from mlflow.entities import LoggedModelOutput

        client, ident = self.client, run.info.run_id
        left = client.search_logged_models([self.experiment], f"source_run_id = '{ident}'")
        parameters = dict(child.parameters)
        model = (
            left[0] if left else client.create_logged_model(self.experiment, name, ident, params=parameters)
        )
        if model.status == "READY":
            return
        outputs = client.get_run(ident).outputs if left else None
        if outputs is None or not outputs.model_outputs:
            client.log_outputs(ident, [LoggedModelOutput(model.model_id, step=0)])
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place) / "model"
            write_model(child.model, folder, ident, model.model_id, model.artifact_location)
            client.log_model_artifacts(model.model_id, str(folder))
        client.finalize_logged_model(model.model_id, "READY")


def _chunks(items: list[Any], size: int) -> list[list[Any]]:
    return [items[start : start + size] for start in range(0, len(items), size)]

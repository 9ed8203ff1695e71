"""Sender: sends the parts of a run that MLflow does not hold yet."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from itertools import zip_longest
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.chains.database import FOLDER_TAG
from pipeline.tracking.models.logged_models import write_model
from pipeline.tracking.pending_runs import RECORD, MlflowRun, TrackingPayload
from pipeline.tracking.receipts import RECEIPT

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param, Run

PARENT = "mlflow.parentRunId"
METRICS = 900
PARAMETERS = 100
"""Limits of one MLflow call: a hundred parameters, and a thousand items in total."""


class Sender:
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

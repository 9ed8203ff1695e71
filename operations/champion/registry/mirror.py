"""Mirror: synchronise MLflow's model registry with the decisions. All operations are idempotent."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from filelock import FileLock

from operations.champion.candidate import Candidate
from operations.champion.decisions import Decision, Decisions
from operations.champion.registry.mark import CHAMPION, held_locally, holds, marked_decisions, write_mark
from operations.state_dir import state_dir
from pipeline.chains.database import VERSION_TAG
from pipeline.config import RunConfig
from pipeline.export import frozen
from pipeline.tracking import database as tracking
from pipeline.tracking.send import deliver

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.models import ModelSignature

CHALLENGER = "challenger"
PLACE = "registered"
"""Folder of the model among a run's artifacts."""
RUN = VERSION_TAG
"""Tag of a model version with the name of its run."""

SERVED = '''

# From here on: how MLflow asks it.
import json  # noqa: E402
from pathlib import Path  # noqa: E402

from mlflow.models import set_model  # noqa: E402
from mlflow.pyfunc.model import PythonModel  # noqa: E402


class Registered(PythonModel):
    """One table of listed assets at one date in, one row of forecasts an asset out."""

    def load_context(self, context):
        """Read the numbers that were registered."""
        self.frozen = Frozen(json.loads(Path(context.artifacts["spec"]).read_text(encoding="utf-8")))

    def predict(self, context, model_input: pd.DataFrame, params=None):
        """Return the forecasts."""
        return self.frozen.forecast(model_input)


set_model(Registered())
'''
"""Code that follows the text of `pipeline/export/frozen.py` in a registered model, which therefore needs neither pickle
nor an import of this project."""


def mirror(config: RunConfig, *, check_server: bool = False) -> int:
    """Send all missing decisions to the registry, and return their number.

    Existing versions are found by their tags and not created again, so a later call completes an interrupted one or
    catches up after the server was down. If a local database has lost decisions, they are sent again.

    Parameters
    ----------
    config : RunConfig
    check_server : bool
        Also check whether a server still holds the decisions that were sent to it.

    Raises
    ------
    TrackingError
        If MLflow cannot be reached or refuses the request; the recorded decisions remain valid.
    """
    decisions = Decisions(config).all()
    uri, name = tracking.tracking_uri(config.output), tracking.tracking_name(config.output)
    with FileLock(state_dir(config) / ".registry.lock"):
        tracking.follow_move(config.output)
        done = min(marked_decisions(config, name), len(decisions))
        local = not os.environ.get("MLFLOW_TRACKING_URI")
        if done and local and not held_locally(config, decisions[:done]):
            done = 0
        if done == len(decisions) and (local or not check_server or not done):
            return 0
        with tracking.name_tracking_errors(uri):
            if done and check_server and not local and not _held_by_server(config, decisions[:done]):
                done = 0
            if done < len(decisions):
                _catch_up(config, decisions, done)
        write_mark(config, name, len(decisions))
    return len(decisions) - done


def _held_by_server(config: RunConfig, decisions: Sequence[Decision]) -> bool:
    client, _ = tracking.open_experiment(config.output, config.name)
    if not client.search_registered_models(f"name = '{config.name}'"):
        return False
    aliases = dict(client.get_registered_model(config.name).aliases)
    return holds(config.output, decisions, _versions(client, config), {k: str(v) for k, v in aliases.items()})


def _versions(client: MlflowClient, config: RunConfig) -> dict[str, str]:
    """Return the versions of the registered model, by run."""
    return {
        version.tags[RUN]: str(version.version)
        for version in client.search_model_versions(f"name = '{config.name}'", max_results=10_000)
        if RUN in version.tags
    }


def _catch_up(config: RunConfig, decisions: Sequence[Decision], done: int) -> None:
    client, experiment = tracking.open_experiment(config.output, config.name)
    _registered_model(client, config)
    versions = _versions(client, config)
    champion = decisions[-1].champion if decisions else None
    for decision in decisions[done:]:
        gone = not (config.output / decision.run).exists()
        if decision.run not in versions and gone and decision.run != champion:
            continue  # its folder was deleted, so there is no model to register
        if decision.run not in versions:
            deliver(config.output / decision.run)
            run = tracking.run_of(client, experiment, decision.run)
            candidate = Candidate(config.output / decision.run, Decisions(config).files_of(decision.run))
            versions[decision.run] = _version(client, config, candidate, run)
        _tell(client, config.name, versions[decision.run], decision)
    _set_aliases(client, config.name, decisions, versions)


def _registered_model(client: MlflowClient, config: RunConfig) -> None:
    if not client.search_registered_models(f"name = '{config.name}'"):
        client.create_registered_model(
            config.name,
            description=f"What forecasts for the configuration {config.name}. Alias champion: in use. Alias "
            "challenger: the newest that was not let in. Each version says why.",
        )


def _version(client: MlflowClient, config: RunConfig, candidate: Candidate, run: str) -> str:
    """Log the model as an artifact of the run, and create a version of it."""
    with tempfile.TemporaryDirectory() as place:
        _save_model(candidate, Path(place) / PLACE)
        client.log_artifacts(run, str(Path(place) / PLACE), PLACE)
    record = candidate.summary["record"]
    certificate = candidate.summary["certificate"]
    tags = {
        RUN: candidate.run,
        "trained_to": f"{candidate.trained_to:%Y-%m-%d}",
        "data_hash": record["data_hash"],
        "config_hash": record["config_hash"],
        "code_hash": record["code_hash"],
        "certificate": "none" if certificate is None else certificate["digest"],
        "verdict": candidate.summary["verdict"],
    }
    source = f"{client.get_run(run).info.artifact_uri}/{PLACE}"
    model_version = client.create_model_version(config.name, source, run_id=run, tags=tags)
    return str(model_version.version)


def _save_model(candidate: Candidate, folder: Path) -> None:
    """Write a candidate as an MLflow model: source code, parameters as JSON, signature and example; no pickle."""
    import mlflow.pyfunc
    import pandas as pd

    table = candidate.inputs
    example = pd.DataFrame(table["data"], columns=table["columns"])
    example = example.astype({name: float for name in table["columns"] if name != "asset"})
    with tempfile.TemporaryDirectory() as place:
        spec = Path(place) / "model.json"
        spec.write_bytes(candidate.content("model.json"))
        code = Path(place) / "model.py"
        code.write_text(Path(frozen.__file__).read_text(encoding="utf-8") + SERVED, encoding="utf-8")
        mlflow.pyfunc.save_model(
            str(folder),
            python_model=str(code),
            artifacts={"spec": str(spec)},
            pip_requirements=tracking.requirements(),
            signature=_signature(table["columns"]),
            input_example=example,
        )


def _signature(columns: Sequence[str]) -> ModelSignature:
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema, TensorSpec

    inputs: list[ColSpec | TensorSpec] = [
        ColSpec("string" if name == "asset" else "double", name) for name in columns
    ]
    outputs: list[ColSpec | TensorSpec] = [
        ColSpec("string", "asset"),
        ColSpec("double", "raw"),
        ColSpec("double", "mean"),
    ]
    return ModelSignature(Schema(inputs), Schema(outputs))


def _tell(client: MlflowClient, name: str, version: str, decision: Decision) -> None:
    """Write the decision to the tags and description of the version and its run."""
    words = f"{decision.kind} at {decision.at:%Y-%m-%d %H:%M} UTC: {decision.reason}"
    data = f"Trained on data to {decision.data_last}."
    client.update_model_version(name, version, description=f"{words}.\n\n{data}")
    client.set_model_version_tag(name, version, "decision", decision.kind)
    run = client.get_model_version(name, version).run_id
    if run is not None:
        client.set_tag(run, "decision", decision.kind)
        client.set_tag(run, "decision.reason", words)


def _set_aliases(
    client: MlflowClient, name: str, decisions: Sequence[Decision], versions: Mapping[str, str]
) -> None:
    aliases: dict[str, Any] = dict(client.get_registered_model(name).aliases)
    judged = [decision for decision in decisions if decision.kind != "rolled back"]
    target: dict[str, str | None] = {CHAMPION: decisions[-1].champion if decisions else None}
    challenger = judged[-1].run if judged and judged[-1].run != target[CHAMPION] else None
    target[CHALLENGER] = challenger if challenger in versions else None
    for alias, run in target.items():
        if run is None and alias in aliases:
            client.delete_registered_model_alias(name, alias)
        elif run is not None and str(aliases.get(alias)) != versions[run]:
            client.set_registered_model_alias(name, alias, versions[run])

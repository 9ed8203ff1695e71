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
from operations.champion.registry.mark import CHAMPION, RUN, held_locally, holds, marked_decisions, write_mark
from operations.champion.registry.served_model import save_model
from operations.state_dir import state_dir
from pipeline.config import RunConfig
from pipeline.errors import PipelineError
from pipeline.progress import Reporter
from pipeline.tracking import database as tracking
from pipeline.tracking.receipts import pending_notice
from pipeline.tracking.send import deliver

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHALLENGER = "challenger"
PLACE = "registered"
"""Folder of the model among a run's artifacts."""


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
        save_model(candidate, Path(place) / PLACE)
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


def tell_registry(config: RunConfig, reporter: Reporter) -> None:
    """Send run and decision to MLflow; if MLflow is unreachable, both stay recorded and are sent the next time."""
    try:
        mirror(config)
        if notice := pending_notice(config.output):
            reporter.line("MLflow", notice)
    except PipelineError as error:
        reporter.line("registry", f"not updated: {error}")

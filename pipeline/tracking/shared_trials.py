"""Shared trials: exchange the trials of all machines and output folders through tags of MLflow's experiments."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from pipeline.chains.anchors import Anchor, check_anchors
from pipeline.chains.chain import Chain, Entry, excused_anchors
from pipeline.chains.database import DATABASE
from pipeline.chains.heads import LEDGER, REPAIRS, Head, heads_from_json
from pipeline.chains.ledger import Ledger, trial_name, trials_of_data
from pipeline.tracking.database import name_tracking_errors, open_experiment, tracking_uri

if TYPE_CHECKING:
    from mlflow import MlflowClient

TRIAL_TAG = "tangency/"
"""Prefix of the experiment tags that hold its trials."""
HEAD_TAG = "tangency.head/"
"""Prefix of the experiment tags that hold the heads of ledgers."""


def others_may_have_tried(output: Path, ledger: Ledger) -> bool:
    """Return whether MLflow may hold trials that are missing in the ledger of this folder."""
    return bool(os.environ.get("MLFLOW_TRACKING_URI")) or (
        not ledger.path.exists() and (output / DATABASE).exists()
    )


def share_trials(output: Path, name: str, ledger: Ledger, data: str | None = None) -> None:
    """Synchronise the ledger with the tags of MLflow's experiments, so that all machines count the same trials.

    The trials of this configuration become tags of its experiment. The ledger adds the trials on the same data from all
    experiments, including deleted ones. A tag remains when runs are deleted. Entries missing on either side are copied
    there; nothing is removed.

    Parameters
    ----------
    output : Path
    name : str
        Name of the configuration.
    ledger : Ledger
    data : str, optional
        Sketch of the data, for a ledger that may not have it yet (`pipeline.chains.data_identity`).

    Raises
    ------
    TrackingError
        If MLflow cannot be reached.
    LedgerError
        If MLflow has seen more lines of this ledger than it has.
    """
    mine = ledger.shared(name)
    sketches = {entry["sketch"] for entry in mine if "sketch" in entry} | ({data} if data else set())
    head = Head.of(ledger.path)
    with name_tracking_errors(tracking_uri(output)):
        client, experiment = open_experiment(output, name)
        there = _trials_of_all(client)
        _compare_heads(client, experiment, ledger, head)
        tags = there.get(name, {})
        for entry in mine:
            key = f"{TRIAL_TAG}{entry['kind']}/{entry['id']}"
            if tags.get(key) != entry:
                client.set_experiment_tag(experiment, key, json.dumps(entry, sort_keys=True))
    entries = [
        entry
        for other, tags in there.items()
        for entry in tags.values()
        if other == name or any(trials_of_data(entry, each) for each in sketches)
    ]
    known = {trial_name(entry) for entry in ledger.lines()}
    ledger.add(entry for entry in entries if trial_name(entry) not in known)


def known_trials(output: Path, name: str) -> list[Entry]:
    """Return the trials and unsealings in MLflow: all of a local database, or those of one configuration on a server.

    Raises
    ------
    TrackingError
        If MLflow cannot be reached.
    """
    local = not os.environ.get("MLFLOW_TRACKING_URI")
    if local and not (output / DATABASE).exists():
        return []
    with name_tracking_errors(tracking_uri(output)):
        client, _ = open_experiment(output, name)
        found = _trials_of_all(client)
    entries = [entry for other, tags in found.items() if local or other == name for entry in tags.values()]
    return sorted(entries, key=lambda entry: str(entry.get("at", "")))


def known_heads(output: Path, name: str) -> list[Anchor]:
    """Return the anchor of the output folder's ledger in the experiment of a configuration, if there is one.

    Raises
    ------
    TrackingError
        If MLflow cannot be reached.
    """
    head = Head.of(output / LEDGER)
    if head is None or not (os.environ.get("MLFLOW_TRACKING_URI") or (output / DATABASE).exists()):
        return []
    with name_tracking_errors(tracking_uri(output)):
        client, experiment = open_experiment(output, name)
        anchor = _read_anchor(client, experiment, _head_key(output, head))
    return [] if anchor is None else [anchor]


def _compare_heads(client: MlflowClient, experiment: str, ledger: Ledger, head: Head | None) -> None:
    """Compare the ledger with the head recorded in the experiment, and record its head if it is newer."""
    if head is None:
        return
    output = ledger.path.parent
    key = _head_key(output, head)
    seen = _read_anchor(client, experiment, key)
    if seen is not None:
        _, hashes = ledger.read()
        own = Anchor(
            str(ledger.path), Head(len(hashes), hashes[-1], hashes[0])
        )  # whose anchors have already been compared
        check_anchors(output, LEDGER, hashes, [seen, own], excused_anchors(output))
    if seen is None or seen.head.lines < head.lines:
        client.set_experiment_tag(experiment, key, json.dumps({LEDGER: head.as_dict()}))


def _read_anchor(client: MlflowClient, experiment: str, key: str) -> Anchor | None:
    text = client.get_experiment(experiment).tags.get(key)
    head = heads_from_json(text).get(LEDGER) if text else None
    return None if head is None else Anchor(f"the experiment {experiment} at MLflow", head, own=False)


def _head_key(output: Path, head: Head) -> str:
    """Return the tag of a ledger's head.

    Several ledgers may share an experiment on a server; each is identified by the hash of its first line. Copies of one
    output folder have the same first line. They are distinguished by the repair that excuses the lines that MLflow has
    seen of the other copy.
    """
    repairs = [entry for entry in Chain(output / REPAIRS).lines() if entry["chain"] == LEDGER]
    apart = [json.dumps(entry, sort_keys=True) for entry in repairs if entry.get("mlflow")]
    suffix = f"-{hashlib.sha256(apart[-1].encode()).hexdigest()[:16]}" if apart else ""
    return f"{HEAD_TAG}{head.first[:16]}{suffix}"


def _trials_of_all(client: MlflowClient) -> dict[str, dict[str, Entry]]:
    """Return the trials in the tags of each experiment, by its name."""
    from mlflow.entities import ViewType

    by_experiment: dict[str, dict[str, Entry]] = {}
    token: str | None = None
    while True:
        experiments = client.search_experiments(view_type=ViewType.ALL, page_token=token)
        for each in experiments:
            tags = {key: value for key, value in each.tags.items() if key.startswith(TRIAL_TAG)}
            trials = {key: entry for key, value in tags.items() if (entry := _trial(value)) is not None}
            if trials:
                by_experiment[each.name] = trials
        token = experiments.token
        if not token:
            return by_experiment


def _trial(text: str) -> Entry | None:
    """Return the entry that a tag holds, or None if the tag was edited."""
    try:
        entry = json.loads(text)
    except (ValueError, RecursionError):
        return None
    names = ("kind", "experiment", "id")
    return (
        entry if isinstance(entry, dict) and all(isinstance(entry.get(name), str) for name in names) else None
    )

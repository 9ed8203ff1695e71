"""Run folder: the folder of a run, which appears completely or not at all."""

from __future__ import annotations

import datetime as dt
import json
import secrets
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from foundation.json_text import to_json
from pipeline.chains.database_heads import HEADS_TAG
from pipeline.chains.heads import HEADS, Head, heads_to_json, other_heads
from pipeline.errors import RunError
from pipeline.export.latest_run import point_latest
from pipeline.files import explain, make_folder, write_folder
from pipeline.tracking.experiment_view import GAP, P_VALUE
from pipeline.tracking.pending_runs import RECORD, MlflowRun, TrackingPayload

if TYPE_CHECKING:
    from pipeline.export.artifacts import RunArtifacts

HANDED_OUT = (
    "summary.json",
    "weights.csv",
    "forecasts.parquet",
    "certificate.json",
    "trials.csv",
    "active.csv",
    "report.html",
)
"""Files of a run's folder for readers; some runs have no certificate or no trials."""
SCHEMA = 5
"""Version of summary.json; it changes when a key changes its name or meaning."""


def new_run_id(name: str, now: dt.datetime, digest: str) -> str:
    """Return an id that sorts by time: name, UTC time, first digits of the configuration's hash, and random digits."""
    return f"{name}-{now:%Y%m%dT%H%M%S}-{digest[:6]}-{secrets.token_hex(2)}"


def write_run(
    output: Path,
    published: RunArtifacts,
    run_id: str,
    seconds: Mapping[str, float],
    reused: list[str],
    *,
    now: dt.datetime,
) -> Path:
    """Write the folder of a run and point `latest` at it.

    All files are written to a hidden folder first, which is then renamed in one step: a run folder is always
    complete. It contains the pending payload for MLflow (`pipeline/tracking/pending_runs.py`) and the heads of the
    output folder's chains: a chain that later loses lines disagrees with them (`pipeline/chains/anchors.py`).

    Raises
    ------
    RunError
        If the folder cannot be written.
    """
    try:
        make_folder(output)
        files = _run_files(published, run_id, seconds, reused, now, other_heads(output))
        # Access to the runs follows the mode of the output folder, which the user controls.
        write_folder(output / run_id, files, mode=stat.S_IMODE(output.stat().st_mode) & 0o777)
    except OSError as error:
        raise RunError(f"cannot write the run: {explain(error)}") from error
    point_latest(output, run_id)
    return output / run_id


def _run_files(
    published: RunArtifacts,
    run_id: str,
    seconds: Mapping[str, float],
    reused: list[str],
    now: dt.datetime,
    heads: Mapping[str, Head],
) -> dict[str, bytes]:
    """Return the content of each file of a run's folder."""
    head = {"schema": SCHEMA, "run_id": run_id}
    summary = head | published.summary | {"seconds": dict(seconds), "reused": list(reused)}
    files = {"summary.json": to_json(summary).encode(), "weights.csv": published.weights.encode()}
    files["active.csv"] = published.active.encode()
    files["forecasts.parquet"] = published.forecasts
    if published.trials:
        files["trials.csv"] = published.trials.encode()
    if published.certificate is not None:
        files["certificate.json"] = published.certificate.encode()
    return files | {
        "model.json": published.model.encode(),
        "inputs.json": published.inputs.encode(),
        "config.json": published.config.encode(),
        "report.html": published.page(run_id).encode(),
        HEADS: heads_to_json(heads).encode(),
        RECORD: _make_payload(published, run_id, seconds, heads, now).to_json().encode(),
    }


def _make_payload(
    published: RunArtifacts,
    run_id: str,
    seconds: Mapping[str, float],
    heads: Mapping[str, Head],
    now: dt.datetime,
) -> TrackingPayload:
    """Return the payload for MLflow: the artifacts, the durations, and the heads of chains."""
    timed = tuple((f"seconds/{stage.replace(':', ' ')}", value, 0) for stage, value in seconds.items())
    run = MlflowRun.from_json(json.loads(published.tracked))
    ended = int(now.timestamp() * 1000)
    config = str(published.summary["config"])
    tags = {**run.tags, HEADS_TAG: _heads_tag(config, heads)}
    return TrackingPayload(
        config,
        run_id,
        name=_name(run, now),
        began=ended - int(1000 * sum(seconds.values())),
        ended=ended,
        tracked=replace(run, tags=tags, metrics=(*run.metrics, *timed)),
        plots=published.plots,
    )


def _heads_tag(config: str, heads: Mapping[str, Head]) -> str:
    """Return the heads of chains as a tag; tags are short, so the chains of other configurations are left out."""
    own = {
        name: head.as_dict()
        for name, head in sorted(heads.items())
        if not name.startswith("operations/") or name.split("/")[1] == config
    }
    return json.dumps(own)


def _name(run: MlflowRun, now: dt.datetime) -> str:
    """Return the name of a run in MLflow: traded portfolio, gain over the best baseline, verdict and time."""
    values = {key: value for key, value, _ in run.metrics}
    gap, p = values.get(GAP), values.get(P_VALUE)
    parts = [run.tags["traded"]]
    parts += [] if gap is None else [f"{gap:+.2f}"]
    parts += [] if p is None else [f"(p {p:.2f})"]
    return " ".join([*parts, f"{now:%Y-%m-%d %H:%M}"])

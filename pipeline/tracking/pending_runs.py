"""Pending runs: the MLflow payload of a run, kept in the run's folder until it has been sent.

A tracking server may be unreachable for an hour or a week. A run is complete without it: the payload lies in the run's
folder as one JSON file, and a second small file records where it was sent (`pipeline/tracking/receipts.py`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from pipeline.errors import RecordError
from pipeline.files import read_regular

RECORD = "tracking.json"
"""File that holds the payload."""
SCHEMA = 1
"""Version of the payload format; it changes when a key changes its name or meaning."""

Step = tuple[str, float, int]
"""Name, value and step of a metric."""


@dataclass(frozen=True)
class MlflowRun:
    """Contents of one MLflow run: that of the pipeline, or that of one model below it.

    Attributes
    ----------
    tags, parameters : mapping of str to str
    metrics : tuple of (name, value, step)
        Finite values only, since not every MLflow server accepts others.
    files : mapping of file name to JSON value
    model : mapping
        Description of a fitted model to log, or empty.
    children : mapping of model name to MlflowRun
    """

    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    metrics: tuple[Step, ...]
    files: Mapping[str, Any] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    children: Mapping[str, MlflowRun] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return the value that `dataclasses.asdict` and JSON encoded."""
        metrics = tuple((str(key), float(number), int(step)) for key, number, step in value["metrics"])
        children = {name: cls.from_json(child) for name, child in value["children"].items()}
        rest = {key: value[key] for key in ("tags", "parameters", "files", "model")}
        return cls(**rest, metrics=metrics, children=children)


@dataclass(frozen=True)
class TrackingPayload:
    """One run to send.

    Attributes
    ----------
    experiment : str
        Name of the configuration.
    run_id : str
        Name of the run's folder. It is a tag in MLflow, by which a partly sent run is found again.
    name : str
        Name of the run in MLflow.
    began, ended : int
        Start and end of the run in milliseconds since 1970 (UTC), independent of when it is sent.
    tracked : MlflowRun
    plots : mapping of name to SVG
    """

    experiment: str
    run_id: str
    name: str
    began: int
    ended: int
    tracked: MlflowRun
    plots: Mapping[str, str]

    def to_json(self) -> str:
        """Return the payload as JSON, with numbers in full precision."""
        return json.dumps({"schema": SCHEMA} | asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the payload in the folder of a run.

        Raises
        ------
        RecordError
            If there is no payload, or not one of this version.
        """
        path = folder / RECORD
        try:
            value = json.loads(read_regular(path))
            if value["schema"] != SCHEMA:
                raise RecordError(f"{path}: its schema is {value['schema']}, expected {SCHEMA}")
            rest = {key: value[key] for key in ("experiment", "run_id", "name", "began", "ended", "plots")}
            return cls(**rest, tracked=MlflowRun.from_json(value["tracked"]))
        except OSError as error:
            raise RecordError(f"{path}: cannot be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError) as error:
            raise RecordError(
                f"{path}: not the record that was written with the run: {error!r:.200}"
            ) from error

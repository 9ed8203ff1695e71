"""Outbox: what MLflow is to be told of a run, kept in the run's folder until it has been told.

A tracking server may be away for an hour or for a week. A run is whole without it: what the server is to be told lies
in the folder as one JSON file, and a second small file says where it has arrived (`pipeline/tracking/receipts.py`).
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
"""What is to be told."""
SCHEMA = 1
"""Version of the record; it changes when a key changes its name or meaning."""

Step = tuple[str, float, int]
"""Name, value and step of a metric."""


@dataclass(frozen=True)
class MlflowRun:
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
    children: Mapping[str, MlflowRun] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what was told by `dataclasses.asdict` and JSON."""
        metrics = tuple((str(key), float(number), int(step)) for key, number, step in value["metrics"])
        children = {name: cls.from_json(child) for name, child in value["children"].items()}
        rest = {key: value[key] for key in ("tags", "parameters", "files", "model")}
        return cls(**rest, metrics=metrics, children=children)


@dataclass(frozen=True)
class TrackingPayload:
    """One run to be told.

    Attributes
    ----------
    experiment : str
        Name of the configuration.
    run_id : str
        Name of the run's folder. It is a tag in MLflow, by which a run that was half told is found again.
    name : str
        Name of the run in MLflow.
    began, ended : int
        When the run was made, in milliseconds since 1970 (UTC): whenever it is told, it is told with these times.
    tracked : Tracked
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
        """Return the record as JSON, each number with all of its bits."""
        return json.dumps({"schema": SCHEMA} | asdict(self))

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read the record in the folder of a run.

        Raises
        ------
        RecordError
            If there is none, or not one of this version.
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

"""Outbox: what MLflow is to be told of a run, kept in the run's folder until it has been told.

A tracking server may be away for an hour or for a week. A run is whole without it: what the server is to be told lies
in the folder as one JSON file, and a second small file says where it has arrived.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Self

from pipeline.errors import RecordError
from pipeline.files import write_whole

RECORD = "tracking.json"
"""What is to be told."""
RECEIPT = "mlflow.json"
"""Where it has been told to the end."""
SCHEMA = 1
"""Version of the record; it changes when a key changes its name or meaning."""

Step = tuple[str, float, int]
"""Name, value and step of a metric."""


@dataclass(frozen=True)
class Tracked:
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
    children: Mapping[str, Tracked] = field(default_factory=dict)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Return what was told by `dataclasses.asdict` and JSON."""
        metrics = tuple((str(key), float(number), int(step)) for key, number, step in value["metrics"])
        children = {name: cls.from_json(child) for name, child in value["children"].items()}
        rest = {key: value[key] for key in ("tags", "parameters", "files", "model")}
        return cls(**rest, metrics=metrics, children=children)


@dataclass(frozen=True)
class Parcel:
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
    tracked: Tracked
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
            value = json.loads(path.read_text(encoding="utf-8"))
            if value["schema"] != SCHEMA:
                raise RecordError(f"{path}: its schema is {value['schema']}, expected {SCHEMA}")
            rest = {key: value[key] for key in ("experiment", "run_id", "name", "began", "ended", "plots")}
            return cls(**rest, tracked=Tracked.from_json(value["tracked"]))
        except OSError as error:
            raise RecordError(f"{path}: cannot be read: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise RecordError(
                f"{path}: not the record that was written with the run: {error!r:.200}"
            ) from error


def receipt(folder: Path) -> dict[str, str]:
    """Return where a run has been told ("tracking_uri") and the page of the UI ("page"); empty if it has not."""
    try:
        told = json.loads((folder / RECEIPT).read_text(encoding="utf-8"))
        return {"tracking_uri": str(told["tracking_uri"]), "page": str(told["page"])}
    except (OSError, ValueError, KeyError, TypeError):  # not told to the end, or edited: it is told again
        return {}


def write_receipt(folder: Path, name: str, page: str) -> None:
    """Note in the folder of a run where it has been told: the server's address, or the database beside the folder."""
    text = json.dumps({"tracking_uri": name, "page": page}, indent=2) + "\n"
    write_whole(folder / RECEIPT, text.encode())


def waiting(output: Path) -> list[Path]:
    """Return the folders of runs that have not been told, the oldest first."""
    folders = (path.parent for path in output.glob(f"*/{RECORD}") if not path.parent.is_symlink())
    # A hidden folder is one that is being written. Names end in the time at which a run was made.
    found = [folder for folder in folders if not folder.name.startswith(".") and not receipt(folder)]
    return sorted(found, key=lambda folder: (folder.stat().st_mtime_ns, folder.name))

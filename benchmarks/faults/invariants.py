"""Invariants of an output folder, checked without the code that writes it.

`damages` lists the faults of a folder at any moment, also right after a kill. `outcome` returns the content that must
be equal in two folders with the same commands, even if one of them took several attempts.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

START = "0" * 64
VOLATILE = ("run_id", "seconds", "reused", "warnings", "schema")
"""Keys of summary.json that differ between two runs of the same configuration."""
RUN_FILES = {
    "summary.json",
    "weights.csv",
    "forecasts.parquet",
    "certificate.json",
    "model.json",
    "inputs.json",
}
RUN_FILES |= {"config.json", "report.html", "tracking.json"}
LEFT = re.compile(r"^\.partial-|^\.latest-|^\.mlflow\.db-|-journal$|\.new$")
"""Names of temporary files."""


def damages(output: Path) -> list[str]:
    """Return the faults of the files of an output folder.

    MLflow writes artifacts in place and records in its database when they are complete. Nothing reads an artifact
    without this record, and the next attempt writes it again. So only complete artifacts are checked.
    """
    faults = []
    mlflow = _MlflowRecord(output / "mlflow.db")
    for path in sorted(output.rglob("*")):
        name = str(path.relative_to(output))
        if path.is_symlink():
            if not path.exists() and not LEFT.search(path.name):
                faults.append(f"{name}: points nowhere")
        elif path.is_file() and mlflow.calls_unfinished(path.relative_to(output).parts):
            continue
        elif path.is_file() and not any(LEFT.search(part) for part in path.relative_to(output).parts):
            wrong = _wrong_with(path)
            if wrong:
                faults.append(f"{name}: {wrong}")
    faults += [
        f"{run.name}: lacks {', '.join(sorted(lacks))}" for run in runs(output) if (lacks := _lacking(run))
    ]
    return faults + _wrong_versions(output)


class _MlflowRecord:
    """MLflow's record of complete artifacts.

    Parameters
    ----------
    database : Path
        Without this file, every artifact counts as complete.
    """

    def __init__(self, database: Path) -> None:
        self.exists = database.exists()
        if self.exists:
            with closing(sqlite3.connect(database)) as connection:
                self.models = _column(
                    connection, "select model_id from logged_models where status = 2"
                )  # READY
                self.registered = _column(connection, "select run_id from model_versions")
                self.finished = _column(connection, "select run_uuid from runs where status = 'FINISHED'")

    def calls_unfinished(self, parts: tuple[str, ...]) -> bool:
        """Return whether a path, relative to the output folder, is an artifact that MLflow does not call complete.

        Artifacts are `artifacts/EXPERIMENT/models/MODEL/...`, `artifacts/EXPERIMENT/RUN/artifacts/registered/...` for
        a version of the registered model, and `artifacts/EXPERIMENT/RUN/...` for others.
        """
        if not self.exists or parts[0] != "artifacts" or len(parts) < 4:
            return False
        if parts[2] == "models":
            return parts[3] not in self.models
        return parts[2] not in (self.registered if "registered" in parts else self.finished)


def _column(connection: sqlite3.Connection, query: str) -> set[str]:
    return {row[0] for row in connection.execute(query)}


def leftovers(output: Path) -> list[str]:
    """Return the temporary files and folders of an output folder."""
    return sorted(str(path.relative_to(output)) for path in output.rglob("*") if LEFT.search(path.name))


def outcome(output: Path) -> dict[str, Any]:
    """Return the content that is equal in two folders with the same commands."""
    return {
        "runs": sorted(_run(run) for run in runs(output)),
        "latest": _run(output / "latest") if (output / "latest").exists() else "",
        "decisions": [_decision(line) for line in lines(output / "operations/mine/decisions.jsonl")],
        "versions": [
            {key: line[key] for key in ("version", "kind", "sha256", "digest", "dates")}
            for line in lines(output / "operations/mine/data/versions.jsonl")
        ],
        "trials": sorted({f"{line['kind']} {line['id']}" for line in lines(output / "ledger.jsonl")}),
        "slots": _slots(output / "operations/schedule.db"),
        "trades": (output / "trades.csv").read_text() if (output / "trades.csv").exists() else "",
        "mlflow": _mlflow(output / "mlflow.db"),
    }


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the entries of a chained file, without an incomplete last line.

    Raises
    ------
    ValueError
        If the chain is broken.
    """
    before, entries = START, []
    for number, raw in enumerate(path.read_bytes().split(b"\n")[:-1] if path.exists() else [], 1):
        entry = json.loads(raw)
        recorded_hash = entry.pop("hash")
        if (
            hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest() != recorded_hash
            or entry["previous"] != before
        ):
            raise ValueError(f"line {number}: the chain is broken")
        before = recorded_hash
        entries.append(entry)
    return entries


def runs(output: Path) -> list[Path]:
    """Return the run folders."""
    return sorted(path for path in output.glob("mine-*") if path.is_dir() and not path.is_symlink())


def _wrong_with(path: Path) -> str:
    try:
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix == ".jsonl":
            lines(path)
        elif path.suffix == ".parquet":
            pq.ParquetFile(path).read(use_threads=False)
        elif path.suffix == ".db":
            with closing(sqlite3.connect(path)) as connection:
                said = connection.execute("pragma integrity_check").fetchone()[0]
                return "" if said == "ok" else said
        elif path.suffix in (".csv", ".html") and not path.stat().st_size:
            return "empty"
    except Exception as error:  # noqa: BLE001 (whatever it is, the file cannot be read)
        return f"{type(error).__name__}: {error}"
    return ""


def _lacking(run: Path) -> set[str]:
    return RUN_FILES - {path.name for path in run.iterdir() if path.stat().st_size}


def _wrong_versions(output: Path) -> list[str]:
    folder, faults = output / "operations/mine/data", []
    try:
        for line in lines(folder / "versions.jsonl"):
            content = (folder / line["file"]).read_bytes()
            if hashlib.sha256(content).hexdigest() != line["sha256"]:
                faults.append(f"{line['file']}: not the file of its version")
    except (OSError, ValueError) as error:
        faults.append(f"versions: {error}")
    return faults


def _run(run: Path) -> str:
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    digest = hashlib.sha256()
    digest.update(
        json.dumps({k: v for k, v in summary.items() if k not in VOLATILE}, sort_keys=True).encode()
    )
    for name in ("weights.csv", "forecasts.parquet", "model.json", "inputs.json"):
        digest.update((run / name).read_bytes())
    return digest.hexdigest()[:16]


def _decision(line: dict[str, Any]) -> dict[str, Any]:
    return {key: line[key] for key in ("kind", "data_last", "identity", "reason", "checks")}


def _slots(path: Path) -> list[Any]:
    if not path.exists():
        return []
    done = "select count(*) from attempt where slot = slot.id and outcome = 'done'"
    query = f"select job, reason, state, ({done}) from slot"
    with closing(sqlite3.connect(path)) as connection:
        return [list(row) for row in connection.execute(query)]


def _mlflow(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {}
    with closing(sqlite3.connect(path)) as connection:
        states = Counter(row[0] for row in connection.execute("select status from runs"))
        # Only computed stages report seconds, and a second attempt computes fewer stages.
        metrics = "latest_metrics where key not like 'seconds/%'"
        counts = {
            table: connection.execute(f"select count(*) from {table}").fetchone()[0]
            for table in ("params", metrics, "model_versions", "registered_model_aliases")
        }
    return {"runs": dict(states)} | counts

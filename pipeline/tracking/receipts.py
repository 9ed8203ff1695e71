"""Receipts: where the run of a folder was sent, and which runs are missing in the MLflow in use."""

from __future__ import annotations

import json
import os
from pathlib import Path

from foundation.counts import format_count
from pipeline.chains.database import DATABASE, finished_runs
from pipeline.files import read_regular, write_whole
from pipeline.tracking.pending_runs import RECORD

RECEIPT = "mlflow.json"
"""File in a run's folder that records where the run was sent completely."""


def read_receipt(folder: Path) -> dict[str, str]:
    """Return where a run was sent ("tracking_uri") and its page of the UI ("page"); empty if it was not sent.

    A damaged receipt counts as missing: the run is sent again, which does not create a second run.
    """
    try:
        value = json.loads(read_regular(folder / RECEIPT))
        return {"tracking_uri": str(value["tracking_uri"]), "page": str(value["page"])}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


def write_receipt(folder: Path, name: str, page: str) -> None:
    """Record in a run's folder where it was sent: the server's address, or the database next to the folder."""
    text = json.dumps({"tracking_uri": name, "page": page}, indent=2) + "\n"
    write_whole(folder / RECEIPT, text.encode())


def run_folders(output: Path) -> list[Path]:
    """Return the folders of runs that can be sent, the oldest first."""
    # A hidden folder is still being written. Names end in the time at which the run was made.
    folders = [path.parent for path in output.glob(f"*/{RECORD}") if not path.parent.is_symlink()]
    folders = [folder for folder in folders if not folder.name.startswith(".")]
    return sorted(folders, key=lambda folder: (folder.stat().st_mtime_ns, folder.name))


def pending_runs(output: Path) -> list[Path]:
    """Return the folders of runs that the MLflow in use does not hold, the oldest first.

    For the local database, a receipt counts while the database holds the run. For a server, only the receipts are read
    (`pipeline.tracking.send.missing_runs` queries the server).

    Raises
    ------
    TrackingError
        If the local database cannot be read.
    """
    server, folders = os.environ.get("MLFLOW_TRACKING_URI"), run_folders(output)
    if server:
        return [folder for folder in folders if read_receipt(folder).get("tracking_uri") != server]
    held = finished_runs(output) if folders else set()
    return [folder for folder in folders if folder.name not in held or not read_receipt(folder)]


def pending_notice(output: Path) -> str:
    """Return one line about the runs that MLflow does not hold and how to send them; empty if it holds all runs."""
    pending = pending_runs(output)
    if not pending:
        return ""
    where = os.environ.get("MLFLOW_TRACKING_URI") or str(output / DATABASE)
    runs = format_count(len(pending), "run of this output folder is", "runs of this output folder are")
    return f"{runs} not in {where}; `tangency sync` sends them"

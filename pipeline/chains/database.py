"""MLflow's local database, read without MLflow: the runs that it holds.

A receipt in a folder says that the run was sent to MLflow. The receipt counts only while the database holds the run:
the file may have been deleted, or replaced by an older copy.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from pipeline.errors import TrackingError
from pipeline.files import check_regular

DATABASE = "mlflow.db"
"""MLflow's local database in the output folder."""
FOLDER_TAG = "folder"
"""Tag of a run that names its folder, by which a partly sent run is found again."""


def query_database(database: Path, query: str, parameters: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the rows of a read-only query; no rows if the file is missing.

    Raises
    ------
    TrackingError
        If the file is not a database, or not one of MLflow.
    """
    if not database.exists():
        return []
    check_database_files(database)
    try:
        return fetch_rows(database, query, parameters, timeout=20)
    except sqlite3.Error as error:
        raise TrackingError(
            f"{database} cannot be read as MLflow's database: {error}. Restore it from a copy, or move it away: "
            "`tangency sync` then makes it anew and sends every run again"
        ) from error


def fetch_rows(
    database: Path, query: str, parameters: tuple[Any, ...] = (), *, timeout: float
) -> list[tuple[Any, ...]]:
    """Return the rows of a query of an SQLite file, which is opened for reading if possible.

    A process that was killed while it wrote leaves a journal. SQLite must undo the unfinished transaction before it
    reads, and for this it needs write access.

    Raises
    ------
    sqlite3.Error
    """
    try:
        return _fetch_rows(database, "ro", query, parameters, timeout)
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_READONLY:  # the low byte is the primary error code
            raise
        return _fetch_rows(database, "rw", query, parameters, timeout)


def _fetch_rows(
    database: Path, mode: str, query: str, parameters: tuple[Any, ...], timeout: float
) -> list[tuple[Any, ...]]:
    uri = f"{database.resolve().as_uri()}?mode={mode}"
    with closing(sqlite3.connect(uri, uri=True, timeout=timeout)) as connection:
        return connection.execute(query, parameters).fetchall()


def check_database_files(database: Path) -> None:
    """Refuse a database with a file that is not regular: opening a named pipe would block forever.

    Raises
    ------
    FileKindError
    """
    for end in ("", "-wal", "-shm", "-journal"):
        check_regular(database.with_name(f"{database.name}{end}"))


def finished_runs(output: Path) -> set[str]:
    """Return the names of the run folders that the local database of an output folder holds completely.

    A run deleted in MLflow counts until it is purged, and is not sent again.
    """
    rows = query_database(
        output / DATABASE,
        "SELECT tags.value FROM tags JOIN runs USING (run_uuid) JOIN experiments USING (experiment_id) "
        "WHERE tags.key = ? AND runs.status = 'FINISHED' AND experiments.lifecycle_stage = 'active'",
        (FOLDER_TAG,),
    )
    return {str(value) for (value,) in rows}

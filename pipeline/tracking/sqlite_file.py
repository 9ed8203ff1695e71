"""SQLite file as tracking store: check that it can be opened, create it, and close connections to a deleted one."""

from __future__ import annotations

import secrets
import sqlite3
import tempfile
from pathlib import Path

from pipeline.chains.database import check_database_files, fetch_rows
from pipeline.errors import FileKindError, TrackingError
from pipeline.tracking.errors import explain_database

_PASSING = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
"""Errors caused by another process; MLflow waits until that process has finished."""


def check_sqlite(uri: str) -> None:
    """Check that the file of a `sqlite:///` address can be read, or created; MLflow would retry for two minutes.

    Other addresses, in-memory databases and addresses with options are left to MLflow.

    Raises
    ------
    TrackingError
        Names the file and the remedy.
    """
    scheme, _, name = uri.partition(":///")
    if scheme.partition("+")[0] != "sqlite" or not name or name.startswith((":", "file:")) or "?" in name:
        return
    path = Path(name)
    try:
        _check_file(path)
    except FileKindError as error:
        raise TrackingError(f"MLflow's database {error}") from error
    except OSError as error:
        raise TrackingError(
            f"MLflow's database {path} cannot be opened: {error.strerror or error}; it must be a file in a folder that "
            "you may write to"
        ) from error


def _check_file(path: Path) -> None:
    """Read a database, or check that it can be created."""
    if path.exists():
        check_database_files(path)
        _read(path)
    else:
        _make_file_in(path.parent)


def _read(path: Path) -> None:
    try:
        fetch_rows(path, "SELECT count(*) FROM sqlite_master", timeout=0)
    except sqlite3.Error as error:
        if (
            getattr(error, "sqlite_errorcode", 0) & 0xFF
        ) not in _PASSING:  # the low byte is the primary error code
            raise TrackingError(explain_database(str(path), error)) from error


def _make_file_in(folder: Path) -> None:
    """Check that a folder, or its nearest existing parent, is writable, by creating an unnamed temporary file in it."""
    place = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    with tempfile.TemporaryFile(dir=place):
        pass


def make_database(path: Path) -> None:
    """Create MLflow's database if it is missing, completely or not at all."""
    import mlflow

    if path.exists():
        return
    for left in path.parent.glob(f".{path.name}-*"):  # left by a process that was killed
        left.unlink()
    hidden = path.with_name(f".{path.name}-{secrets.token_hex(4)}")
    mlflow.MlflowClient(f"sqlite:///{hidden.resolve()}").search_experiments()
    hidden.replace(path)


def close_connections(path: Path) -> None:
    """Close MLflow's connections to a deleted database; otherwise this process would write to the deleted file."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracking

    for store in (Tracking, Registry):
        engine = getattr(store, "_engine_map", {}).get(f"sqlite:///{path.resolve()}")
        if engine is not None:
            engine.dispose()  # the next connection opens the new file

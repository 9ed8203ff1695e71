"""The database of slots: SQLite in write-ahead mode, its tables, and instants stored as text."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from operations.errors import BusyError, OperationsError
from pipeline.chains.database import check_database_files
from pipeline.errors import FileKindError
from pipeline.files import make_folder

VERSION = 2
PATIENCE = 30.0
"""Seconds to wait for a lock on the file."""
TABLES = """
create table job (
    name text primary key,
    cron text not null,
    timezone text not null,
    entered_to text not null,            -- all slots up to this instant have been entered
    visited text not null                -- when somebody last came by to look for slots
);
create table slot (
    id integer primary key,
    job text not null,
    key text not null,                   -- what makes it this slot and no other
    due text not null,
    reason text not null,
    state text not null check (state in ('queued', 'running', 'done', 'failed', 'skipped')),
    attempts integer not null default 0, -- also the token that fences a worker off that lost its lease
    not_before text not null,
    lease_until text,
    owner text,
    ended text,
    message text not null default '',
    unique (job, key)
);
create table attempt (
    slot integer not null references slot,
    number integer not null,
    owner text not null,
    began text not null,
    ended text,
    outcome text not null check (outcome in ('running', 'done', 'failed', 'lost', 'busy', 'interrupted')),
    message text not null default '',
    primary key (slot, number)
);
create table loop (owner text primary key, began text not null, heartbeat text not null, ended text);
"""


def stamp(instant: dt.datetime) -> str:
    """Return an instant as text that sorts chronologically.

    Raises
    ------
    ValueError
        If it has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"expected an instant with a time zone, got {instant}")
    return instant.astimezone(dt.UTC).isoformat(timespec="microseconds")


def instant(text: str) -> dt.datetime:
    """Parse text written by `stamp`."""
    return dt.datetime.fromisoformat(text)


def short(moment: dt.datetime) -> str:
    """Return an instant in UTC to the minute, the format in which messages name slots."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, or create it. A connection belongs to one thread.

    Raises
    ------
    OperationsError
        If the file is not a record of slots, or was written by another version.
    BusyError
        If another process holds the lock for too long.
    """
    make_folder(path.parent)
    try:
        check_database_files(path)
    except FileKindError as error:
        raise OperationsError(str(error)) from error
    try:
        connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
    except sqlite3.Error as error:
        raise refusal(error, path) from error
    connection.row_factory = sqlite3.Row
    try:
        # Completed slots must survive a power failure; the default of write-ahead mode does not guarantee that.
        connection.execute("pragma synchronous = full")
        version = _version(connection)
        if version == 0:
            version = _make(connection, path)
        elif version == 1:
            version = _upgrade(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise refusal(error, path) from error
    if version != VERSION:
        connection.close()
        raise OperationsError(
            f"{path}: expected a record of slots of version {VERSION}, got {version}; use the Tangency that wrote it"
        )
    return connection


def refusal(error: sqlite3.Error, path: Path) -> OperationsError:
    """Convert an error of SQLite to a user error with advice.

    Parameters
    ----------
    error : sqlite3.Error
    path : Path
        Path of the record.
    """
    # The low byte is the primary error code; the other bytes refine it.
    kind = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
    if kind in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return BusyError(f"{path}: {error}; try again")
    if kind in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return OperationsError(f"{path}: this is no record of slots ({error}); restore it from a copy")
    advice = {
        sqlite3.SQLITE_FULL: "free some space",
        sqlite3.SQLITE_IOERR: "check the disk, or free some space",
        sqlite3.SQLITE_READONLY: "give this user permission to write it and its folder",
        sqlite3.SQLITE_CANTOPEN: "give this user permission to write it and its folder, or free some space",
    }.get(kind, "check the file and its folder")
    return OperationsError(f"{path}: the record of slots: {error}; {advice}, and try again")


def _make(connection: sqlite3.Connection, path: Path) -> int:
    """Create the tables. Unlike a transaction, the switch to write-ahead mode does not wait for locks."""
    with FileLock(path.with_name(f".{path.name}.lock")):
        if _version(connection) == 0:
            connection.execute("pragma journal_mode = wal")
            connection.executescript(f"begin immediate;{TABLES}pragma user_version = {VERSION};commit;")
    return _version(connection)


def _upgrade(connection: sqlite3.Connection, path: Path) -> int:
    """Rename a column of version 1, so that users keep their slots."""
    changes = "".join(f"alter table {table} rename column told to message;" for table in ("slot", "attempt"))
    with FileLock(path.with_name(f".{path.name}.lock")):
        if _version(connection) == 1:
            connection.executescript(f"begin immediate;{changes}pragma user_version = {VERSION};commit;")
    return _version(connection)


def _version(connection: sqlite3.Connection) -> int:
    version: int = connection.execute("pragma user_version").fetchone()[0]
    return version


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Open a transaction that locks the file from its start, so that rows it reads cannot change.

    Raises
    ------
    BusyError
        If another process holds the lock for too long.
    OperationsError
        If the file cannot be written, as on a full disk; the transaction is then rolled back.
    """
    try:
        connection.execute("begin immediate")
        try:
            yield connection
            connection.execute("commit")
        except BaseException:
            if connection.in_transaction:
                connection.execute("rollback")
            raise
    except sqlite3.Error as error:
        raise refusal(error, _file_of(connection)) from error


def _file_of(connection: sqlite3.Connection) -> Path:
    """Return the path of the connection's file, without reading the file."""
    return Path(connection.execute("pragma database_list").fetchone()[2] or ":memory:")

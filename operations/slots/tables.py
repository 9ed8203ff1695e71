"""The file that keeps the slots: SQLite in write-ahead mode, its tables, and instants as text."""

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

VERSION = 1
PATIENCE = 30.0
"""Seconds for which another process may hold the file."""
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
    told text not null default '',
    unique (job, key)
);
create table attempt (
    slot integer not null references slot,
    number integer not null,
    owner text not null,
    began text not null,
    ended text,
    outcome text not null check (outcome in ('running', 'done', 'failed', 'lost', 'busy', 'interrupted')),
    told text not null default '',
    primary key (slot, number)
);
create table loop (owner text primary key, began text not null, heartbeat text not null, ended text);
"""


def stamp(instant: dt.datetime) -> str:
    """Return an instant as text that sorts as time does.

    Raises
    ------
    ValueError
        If it has no time zone.
    """
    if instant.tzinfo is None:
        raise ValueError(f"expected an instant with a time zone, got {instant}")
    return instant.astimezone(dt.UTC).isoformat(timespec="microseconds")


def instant(text: str) -> dt.datetime:
    """Return the instant that a text of `stamp` says."""
    return dt.datetime.fromisoformat(text)


def connect(path: Path) -> sqlite3.Connection:
    """Open the file, and make it if it is not there; a connection is for one thread.

    Raises
    ------
    OperationsError
        If the file is no such file, or was written by another version.
    BusyError
        If another process holds it for long.
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
        # What is done must stay done after a power cut too: the default of the write-ahead mode does not see to it.
        connection.execute("pragma synchronous = full")
        version = connection.execute("pragma user_version").fetchone()[0]
        if version == 0:
            version = _make(connection, path)
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
    """Return what SQLite refused as an error of the user's, with what to do.

    Parameters
    ----------
    error : sqlite3.Error
    path : Path
        Of the record.
    """
    # The low byte is the kind; the others say more of it.
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
    """Make the tables, once: the change to write-ahead mode does not wait for others as a transaction does."""
    with FileLock(path.with_name(f".{path.name}.lock")):
        if connection.execute("pragma user_version").fetchone()[0] == 0:
            connection.execute("pragma journal_mode = wal")
            connection.executescript(f"begin immediate;{TABLES}pragma user_version = {VERSION};commit;")
    version: int = connection.execute("pragma user_version").fetchone()[0]
    return version


@contextmanager
def writing(connection: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Give a transaction that holds the file from its start: nobody else changes what is read in it.

    Raises
    ------
    BusyError
        If another process holds the file for long.
    OperationsError
        If it cannot be written, as on a full disk; nothing of the transaction is then.
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
    """Return the file of a connection, as SQLite remembers it: nothing is read."""
    return Path(connection.execute("pragma database_list").fetchone()[2] or ":memory:")

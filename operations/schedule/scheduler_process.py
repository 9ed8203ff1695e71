"""Heartbeats of the scheduler processes (`tangency schedule`)."""

from __future__ import annotations

import datetime as dt
import sqlite3
from dataclasses import dataclass

from operations.slots.tables import instant, stamp, writing

EVERY = 30.0
"""Seconds between two heartbeats."""
SILENCE = dt.timedelta(minutes=5)
"""Age of the last heartbeat after which a scheduler process counts as dead."""


@dataclass(frozen=True)
class SchedulerProcess:
    """A scheduler process and its last heartbeat.

    Attributes
    ----------
    owner : str
        Machine and process.
    began, heartbeat : datetime.datetime
    ended : datetime.datetime or None
        When it stopped on request; None if it has not.
    """

    owner: str
    began: dt.datetime
    heartbeat: dt.datetime
    ended: dt.datetime | None

    def lives(self, now: dt.datetime) -> bool:
        """Return whether the process is alive."""
        # After the clock goes back, a live process soon replaces a future heartbeat by one of the same clock.
        return self.ended is None and abs(now - self.heartbeat) < SILENCE


def begin(connection: sqlite3.Connection, owner: str, now: dt.datetime) -> None:
    """Record that a scheduler process has started."""
    with writing(connection) as db:
        db.execute("insert or replace into loop values (?, ?, ?, null)", (owner, stamp(now), stamp(now)))


def beat(connection: sqlite3.Connection, owner: str, now: dt.datetime) -> None:
    """Record a heartbeat."""
    with writing(connection) as db:
        db.execute("update loop set heartbeat = ? where owner = ?", (stamp(now), owner))


def end(connection: sqlite3.Connection, owner: str, now: dt.datetime) -> None:
    """Record that a scheduler process has stopped on request."""
    with writing(connection) as db:
        db.execute(
            "update loop set heartbeat = ?, ended = ? where owner = ?", (stamp(now), stamp(now), owner)
        )


def loops(connection: sqlite3.Connection) -> list[SchedulerProcess]:
    """Return all recorded scheduler processes, latest heartbeat first."""
    rows = connection.execute("select * from loop order by heartbeat desc, began desc")
    return [
        SchedulerProcess(
            row["owner"],
            instant(row["began"]),
            instant(row["heartbeat"]),
            None if row["ended"] is None else instant(row["ended"]),
        )
        for row in rows
    ]

"""Signs of life of the loops that keep a schedule."""

from __future__ import annotations

import datetime as dt
import sqlite3
from dataclasses import dataclass

from operations.slots.tables import instant, stamp, writing

EVERY = 30.0
"""Seconds between two signs of life."""
SILENCE = dt.timedelta(minutes=5)
"""A loop that has not been heard of for so long is dead."""


@dataclass(frozen=True)
class SchedulerProcess:
    """A loop, and when it was last heard of.

    Attributes
    ----------
    owner : str
        Machine and process.
    began, heartbeat : datetime.datetime
    ended : datetime.datetime or None
        When it was told to stop, and did.
    """

    owner: str
    began: dt.datetime
    heartbeat: dt.datetime
    ended: dt.datetime | None

    def lives(self, now: dt.datetime) -> bool:
        """Say whether it keeps the schedule now."""
        # One that lives is never heard of in the future for long: it writes the time of the same clock.
        return self.ended is None and abs(now - self.heartbeat) < SILENCE


def begin(connection: sqlite3.Connection, owner: str, now: dt.datetime) -> None:
    """Write that a loop has begun."""
    with writing(connection) as db:
        db.execute("insert or replace into loop values (?, ?, ?, null)", (owner, stamp(now), stamp(now)))


def beat(connection: sqlite3.Connection, owner: str, now: dt.datetime) -> None:
    """Write that a loop lives."""
    with writing(connection) as db:
        db.execute("update loop set heartbeat = ? where owner = ?", (stamp(now), owner))


def end(connection: sqlite3.Connection, owner: str, now: dt.datetime) -> None:
    """Write that a loop has stopped because it was told to."""
    with writing(connection) as db:
        db.execute(
            "update loop set heartbeat = ?, ended = ? where owner = ?", (stamp(now), stamp(now), owner)
        )


def loops(connection: sqlite3.Connection) -> list[SchedulerProcess]:
    """Return all loops there ever were, the one last heard of first."""
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

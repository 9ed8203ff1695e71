"""Read-only queries on the record of slots."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass

from operations.slots.cron import next_slot
from operations.slots.tables import instant
from pipeline.settings.schedule import ScheduleSection


@dataclass(frozen=True)
class Slot:
    """The present state of a slot.

    Attributes
    ----------
    due : datetime.datetime
    reason, state, message : str
        `state` is queued, running, done, failed or skipped; `message` is the last message about the slot.
    attempts : int
    outcome : str
        Outcome of the last attempt, such as "failed" or "interrupted"; empty if there was none.
    not_before : datetime.datetime
        Earliest instant at which a queued slot may be claimed.
    lease_until : datetime.datetime or None
        End of the lease of a running slot.
    ended : datetime.datetime or None
    """

    due: dt.datetime
    reason: str
    state: str
    message: str
    attempts: int
    outcome: str
    not_before: dt.datetime
    lease_until: dt.datetime | None
    ended: dt.datetime | None


@dataclass(frozen=True)
class JobHistory:
    """A job, and its slots in order of their due times.

    Attributes
    ----------
    cron, timezone : str
        As of the last check for due slots.
    entered_to : datetime.datetime
        Slots due up to this instant have been entered.
    visited : datetime.datetime
        Time of the last check for due slots.
    slots : tuple of Slot
    """

    cron: str
    timezone: str
    entered_to: dt.datetime
    visited: dt.datetime
    slots: tuple[Slot, ...]

    def next_due(self) -> dt.datetime | None:
        """Return when the schedule fires next."""
        return next_slot(self.cron, self.timezone, self.entered_to)

    def open(self) -> list[Slot]:
        """Return the slots that are queued or running."""
        return [slot for slot in self.slots if slot.state in ("queued", "running")]

    def latest(self, *states: str) -> Slot | None:
        """Return the slot in one of these states that ended most recently."""
        matches = [slot for slot in self.slots if slot.state in states and slot.ended is not None]
        return max(matches, key=lambda slot: (slot.ended or slot.due, slot.due), default=None)


def job_history(connection: sqlite3.Connection, job: str) -> JobHistory | None:
    """Return the history of a job; None if no process has entered it yet."""
    row = connection.execute("select * from job where name = ?", (job,)).fetchone()
    if row is None:
        return None
    rows = connection.execute(
        "select slot.*, attempt.outcome from slot left join attempt"
        " on attempt.slot = slot.id and attempt.number = slot.attempts"
        " where job = ? order by due, id",
        (job,),
    )
    return JobHistory(
        row["cron"],
        row["timezone"],
        instant(row["entered_to"]),
        instant(row["visited"]),
        tuple(_slot(slot_row) for slot_row in rows),
    )


def next_visit(
    connection: sqlite3.Connection, jobs: Mapping[str, ScheduleSection], now: dt.datetime
) -> dt.datetime | None:
    """Return when due slots must be checked next; `now` if a job is new or its schedule has changed."""
    times = []
    for job, schedule in jobs.items():
        known = job_history(connection, job)
        if known is None or (known.cron, known.timezone) != (schedule.cron, schedule.timezone):
            return now
        times.append(known.next_due())
        open_slots = known.open()
        leases = [slot.lease_until for slot in open_slots if slot.lease_until is not None]
        # A running slot blocks its job until it ends or its lease expires; the loop checks again soon anyway.
        times += leases or [slot.not_before for slot in open_slots]
    return min((time for time in times if time is not None), default=None)


def _slot(row: sqlite3.Row) -> Slot:
    lease, ended = row["lease_until"], row["ended"]
    return Slot(
        instant(row["due"]),
        row["reason"],
        row["state"],
        row["message"],
        row["attempts"],
        row["outcome"] or "",
        instant(row["not_before"]),
        None if lease is None else instant(lease),
        None if ended is None else instant(ended),
    )

"""Changes to the rows of slots and attempts; each function runs inside a transaction of the caller."""

from __future__ import annotations

import datetime as dt
import sqlite3

from operations.slots.tables import instant, short, stamp
from pipeline.settings.schedule import DAY, ScheduleSection

SCHEDULE = "schedule"
"""Reason of a slot that comes from the cron expression."""


def enter_slot(
    db: sqlite3.Connection,
    job: str,
    key: str,
    due: dt.datetime,
    reason: str,
    now: dt.datetime,
    skipped: str = "",
) -> bool:
    """Insert a slot as queued, or as skipped if `skipped` gives a reason; False if the slot exists already."""
    state = "skipped" if skipped else "queued"
    done = db.execute(
        "insert or ignore into slot (job, key, due, reason, state, not_before, ended, message)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        (job, key, stamp(due), reason, state, stamp(due), stamp(now) if skipped else None, skipped),
    )
    return done.rowcount == 1


def shorten_waits(db: sqlite3.Connection, job: str, schedule: ScheduleSection, now: dt.datetime) -> None:
    """Shorten leases and waits that were written while the clock was ahead to the longest that the settings allow.

    A live worker renews its lease long before the shortened lease expires.
    """
    lease = stamp(now + dt.timedelta(seconds=schedule.lease_seconds))
    db.execute(
        "update slot set lease_until = ? where job = ? and state = 'running' and lease_until > ?",
        (lease, job, lease),
    )
    db.execute(
        "update slot set not_before = ? where job = ? and state = 'queued' and not_before > ?",
        (stamp(now), job, stamp(now + dt.timedelta(seconds=DAY))),
    )


def take_back(db: sqlite3.Connection, job: str, schedule: ScheduleSection, now: dt.datetime) -> None:
    """Queue the slots again whose lease has expired without a renewal."""
    rows = db.execute(
        "select * from slot where job = ? and state = 'running' and lease_until <= ?", (job, stamp(now))
    ).fetchall()
    for row in rows:
        message = f"nothing was heard of {row['owner']} until its lease was over"
        close_attempt(db, row["id"], row["attempts"], "lost", message, now)
        state, again = after_failure(db, row["id"], schedule, now)
        # Waiting for the lease to expire replaces the backoff.
        release(db, row["id"], state, now if state == "queued" else again, message, now)


def skip_superseded(db: sqlite3.Connection, job: str, now: dt.datetime) -> None:
    """Skip queued scheduled slots if the same job has a later scheduled slot."""
    # A slot entered while the clock was ahead does not supersede earlier ones.
    latest = db.execute(
        "select max(due) from slot where job = ? and reason = ? and state != 'skipped' and due <= ?",
        (job, SCHEDULE, stamp(now)),
    ).fetchone()[0]
    if latest is not None:
        db.execute(
            "update slot set state = 'skipped', ended = ?, message = ?"
            " where job = ? and reason = ? and state = 'queued' and due < ?",
            (stamp(now), f"the slot of {short(instant(latest))} took its place", job, SCHEDULE, latest),
        )


def after_failure(
    db: sqlite3.Connection, slot: int, schedule: ScheduleSection, now: dt.datetime
) -> tuple[str, dt.datetime]:
    """Return the state of a slot after a failed or lost attempt, and the instant from which it applies."""
    failures: int = db.execute(
        "select count(*) from attempt where slot = ? and outcome in ('failed', 'lost')", (slot,)
    ).fetchone()[0]
    if failures > schedule.retries:
        return "failed", now
    wait = min(schedule.backoff_seconds * 2.0 ** (failures - 1), DAY)
    return "queued", now + dt.timedelta(seconds=wait)


def close_attempt(
    db: sqlite3.Connection, slot: int, number: int, outcome: str, message: str, now: dt.datetime
) -> None:
    """Record the outcome of an attempt."""
    db.execute(
        "update attempt set outcome = ?, message = ?, ended = ? where slot = ? and number = ?",
        (outcome, message, stamp(now), slot, number),
    )


def release(
    db: sqlite3.Connection, slot: int, state: str, when: dt.datetime, message: str, now: dt.datetime
) -> None:
    """End the lease of a slot, and set its state from `when` on."""
    ended = None if state == "queued" else stamp(now)
    db.execute(
        "update slot set state = ?, not_before = ?, ended = ?, message = ?, lease_until = null, owner = null"
        " where id = ?",
        (state, stamp(when), ended, message, slot),
    )

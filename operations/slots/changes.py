"""What changes of a slot, row by row; always inside a transaction of the caller's."""

from __future__ import annotations

import datetime as dt
import sqlite3

from operations.slots.tables import instant, stamp
from pipeline.settings.schedule import DAY, ScheduleSection

SCHEDULE = "schedule"
"""Reason of a slot that the cron expression gave."""


def enter_slot(
    db: sqlite3.Connection,
    job: str,
    key: str,
    due: dt.datetime,
    reason: str,
    now: dt.datetime,
    skipped: str = "",
) -> bool:
    """Enter a slot, to be done or as skipped with why; False if it was there before."""
    state = "skipped" if skipped else "queued"
    done = db.execute(
        "insert or ignore into slot (job, key, due, reason, state, not_before, ended, told)"
        " values (?, ?, ?, ?, ?, ?, ?, ?)",
        (job, key, stamp(due), reason, state, stamp(due), stamp(now) if skipped else None, skipped),
    )
    return done.rowcount == 1


def shorten_waits(db: sqlite3.Connection, job: str, schedule: ScheduleSection, now: dt.datetime) -> None:
    """Shorten leases and waits that a clock far ahead has written: none is ever longer than the settings say.

    A worker that lives renews its lease long before the shortened one is over.
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
    """Queue the slots again whose worker has not been heard of until its lease was over."""
    rows = db.execute(
        "select * from slot where job = ? and state = 'running' and lease_until <= ?", (job, stamp(now))
    ).fetchall()
    for row in rows:
        told = f"nothing was heard of {row['owner']} until its lease was over"
        close_attempt(db, row["id"], row["attempts"], "lost", told, now)
        state, again = after_failure(db, row["id"], schedule, now)
        # The lease was wait enough.
        release(db, row["id"], state, now if state == "queued" else again, told, now)


def skip_superseded(db: sqlite3.Connection, job: str, now: dt.datetime) -> None:
    """Skip scheduled slots that wait while a later one of the same job is there."""
    latest = db.execute(
        "select max(due) from slot where job = ? and reason = ? and state != 'skipped' and due <= ?",
        (
            job,
            SCHEDULE,
            stamp(now),
        ),  # one that a clock far ahead has entered takes the place of none before it
    ).fetchone()[0]
    if latest is not None:
        db.execute(
            "update slot set state = 'skipped', ended = ?, told = ?"
            " where job = ? and reason = ? and state = 'queued' and due < ?",
            (stamp(now), f"the slot of {short(instant(latest))} took its place", job, SCHEDULE, latest),
        )


def after_failure(
    db: sqlite3.Connection, slot: int, schedule: ScheduleSection, now: dt.datetime
) -> tuple[str, dt.datetime]:
    """Return the state of a slot after an attempt that came to nothing, and from when on it holds."""
    failures: int = db.execute(
        "select count(*) from attempt where slot = ? and outcome in ('failed', 'lost')", (slot,)
    ).fetchone()[0]
    if failures > schedule.retries:
        return "failed", now
    wait = min(schedule.backoff_seconds * 2.0 ** (failures - 1), DAY)
    return "queued", now + dt.timedelta(seconds=wait)


def close_attempt(
    db: sqlite3.Connection, slot: int, number: int, outcome: str, told: str, now: dt.datetime
) -> None:
    """Write how an attempt ended."""
    db.execute(
        "update attempt set outcome = ?, told = ?, ended = ? where slot = ? and number = ?",
        (outcome, told, stamp(now), slot, number),
    )


def release(
    db: sqlite3.Connection, slot: int, state: str, when: dt.datetime, told: str, now: dt.datetime
) -> None:
    """Take a slot from its worker; it is in this state from `when` on."""
    ended = None if state == "queued" else stamp(now)
    db.execute(
        "update slot set state = ?, not_before = ?, ended = ?, told = ?, lease_until = null, owner = null where id = ?",
        (state, stamp(when), ended, told, slot),
    )


def short(moment: dt.datetime) -> str:
    """Return an instant in UTC to the minute, as messages name slots."""
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")

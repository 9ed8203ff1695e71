"""Slots: a job at an instant, to be run once. The worker of a slot holds a lease, and is fenced off when it loses it.

A slot is queued, then running, and finally done, failed or skipped. Every change is a single transaction on one file,
so a process may be killed at any moment; another process takes its slot over when the lease expires. Each claim has a
number, and only the latest claim may renew the lease or record the outcome.

The caller supplies the time. A clock that goes backwards does not create a slot again: entered slots stay entered.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from operations.slots.changes import (
    SCHEDULE,
    after_failure,
    close_attempt,
    enter_slot,
    release,
    shorten_waits,
    skip_superseded,
    take_back,
)
from operations.slots.cron import slots as cron_slots
from operations.slots.tables import connect, instant, refusal, short, stamp, writing
from pipeline.settings.schedule import ScheduleSection


@dataclass(frozen=True)
class Claim:
    """The right to run a slot until its lease expires.

    Attributes
    ----------
    slot, number : int
        Identifier of the slot, and number of this claim on it, from 1.
    job, reason : str
    due : datetime.datetime
    """

    slot: int
    number: int
    job: str
    due: dt.datetime
    reason: str


class Slots:
    """The record of slots in one file. An instance belongs to one thread.

    Parameters
    ----------
    path : Path
        Created if it does not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        if isinstance(error, sqlite3.Error):  # from a read outside a transaction
            raise refusal(error, self.path) from error

    def enter(self, job: str, schedule: ScheduleSection, now: dt.datetime) -> None:
        """Enter the slots of a schedule that have become due: the latest as queued, earlier ones as skipped.

        A new job has no past slots. If the schedule has changed, the slots of the old schedule up to now are entered
        before the new schedule takes effect.
        """
        with writing(self.connection) as db:
            row = db.execute("select * from job where name = ?", (job,)).fetchone()
            if row is None:
                values = (job, schedule.cron, schedule.timezone, stamp(now), stamp(now))
                db.execute("insert into job values (?, ?, ?, ?, ?)", values)
                return
            due = list(cron_slots(row["cron"], row["timezone"], instant(row["entered_to"]), now))
            for slot in due:
                skipped = f"missed; the slot of {short(due[-1])} took its place" if slot < due[-1] else ""
                enter_slot(db, job, f"{SCHEDULE} {stamp(slot)}", slot, SCHEDULE, now, skipped)
            db.execute(
                "update job set cron = ?, timezone = ?, entered_to = max(entered_to, ?), visited = ? where name = ?",
                (schedule.cron, schedule.timezone, stamp(now), stamp(now), job),
            )

    def request(self, job: str, reason: str, data: str, now: dt.datetime) -> bool:
        """Enter an unscheduled slot that is due now; False if it was requested before for this reason and data.

        Raises
        ------
        ValueError
            If the reason is empty, or is the one reserved for the schedule.
        """
        if reason in ("", SCHEDULE):
            raise ValueError(f"expected a reason beside the schedule's own, got {reason!r}")
        with writing(self.connection) as db:
            return enter_slot(db, job, f"request {json.dumps([reason, data])}", now, reason, now)

    def claim(self, jobs: Mapping[str, ScheduleSection], owner: str, now: dt.datetime) -> Claim | None:
        """Claim the slot that has been due for longest; None if no slot can be run now.

        Of the queued scheduled slots of a job only the latest is run. A job has at most one running slot.
        """
        with writing(self.connection) as db:
            for job, schedule in jobs.items():
                shorten_waits(db, job, schedule, now)
                take_back(db, job, schedule, now)
                skip_superseded(db, job, now)
            row = _next_queued(db, jobs, now)
            if row is None:
                return None
            claim = Claim(row["id"], row["attempts"] + 1, row["job"], instant(row["due"]), row["reason"])
            lease = stamp(now + dt.timedelta(seconds=jobs[claim.job].lease_seconds))
            db.execute(
                "update slot set state = 'running', attempts = ?, owner = ?, lease_until = ? where id = ?",
                (claim.number, owner, lease, claim.slot),
            )
            db.execute(
                "insert into attempt (slot, number, owner, began, outcome) values (?, ?, ?, ?, 'running')",
                (claim.slot, claim.number, owner, stamp(now)),
            )
            return claim

    def renew(self, claim: Claim, schedule: ScheduleSection, now: dt.datetime) -> bool:
        """Renew the lease; False if another claim holds the slot, or the slot has ended."""
        lease = stamp(now + dt.timedelta(seconds=schedule.lease_seconds))
        with writing(self.connection) as db:
            done = db.execute(
                "update slot set lease_until = ? where id = ? and attempts = ? and state = 'running'",
                (lease, claim.slot, claim.number),
            )
            return done.rowcount == 1

    def complete(self, claim: Claim, message: str, now: dt.datetime) -> bool:
        """Record that the slot is done; if another claim holds it, write nothing and return False."""
        return self._end(claim, "done", message, now, lambda db: ("done", now))

    def fail(self, claim: Claim, schedule: ScheduleSection, message: str, now: dt.datetime) -> bool:
        """Record a failure; the slot is retried after a wait that doubles each time, until no retries are left."""
        return self._end(
            claim, "failed", message, now, lambda db: after_failure(db, claim.slot, schedule, now)
        )

    def give_back(
        self, claim: Claim, message: str, now: dt.datetime, *, wait: float = 0.0, busy: bool = False
    ) -> bool:
        """Return the slot to the queue for `wait` seconds without using up a retry.

        `busy` means that another process was training this job; otherwise this process was asked to stop.
        """
        again = now + dt.timedelta(seconds=wait)
        return self._end(claim, "busy" if busy else "interrupted", message, now, lambda db: ("queued", again))

    def _end(
        self,
        claim: Claim,
        outcome: str,
        message: str,
        now: dt.datetime,
        decide: Callable[[sqlite3.Connection], tuple[str, dt.datetime]],
    ) -> bool:
        with writing(self.connection) as db:
            mine = db.execute(
                "select 1 from slot where id = ? and attempts = ? and state = 'running'",
                (claim.slot, claim.number),
            )
            if mine.fetchone() is None:
                return False
            close_attempt(db, claim.slot, claim.number, outcome, message, now)
            release(db, claim.slot, *decide(db), message, now)
            return True


def _next_queued(db: sqlite3.Connection, jobs: Mapping[str, ScheduleSection], now: dt.datetime) -> Any:
    """Return the row of the slot that has been due for longest, of jobs that are not running; None without one."""
    return db.execute(
        "select * from slot where state = 'queued' and not_before <= ?"
        " and job in (select value from json_each(?))"
        " and job not in (select job from slot where state = 'running') order by due, id",
        (stamp(now), json.dumps(list(jobs))),
    ).fetchone()

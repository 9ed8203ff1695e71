"""Slots: a job at an instant, to be done once. Who does one holds a lease, and is fenced off when it has lost it.

A slot is queued, running, and then done, failed or skipped. All changes are single transactions on one file, so that
a process may be killed at any moment: what it had claimed is taken over when its lease is over. Each claim has a
number, and only the last one that was given may renew its lease or say how the slot ended.

Time comes from the caller. A clock that goes backwards brings no slot back: what was entered stays entered.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from operations.slots.changes import (
    SCHEDULE,
    after_failure,
    close_attempt,
    enter_slot,
    release,
    short,
    shorten_waits,
    skip_superseded,
    take_back,
)
from operations.slots.cron import slots as cron_slots
from operations.slots.tables import connect, instant, refusal, stamp, writing
from pipeline.settings.schedule import ScheduleSection


@dataclass(frozen=True)
class Claim:
    """The right to do a slot, until its lease is over.

    Attributes
    ----------
    slot, number : int
        Which slot, and which claim on it this is, from 1.
    job, reason : str
    due : datetime.datetime
    """

    slot: int
    number: int
    job: str
    due: dt.datetime
    reason: str


class Slots:
    """The record of slots in one file; for one thread.

    Parameters
    ----------
    path : Path
        Made if it is not there.
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
        if isinstance(error, sqlite3.Error):  # what was only read, outside of a transaction
            raise refusal(error, self.path) from error

    def enter(self, job: str, schedule: ScheduleSection, now: dt.datetime) -> None:
        """Enter the slots of a schedule that have become due: the last of them to be done, those before as skipped.

        A job that is met for the first time has no past. When its schedule has changed, the slots that the old one
        had up to now are entered before the new one begins.
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
        """Enter a slot beside the schedule, due now; False if this reason has asked for it on this data before.

        Raises
        ------
        ValueError
            If no reason is given, or that of the schedule itself.
        """
        if reason in ("", SCHEDULE):
            raise ValueError(f"expected a reason beside the schedule's own, got {reason!r}")
        with writing(self.connection) as db:
            return enter_slot(db, job, f"request {json.dumps([reason, data])}", now, reason, now)

    def claim(self, jobs: Mapping[str, ScheduleSection], owner: str, now: dt.datetime) -> Claim | None:
        """Take the slot that has been due for longest; None if there is none to be done now.

        Of the scheduled slots of a job that are waiting only the latest is done. A job is done by one at a time.
        """
        with writing(self.connection) as db:
            for job, schedule in jobs.items():
                shorten_waits(db, job, schedule, now)
                take_back(db, job, schedule, now)
                skip_superseded(db, job, now)
            row = db.execute(
                "select * from slot where state = 'queued' and not_before <= ?"
                " and job in (select value from json_each(?))"
                " and job not in (select job from slot where state = 'running') order by due, id",
                (stamp(now), json.dumps(list(jobs))),
            ).fetchone()
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
        """Renew the lease; False if the slot is another's by now, or over."""
        lease = stamp(now + dt.timedelta(seconds=schedule.lease_seconds))
        with writing(self.connection) as db:
            done = db.execute(
                "update slot set lease_until = ? where id = ? and attempts = ? and state = 'running'",
                (lease, claim.slot, claim.number),
            )
            return done.rowcount == 1

    def complete(self, claim: Claim, told: str, now: dt.datetime) -> bool:
        """Say that the slot is done; False, and nothing is written, if it is another's by now."""
        return self._end(claim, "done", told, now, lambda db: ("done", now))

    def fail(self, claim: Claim, schedule: ScheduleSection, told: str, now: dt.datetime) -> bool:
        """Say that it failed: it is tried again after a wait that doubles each time, until the retries are used up."""
        return self._end(claim, "failed", told, now, lambda db: after_failure(db, claim.slot, schedule, now))

    def give_back(
        self, claim: Claim, told: str, now: dt.datetime, *, wait: float = 0.0, busy: bool = False
    ) -> bool:
        """Return the slot undone, to be taken again after `wait` seconds; no retry is used up.

        `busy` says that somebody else was doing this job, otherwise that this process was told to stop.
        """
        again = now + dt.timedelta(seconds=wait)
        return self._end(claim, "busy" if busy else "interrupted", told, now, lambda db: ("queued", again))

    def _end(
        self,
        claim: Claim,
        outcome: str,
        told: str,
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
            close_attempt(db, claim.slot, claim.number, outcome, told, now)
            release(db, claim.slot, *decide(db), told, now)
            return True

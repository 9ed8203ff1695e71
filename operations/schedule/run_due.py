"""Run the slots that are due: claim a slot, renew its lease while the job runs, and record the outcome."""

from __future__ import annotations

import datetime as dt
import os
import socket
import sqlite3
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from operations.errors import BusyError, OperationsError
from operations.schedule.heartbeat import Heartbeat
from operations.schedule.rotating_log import RotatingLog
from operations.slots.changes import SCHEDULE
from operations.slots.records import record_path, records, schedules
from operations.slots.slots import Claim, Slots
from operations.slots.tables import short
from pipeline.config import RunConfig
from pipeline.errors import USER_ERRORS
from pipeline.files import explain

HOW = 'add to its file, say, schedule: {cron: "0 6 1 * *"}  # the first of each month at 06:00, UTC'
"""Advice for a configuration without a schedule."""
Job = Callable[[RunConfig, dt.datetime], str]
"""A function that takes a configuration and the instant of the start, and returns the result in one line."""
Clock = Callable[[], dt.datetime]
Log = Callable[[str], None]
LOG = "schedule.log"
"""Name of the log file beside the record of slots."""
BEATS = 3
"""Lease renewals per lease: two may fail before another process can take the slot."""


@dataclass(frozen=True)
class Attempt:
    """The outcome of one attempt at a slot.

    Attributes
    ----------
    job, reason : str
    due : datetime.datetime
    number : int
        Number of this attempt at the slot, from 1.
    outcome : str
        "done", "failed", "busy", or "lost": its lease expired and another process took the slot.
    message : str
        Result of the job, or the error message.
    """

    job: str
    due: dt.datetime
    reason: str
    number: int
    outcome: str
    message: str


def with_log_files(configs: Sequence[RunConfig], log: Log, clock: Clock) -> Log:
    """Return a log that also writes to the log file beside each record of these configurations."""
    paths = sorted({record_path(config).with_name(LOG) for config in configs})
    files = [RotatingLog(path) for path in paths]

    def tell(text: str) -> None:
        log(text)
        for file in files:
            file.write(text, clock())

    return tell


def run_due(configs: Sequence[RunConfig], job: Job, *, clock: Clock, log: Log) -> list[Attempt]:
    """Run every slot that is due and not running elsewhere; a failed slot waits for a later call.

    Any number of processes may call this at once, and any may be killed: each slot is done once.

    Parameters
    ----------
    configs : sequence of RunConfig
        Configurations without a schedule are ignored.
    job : callable
        Takes the configuration and the instant of the start; its result is recorded. It must be safe to start it again
        after it was killed.
    clock : callable
        Returns the current instant.
    log : callable
        Receives a line when an attempt starts and when it ends. The lines also go to `schedule.log` beside the record.

    Returns
    -------
    list of Attempt
        Includes one with the number 0 for each job of a record that cannot be read or written.
    """
    attempts: list[Attempt] = []
    for path, group in records(configs).items():
        log_line = with_log_files(list(group.values()), log, clock)
        try:
            _run_due(path, group, job, clock, log_line, attempts)
        except (OperationsError, OSError, sqlite3.Error) as error:
            # A record that is damaged or on a full disk does not affect the jobs of other records.
            text = explain(error) if isinstance(error, OSError) else str(error)
            for name in group:
                log_line(f"{name}: {text}")
                attempts.append(Attempt(name, clock(), SCHEDULE, 0, _outcome(error), text))
    return attempts


def _run_due(
    path: Path, group: dict[str, RunConfig], job: Job, clock: Clock, log: Log, attempts: list[Attempt]
) -> None:
    """Run the due slots of one record, and append each attempt to a list."""
    jobs, owner = schedules(group), f"{socket.gethostname()}/{os.getpid()}"
    with Slots(path) as slots:
        for name, schedule in jobs.items():
            slots.enter(name, schedule, clock())
        while (claim := slots.claim(jobs, owner, clock())) is not None:
            attempts.append(_attempt(slots, claim, group[claim.job], job, clock, log))


def _outcome(error: Exception) -> str:
    return "busy" if isinstance(error, BusyError) else "failed"


def request(config: RunConfig, reason: str, data: str, now: dt.datetime) -> bool:
    """Request an unscheduled training; the next `run_due` runs it like a scheduled one.

    Parameters
    ----------
    config : RunConfig
    reason : str
        Reason for the request, such as a drift alarm.
    data : str
        Identifies the data behind the request, such as its last date or a hash. Repeating the same reason for the same
        data has no effect.
    now : datetime.datetime

    Returns
    -------
    bool
        False if the same request was made before.

    Raises
    ------
    OperationsError
        If the configuration has no schedule, so that no scheduler would run the request.
    """
    if config.schedule is None:
        raise OperationsError(f"{config.name} is not scheduled, so nobody comes by to train it; {HOW}")
    with Slots(record_path(config)) as slots:
        return slots.request(config.name, reason, data, now)


def _attempt(slots: Slots, claim: Claim, config: RunConfig, job: Job, clock: Clock, log: Log) -> Attempt:
    """Run one claimed slot, and record its outcome."""
    schedule = schedules({claim.job: config})[claim.job]
    name = f"{claim.job}: slot of {short(claim.due)} ({claim.reason})"
    log(f"{name}: attempt {claim.number} begins")

    def renew() -> bool:
        with Slots(slots.path) as own_slots:
            return own_slots.renew(claim, schedule, clock())

    with Heartbeat(schedule.lease_seconds / BEATS, renew) as beat:
        try:
            message = job(config, clock())
            outcome, accepted = "done", slots.complete(claim, message, clock())
        except BusyError as error:
            outcome, message = "busy", str(error)
            accepted = slots.give_back(claim, message, clock(), wait=schedule.backoff_seconds, busy=True)
        except (KeyboardInterrupt, SystemExit):
            slots.give_back(claim, "told to stop", clock())
            log(f"{name}: attempt {claim.number} was told to stop; the next visit goes on")
            raise
        except Exception as error:  # noqa: BLE001 (whatever a job dies of, the schedule lives)
            outcome, message = "failed", _describe(error, log)
            accepted = slots.fail(claim, schedule, message, clock())
    if not accepted:
        lately = "its lease was lost while it ran" if beat.over else "its lease was over"
        outcome, message = "lost", f"{lately} and another has taken the slot; this had come of it: {message}"
    log(f"{name}: attempt {claim.number} {outcome}: {message}")
    return Attempt(claim.job, claim.due, claim.reason, claim.number, outcome, message)


def _describe(error: Exception, log: Log) -> str:
    """Return the error in one line; an unexpected exception also writes its traceback to the log."""
    if isinstance(error, USER_ERRORS):
        return str(error)
    if isinstance(error, OSError):
        return explain(error)
    log("".join(traceback.format_exception(error)).rstrip())
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"

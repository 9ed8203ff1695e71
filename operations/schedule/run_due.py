"""Do what is due: claim a slot, keep its lease while the job runs, and write how it ended."""

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
from operations.slots.changes import SCHEDULE, short
from operations.slots.slots import Claim, Slots
from pipeline.config import RunConfig
from pipeline.errors import USER_ERRORS
from pipeline.files import explain
from pipeline.settings.schedule import ScheduleSection

HOW = 'add to its file, say, schedule: {cron: "0 6 1 * *"}  # the first of each month at 06:00, UTC'
"""What to do about a configuration without a schedule."""
Job = Callable[[RunConfig, dt.datetime], str]
"""What is done: given a configuration and the instant at which it is started, it says in a line what came of it."""
Clock = Callable[[], dt.datetime]
Log = Callable[[str], None]
LOG = "schedule.log"
"""Log beside the record of slots."""
BEATS = 3
"""Renewals within the span of a lease: two may fail before another takes the slot."""


@dataclass(frozen=True)
class Attempt:
    """What came of one attempt at a slot.

    Attributes
    ----------
    job, reason : str
    due : datetime.datetime
    number : int
        Which attempt at this slot it was, from 1.
    outcome : str
        "done", "failed", "busy", or "lost": it took so long without a sign of life that another had taken the slot.
    told : str
        What the job said, or what went wrong.
    """

    job: str
    due: dt.datetime
    reason: str
    number: int
    outcome: str
    told: str


def record_path(config: RunConfig) -> Path:
    """Return the file that keeps the slots of this configuration and of all others with the same output."""
    return config.output / "operations" / "schedule.db"


def records(configs: Sequence[RunConfig]) -> dict[Path, dict[str, RunConfig]]:
    """Return the scheduled configurations by the file that keeps their slots, and by their name.

    Raises
    ------
    OperationsError
        If two of one file have the same name: they could not be told apart.
    """
    found: dict[Path, dict[str, RunConfig]] = {}
    for config in configs:
        if config.schedule is None:
            continue
        group = found.setdefault(record_path(config), {})
        if config.name in group:
            raise OperationsError(
                f"two scheduled configurations have the name {config.name!r} and the output {config.output}; "
                "give one of them another name"
            )
        group[config.name] = config
    return found


def schedules(group: dict[str, RunConfig]) -> dict[str, ScheduleSection]:
    """Return the schedules of configurations by name."""
    return {name: config.schedule for name, config in group.items() if config.schedule is not None}


def with_log_files(configs: Sequence[RunConfig], log: Log, clock: Clock) -> Log:
    """Return a log that also writes to the file beside each record of these configurations."""
    paths = sorted({record_path(config).with_name(LOG) for config in configs})
    files = [RotatingLog(path) for path in paths]

    def tell(text: str) -> None:
        log(text)
        for file in files:
            file.write(text, clock())

    return tell


def run_due(configs: Sequence[RunConfig], job: Job, *, clock: Clock, log: Log) -> list[Attempt]:
    """Do every slot that is due and that nobody else is doing; what fails waits for a later call.

    Any number of processes may do this at once, and any may be killed: a slot is done once.

    Parameters
    ----------
    configs : sequence of RunConfig
        Those without a schedule are left out.
    job : callable
        The configuration and the instant of the start; what it returns is kept. It must bear being started again
        after it was killed.
    clock : callable
        Gives the current instant.
    log : callable
        Is told each attempt, when it begins and when it ends. So is the log beside the record, `schedule.log`.

    Returns
    -------
    list of Attempt
        Also one for each job of a record that cannot be read or written, with the number 0.
    """
    attempts: list[Attempt] = []
    for path, group in records(configs).items():
        tell = with_log_files(list(group.values()), log, clock)
        try:
            _run_due(path, group, job, clock, tell, attempts)
        except (OperationsError, OSError, sqlite3.Error) as error:
            # A record that is damaged, or on a full disk, is no reason not to train what another record keeps.
            text = explain(error) if isinstance(error, OSError) else str(error)
            for name in group:
                tell(f"{name}: {text}")
                attempts.append(Attempt(name, clock(), SCHEDULE, 0, _outcome(error), text))
    return attempts


def _run_due(
    path: Path, group: dict[str, RunConfig], job: Job, clock: Clock, log: Log, attempts: list[Attempt]
) -> None:
    """Do what is due of one record, and add each attempt to a list."""
    jobs, owner = schedules(group), f"{socket.gethostname()}/{os.getpid()}"
    with Slots(path) as slots:
        for name, schedule in jobs.items():
            slots.enter(name, schedule, clock())
        while (claim := slots.claim(jobs, owner, clock())) is not None:
            attempts.append(_attempt(slots, claim, group[claim.job], job, clock, log))


def _outcome(error: Exception) -> str:
    return "busy" if isinstance(error, BusyError) else "failed"


def request(config: RunConfig, reason: str, data: str, now: dt.datetime) -> bool:
    """Ask for a training before its time; the next `run_due` does it like a scheduled one.

    Parameters
    ----------
    config : RunConfig
    reason : str
        Why, such as what has drifted.
    data : str
        What this was seen on, such as the last date or a hash: one reason asks once for the same data.
    now : datetime.datetime

    Returns
    -------
    bool
        False if it was asked for before.

    Raises
    ------
    OperationsError
        If the configuration has no schedule: nobody would come by.
    """
    if config.schedule is None:
        raise OperationsError(f"{config.name} is not scheduled, so nobody comes by to train it; {HOW}")
    with Slots(record_path(config)) as slots:
        return slots.request(config.name, reason, data, now)


def _attempt(slots: Slots, claim: Claim, config: RunConfig, job: Job, clock: Clock, log: Log) -> Attempt:
    """Do one slot that was claimed, and write how it ended."""
    schedule = schedules({claim.job: config})[claim.job]
    name = f"{claim.job}: slot of {short(claim.due)} ({claim.reason})"
    log(f"{name}: attempt {claim.number} begins")

    def renew() -> bool:
        with Slots(slots.path) as mine:
            return mine.renew(claim, schedule, clock())

    with Heartbeat(schedule.lease_seconds / BEATS, renew) as beat:
        try:
            told = job(config, clock())
            outcome, kept = "done", slots.complete(claim, told, clock())
        except BusyError as error:
            outcome, told = "busy", str(error)
            kept = slots.give_back(claim, told, clock(), wait=schedule.backoff_seconds, busy=True)
        except (KeyboardInterrupt, SystemExit):
            slots.give_back(claim, "told to stop", clock())
            log(f"{name}: attempt {claim.number} was told to stop; the next visit goes on")
            raise
        except Exception as error:  # noqa: BLE001 (whatever a job dies of, the schedule lives)
            outcome, told = "failed", _describe(error, log)
            kept = slots.fail(claim, schedule, told, clock())
    if not kept:
        lately = "its lease was lost while it ran" if beat.over else "its lease was over"
        outcome, told = "lost", f"{lately} and another has taken the slot; this had come of it: {told}"
    log(f"{name}: attempt {claim.number} {outcome}: {told}")
    return Attempt(claim.job, claim.due, claim.reason, claim.number, outcome, told)


def _describe(error: Exception, log: Log) -> str:
    """Return one line on what went wrong; a mistake in the program also leaves its traceback in the log."""
    if isinstance(error, USER_ERRORS):
        return str(error)
    if isinstance(error, OSError):
        return explain(error)
    log("".join(traceback.format_exception(error)).rstrip())
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(place.filename).name}, line {place.lineno})"

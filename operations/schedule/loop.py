"""The scheduler loop: sleep until a slot is due, start `tangency run-due`, and write a heartbeat. It needs no server.

A child process (`tangency run-due`) does the work, so the loop stays small and survives work that crashes or runs out
of memory. All state is in the record of slots: the loop may be killed and restarted, and two loops may run at once.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

from operations.errors import OperationsError
from operations.schedule import scheduler_process
from operations.schedule.heartbeat import Heartbeat
from operations.schedule.run_due import Clock, Log
from operations.slots.history import next_visit
from operations.slots.records import records, schedules
from operations.slots.slots import Slots
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.files import explain
from pipeline.stopping import STOPPING

LONGEST = 60.0
"""Longest sleep in seconds. The clock may change, a request arrive, or a file be edited in the meantime."""
SHORTEST = 1.0
"""Shortest sleep in seconds, used while another process works on a slot that is due."""

T = TypeVar("T")
Read = Callable[[], Sequence[RunConfig]]


def keep_schedules(read: Read, visit: Callable[[], None], *, clock: Clock, stop: Stop, log: Log) -> None:
    """Keep the schedules until `stop` is set.

    Parameters
    ----------
    read : callable
        Returns the configurations. It is called before each sleep, so that an edited file takes effect. While it
        raises a user error, the previous configurations stay in force.
    visit : callable
        Runs the slots that are due.
    clock : callable
        Returns the current instant.
    stop : Stop
    log : callable
        Receives each message.
    """
    owner = f"{socket.gethostname()}/{os.getpid()}"
    configs, problem = list(read()), ""
    paths: set[Path] = set()
    reported: set[str] = set()

    def sign(write: Callable[..., None], where: set[Path]) -> dict[Path, str]:
        """Write a heartbeat to each record, and return the error of each record that cannot be written."""
        return _for_each(where, lambda slots: write(slots.connection, owner, clock()))[1]

    def beat() -> bool:
        sign(scheduler_process.beat, set(paths))
        return True

    with Heartbeat(scheduler_process.EVERY, beat):
        while not stop.is_set():
            configs, problem = _read_again(read, configs, problem, log)
            new = set(records(configs)) - paths
            paths |= new - set(sign(scheduler_process.begin, new))
            next_due, errors = _next(configs, clock())
            if next_due is not None and next_due <= clock():
                try:
                    visit()
                except OSError as error:  # no memory for a child process: try again later
                    log(explain(error))
                next_due, errors = _next(configs, clock())
            for text in sorted(set(errors) - reported):
                log(text)
            reported = set(errors)
            stop.wait(_seconds(next_due, clock()))
    sign(scheduler_process.end, paths)


def _for_each(paths: Iterable[Path], do: Callable[[Slots], T]) -> tuple[list[T], dict[Path, str]]:
    """Apply `do` to each record; return the results, and the error of each record for which it failed.

    A record that is damaged, locked or on a full disk does not affect the others.
    """
    results: list[T] = []
    errors: dict[Path, str] = {}
    for path in sorted(paths):
        try:
            with Slots(path) as slots:
                results.append(do(slots))
        except OSError as error:
            errors[path] = explain(error)
        except (OperationsError, sqlite3.Error) as error:
            errors[path] = str(error)
    return results, errors


def _next(configs: Sequence[RunConfig], now: dt.datetime) -> tuple[dt.datetime | None, list[str]]:
    """Return when the next slot of all records is due, and the errors of records that cannot be read."""
    groups = records(configs)
    times, errors = _for_each(
        groups, lambda slots: next_visit(slots.connection, schedules(groups[slots.path]), now)
    )
    return min((time for time in times if time is not None), default=None), list(errors.values())


def _seconds(coming: dt.datetime | None, now: dt.datetime) -> float:
    if coming is None:
        return LONGEST
    return min(max((coming - now).total_seconds(), SHORTEST), LONGEST)


def _read_again(read: Read, before: list[RunConfig], reported: str, log: Log) -> tuple[list[RunConfig], str]:
    """Return the present configurations, or on error the previous ones and the message, which is logged once."""
    try:
        configs = list(read())
        records(configs)
    except (ConfigError, OperationsError, OSError) as error:
        if str(error) != reported:
            log(f"the configurations read before go on counting: {error}")
        return before, str(error)
    return configs, ""


class Stop:
    """An event that a signal handler may set.

    A handler must not set a `threading.Event`: `wait` holds its lock for an instant, and a handler that interrupts that
    instant would deadlock. `SimpleQueue.put` is reentrant and therefore safe in handlers.
    """

    def __init__(self) -> None:
        self._wakeups: SimpleQueue[None] = SimpleQueue()
        self._set = False

    def set(self) -> None:
        """End all waits."""
        self._set = True
        self._wakeups.put(None)

    def is_set(self) -> bool:
        """Whether `set` was called."""
        return self._set

    def wait(self, seconds: float) -> None:
        """Wait until `set` is called, at most this many seconds."""
        if not self._set:
            with suppress(Empty):
                self._wakeups.get(timeout=seconds)


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Yield an event that SIGTERM and SIGINT set instead of ending the process."""
    stop = Stop()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in STOPPING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def visit_by(command: Sequence[str], stop: Stop, log: Log) -> None:
    """Run the slots that are due in a child process; on `stop`, interrupt it so that it gives its slot back.

    Parameters
    ----------
    command : sequence of str
        `tangency run-due` with its configurations.
    """
    # In a separate session: the loop receives Ctrl-C and forwards it once.
    child = subprocess.Popen(list(command), start_new_session=True)  # noqa: S603 (our own command)
    interrupted = False
    while True:
        try:
            code = child.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            if stop.is_set() and not interrupted:
                child.send_signal(signal.SIGINT)
                interrupted = True
        else:
            break
    if code not in (0, 1, 2) and not interrupted:  # 1 and 2: it has reported the failure or mistake itself
        log(
            f"{Path(command[0]).name} run-due ended with {code}; what it was doing is taken up when its lease is over"
        )

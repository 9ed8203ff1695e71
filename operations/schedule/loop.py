"""The loop that needs no server: sleep until something is due, have it done, and show that it lives.

The work is done by another process (`tangency run-due`), so that the loop stays small, and outlives work that
crashes or runs out of memory. Everything that must not be forgotten is in the record of slots: the loop may be
killed and started again, and two of them may run side by side.
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
from operations.schedule import scheduler_process as loops
from operations.schedule.heartbeat import Heartbeat
from operations.schedule.run_due import Clock, Log, records, schedules
from operations.slots.history import next_visit
from operations.slots.slots import Slots
from pipeline.config import RunConfig
from pipeline.errors import ConfigError
from pipeline.files import explain
from pipeline.stopping import STOPPING

LONGEST = 60.0
"""Seconds after which the loop looks again: a clock may have leapt, a request come in, a file have been edited."""
SHORTEST = 1.0
"""Seconds between two visits, when one that was due is being done by somebody else."""

T = TypeVar("T")
Read = Callable[[], Sequence[RunConfig]]


def keep_schedules(read: Read, visit: Callable[[], None], *, clock: Clock, stop: Stop, log: Log) -> None:
    """Keep the schedules until `stop` is set.

    Parameters
    ----------
    read : callable
        Gives the configurations; called again and again, so that an edited file counts from the next look on. While
        it raises an error of the user's the ones before count.
    visit : callable
        Does what is due.
    clock : callable
        Gives the current instant.
    stop : Stop
    log : callable
        Is told what was found.
    """
    owner = f"{socket.gethostname()}/{os.getpid()}"
    configs, problem = list(read()), ""
    paths: set[Path] = set()
    reported: set[str] = set()

    def sign(write: Callable[..., None], where: set[Path]) -> dict[Path, str]:
        """Write a sign of life to each record, and return what is wrong with those that cannot be written."""
        return _for_each(where, lambda slots: write(slots.connection, owner, clock()))[1]

    def beat() -> bool:
        sign(loops.beat, set(paths))
        return True

    with Heartbeat(loops.EVERY, beat):
        while not stop.is_set():
            configs, problem = _read_again(read, configs, problem, log)
            new = set(records(configs)) - paths
            paths |= new - set(sign(loops.begin, new))
            coming, troubles = _next(configs, clock())
            if coming is not None and coming <= clock():
                try:
                    visit()
                except OSError as error:  # no memory for another process: looking again in a while helps
                    log(explain(error))
                coming, troubles = _next(configs, clock())
            for text in sorted(set(troubles) - reported):
                log(text)
            reported = set(troubles)
            stop.wait(_seconds(coming, clock()))
    sign(loops.end, paths)


def _for_each(paths: Iterable[Path], do: Callable[[Slots], T]) -> tuple[list[T], dict[Path, str]]:
    """Do something with each record; return what came of it, and what is wrong with those it could not be done with.

    One record that is damaged, held by others or on a full disk does not stop what is done with the others.
    """
    done: list[T] = []
    wrong: dict[Path, str] = {}
    for path in sorted(paths):
        try:
            with Slots(path) as slots:
                done.append(do(slots))
        except OSError as error:
            wrong[path] = explain(error)
        except (OperationsError, sqlite3.Error) as error:
            wrong[path] = str(error)
    return done, wrong


def _next(configs: Sequence[RunConfig], now: dt.datetime) -> tuple[dt.datetime | None, list[str]]:
    """Return when something is due next, of all records, and what is wrong with those that cannot be read."""
    groups = records(configs)
    times, wrong = _for_each(
        groups, lambda slots: next_visit(slots.connection, schedules(groups[slots.path]), now)
    )
    return min((time for time in times if time is not None), default=None), list(wrong.values())


def _seconds(coming: dt.datetime | None, now: dt.datetime) -> float:
    if coming is None:
        return LONGEST
    return min(max((coming - now).total_seconds(), SHORTEST), LONGEST)


def _read_again(read: Read, before: list[RunConfig], reported: str, log: Log) -> tuple[list[RunConfig], str]:
    """Return the configurations as they are now, or those before with what is wrong, which is reported once."""
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

    `threading.Event` may not be: its lock is held for an instant around each wait, and a handler that comes in that
    instant waits for the code that it interrupted, forever. A SimpleQueue is made for handlers.
    """

    def __init__(self) -> None:
        self._told: SimpleQueue[None] = SimpleQueue()
        self._set = False

    def set(self) -> None:
        """End all waiting."""
        self._set = True
        self._told.put(None)

    def is_set(self) -> bool:
        """Whether `set` was called."""
        return self._set

    def wait(self, seconds: float) -> None:
        """Wait until `set` is called, or so long."""
        if not self._set:
            with suppress(Empty):
                self._told.get(timeout=seconds)


@contextmanager
def stop_on_signals() -> Iterator[Stop]:
    """Give an event that SIGTERM and SIGINT set, in place of ending the process."""
    stop = Stop()
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in STOPPING}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def visit_by(command: Sequence[str], stop: Stop, log: Log) -> None:
    """Do what is due in a process of its own; when told to stop, have it give back what it was doing.

    Parameters
    ----------
    command : sequence of str
        `tangency run-due` with its configurations.
    """
    # In a session of its own: Ctrl-C is for the loop, which passes it on once.
    child = subprocess.Popen(list(command), start_new_session=True)  # noqa: S603 (our own command)
    asked = False
    while True:
        try:
            code = child.wait(timeout=0.2)
        except subprocess.TimeoutExpired:
            if stop.is_set() and not asked:
                child.send_signal(signal.SIGINT)
                asked = True
        else:
            break
    if code not in (0, 1, 2) and not asked:  # 1 and 2 are a failure and a mistake, which it has told itself
        log(
            f"{Path(command[0]).name} run-due ended with {code}; what it was doing is taken up when its lease is over"
        )

"""The loop of a watch: poll, update, predict, and wait longer after errors."""

from __future__ import annotations

import datetime as dt
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock, Timeout

from operations.champion.decisions import Decisions
from operations.champion.run_files import advise_on_champion
from operations.data.updating import versions_of
from operations.errors import BusyError
from operations.watch.child import run_command
from operations.watch.record import WatchRecord, read_watch, watch_path, write_watch
from operations.watch.sources import find_places, fingerprint
from pipeline.config import load_config
from pipeline.errors import USER_ERRORS
from pipeline.files import explain, make_folder

BEAT = 30.0
"""Seconds between two heartbeats."""
LONGEST_WAIT = 6 * 3600.0
"""Longest wait in seconds after errors, unless polls are rarer."""
Log = Callable[[str], None]


@dataclass(frozen=True)
class Tools:
    """What a watch uses; tests replace it.

    Attributes
    ----------
    log : callable
        Receives each message.
    run : callable
        `operations.watch.child.run_command`.
    sleep : callable
    clock : callable
        Returns the present instant.
    """

    log: Log
    run: Callable[[list[str], Log, Callable[[], None]], tuple[int, str]] = run_command
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], dt.datetime] = lambda: dt.datetime.now(dt.UTC)


class Watch:
    """A watch of one configuration.

    Parameters
    ----------
    path : Path
        The configuration file. It is read again in each round.
    every : float
        Seconds between two polls.
    tools : Tools
    """

    def __init__(self, path: Path, every: float, tools: Tools) -> None:
        self.path = path
        self.config = load_config(path)
        find_places(self.config)
        self.tools = tools
        now = tools.clock()
        owner = f"{socket.gethostname()}/{os.getpid()}"
        self.record = WatchRecord(owner, every, now, now)
        self._seen: tuple[str, ...] = ()
        self._owes_forecast = False

    def run(self, rounds: int | None = None) -> None:
        """Poll until interrupted, or for some rounds.

        Raises
        ------
        BusyError
            If another watch of the configuration runs.
        """
        with self._lock():
            try:
                while rounds is None or rounds > 0:
                    self.go_round()
                    rounds = None if rounds is None else rounds - 1
                    if rounds != 0:
                        self._wait(self._next_wait())
            finally:
                self._note(ended=self.tools.clock())

    def go_round(self) -> None:
        """Poll once; if something is new, update and predict. An error is logged and counted."""
        try:
            self._poll()
        except USER_ERRORS as error:
            self._fail(str(error))
        except OSError as error:
            self._fail(explain(error))

    def _poll(self) -> None:
        self.config = load_config(self.path)
        seen = fingerprint(self.config)
        self._note(polled=self.tools.clock())
        if seen != self._seen and self._update():
            self._seen = seen
            if self.record.failures:
                self.tools.log("works again")
            self._note(failures=0, error="")
        elif seen == self._seen:
            self._note(failures=0, error="")

    def _update(self) -> bool:
        """Run update, and predict if new data was recorded; return whether both succeeded."""
        before = self._newest_version()
        if not self._run_command("update"):
            return False
        if self._newest_version() != before:
            self._note(changed=self.tools.clock())
            self._owes_forecast = True
        if self._owes_forecast and Decisions(self.config).champion() is None:
            self.tools.log(f"no forecast, since there is no champion: {advise_on_champion(self.config)}")
        elif self._owes_forecast and not self._run_command("predict"):
            return False
        self._owes_forecast = False
        return True

    def _run_command(self, name: str) -> bool:
        code, last = self.tools.run([name, "--config", str(self.path)], self.tools.log, self._beat)
        if code:
            self._fail(f"tangency {name} ended with {code}: {last}")
        return code == 0

    def _newest_version(self) -> int:
        return len(versions_of(self.config).log())

    def _fail(self, reason: str) -> None:
        failures = self.record.failures + 1
        self._note(failures=failures, error=reason)
        self.tools.log(f"failed, again in {self._next_wait():.0f} s: {reason}")

    def _next_wait(self) -> float:
        """Return the seconds to the next poll: twice as many after each further error."""
        every = self.record.every
        return min(every * 2.0**self.record.failures, max(every, LONGEST_WAIT))

    def _wait(self, seconds: float) -> None:
        while seconds > 0:
            self.tools.sleep(min(seconds, BEAT))
            seconds -= BEAT
            self._beat()

    def _beat(self) -> None:
        if (self.tools.clock() - self.record.heartbeat).total_seconds() >= BEAT:
            self._note()

    def _note(self, **changes: object) -> None:
        """Change the record, and write it with a heartbeat; on a full disk the next heartbeat tries again."""
        self.record = replace(self.record, heartbeat=self.tools.clock(), **changes)  # type: ignore[arg-type]
        with suppress(OSError):
            write_watch(watch_path(self.config), self.record)

    @contextmanager
    def _lock(self) -> Iterator[None]:
        path = watch_path(self.config)
        make_folder(path.parent)
        lock = FileLock(path.with_name(".watch.lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout as error:
            other = read_watch(path)
            who = "" if other is None else f" ({other.owner}, since {other.began:%Y-%m-%d %H:%M} UTC)"
            raise BusyError(f"{self.config.name}: another watch of this configuration runs{who}") from error
        with lock:
            yield
        lock.release(force=True)

"""Run one scheduled training in a process of its own, so that nothing it does ends the others.

An exception, an exit, a crash, the kernel that takes memory back and a hang all become one error of this training.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import IO

from operations.errors import BusyError, JobError
from pipeline.config import RunConfig

COMMAND = (sys.executable, "-m", "operations.schedule.job")
GRACE = 10.0
"""Seconds that a process has to end after it was asked to, before it is killed."""
_WAIT = 0.2


def run_job(
    config: RunConfig,
    now: dt.datetime,
    *,
    time_limit: float,
    log: Callable[[str], None],
    command: Sequence[str] = COMMAND,
) -> str:
    """Train a configuration in a process of its own, and return what was decided in a line.

    Parameters
    ----------
    config : RunConfig
    now : datetime
        With a time zone; the instant of the training.
    time_limit : float
        Seconds after which the process is ended.
    log : callable
        Takes each line that the process prints.
    command : sequence of str
        The process; the descriptor for its answer is added.

    Raises
    ------
    BusyError
        If another process is training this configuration.
    JobError
        If the training failed, or its process ended without an answer or was out of time.
    """
    answers, answer = os.pipe()
    process = subprocess.Popen(  # noqa: S603 (our own command)
        [*command, str(answer)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[answer],
        start_new_session=True,  # Ctrl-C is for this process, which passes it on; and all of it can be ended at once
    )
    os.close(answer)
    reader = threading.Thread(target=_copy_lines, args=(process.stdout, log), daemon=True, name="job output")
    reader.start()
    try:
        _ask(process, config, now)
        in_time = _wait(process, time_limit)
    except BaseException:
        _end(process, signal.SIGINT)
        raise
    finally:
        if process.poll() is None:
            _end(process, signal.SIGTERM)
        reader.join(GRACE)
        with os.fdopen(answers, "rb") as pipe:
            os.set_blocking(pipe.fileno(), False)  # a child of the process may still hold the other end
            text = pipe.read() or b""
        if process.stdin is not None:
            with suppress(OSError):
                process.stdin.close()
    if not in_time:
        raise JobError(
            f"it took longer than schedule.time_limit_seconds, {time_limit:g} s, and was ended; raise the limit if "
            "the training needs more"
        )
    return _result(text, process.returncode)


def _ask(process: subprocess.Popen[bytes], config: RunConfig, now: dt.datetime) -> None:
    asked = json.dumps({"config": config.model_dump_json(), "now": now.isoformat()})
    with suppress(BrokenPipeError):  # it has ended already: its exit code says how
        if process.stdin is not None:
            process.stdin.write(asked.encode() + b"\n")
            process.stdin.flush()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait until a process has ended; False if it has not after so long. The clock of the machine may be moved."""
    end = time.monotonic() + seconds
    while True:
        try:
            process.wait(timeout=min(_WAIT, max(end - time.monotonic(), 0.0)))
        except subprocess.TimeoutExpired:
            if time.monotonic() >= end:
                return False
        else:
            return True


def _end(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """End a process and all that it has started: first by a signal, then by force."""
    for each in (number, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, each)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE)
            break
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # what it has left behind


def _copy_lines(output: IO[bytes] | None, log: Callable[[str], None]) -> None:
    if output is not None:
        with output:
            for line in output:
                log(line.decode(errors="replace").rstrip("\n"))


def _result(text: bytes, code: int) -> str:
    """Return what a process has answered, or raise what it says."""
    try:
        answer = json.loads(text)
        outcome, said = str(answer["outcome"]), str(answer["text"])
    except (ValueError, KeyError, TypeError):
        raise JobError(_how_it_ended(code)) from None
    if outcome == "busy":
        raise BusyError(said)
    if outcome != "done":
        raise JobError(said)
    return said


def _how_it_ended(code: int) -> str:
    if code == -signal.SIGKILL:
        return "its process was killed (SIGKILL), by somebody or because the machine had no memory left"
    if code < 0:
        return f"its process was ended by the signal {signal.Signals(-code).name}"
    return f"its process ended with the exit code {code} and no answer"

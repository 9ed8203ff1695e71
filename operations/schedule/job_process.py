"""Run one scheduled training in a separate process, so that its failure cannot end other trainings.

An exception, an exit, a crash, a kill for lack of memory and a hang all become one error of this training.
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
"""Seconds that a process may take to end after the first signal, before it is killed."""
_WAIT = 0.2


def run_job(
    config: RunConfig,
    now: dt.datetime,
    *,
    time_limit: float,
    log: Callable[[str], None],
    command: Sequence[str] = COMMAND,
) -> str:
    """Train a configuration in a separate process, and return the decision in one line.

    Parameters
    ----------
    config : RunConfig
    now : datetime
        With a time zone; the instant of the training.
    time_limit : float
        Seconds after which the process is stopped.
    log : callable
        Receives each line that the process prints.
    command : sequence of str
        Command line of the process; the file descriptor for its answer is appended.

    Raises
    ------
    BusyError
        If another process is training this configuration.
    JobError
        If the training failed, or its process ended without an answer or timed out.
    """
    answers, answer = os.pipe()
    process = subprocess.Popen(  # noqa: S603 (our own command)
        [*command, str(answer)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        pass_fds=[answer],
        start_new_session=True,  # this process forwards Ctrl-C, and can kill the whole process group
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
    request = json.dumps({"config": config.model_dump_json(), "now": now.isoformat()})
    with suppress(BrokenPipeError):  # the process has ended already; its exit code gives the reason
        if process.stdin is not None:
            process.stdin.write(request.encode() + b"\n")
            process.stdin.flush()


def _wait(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait until a process has ended; False after the timeout. Changes of the system clock have no effect."""
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
    """End a process and its children: send a signal first, then kill the process group."""
    for each in (number, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, each)
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=GRACE)
            break
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)  # children that are still running


def _copy_lines(output: IO[bytes] | None, log: Callable[[str], None]) -> None:
    if output is not None:
        with output:
            for line in output:
                log(line.decode(errors="replace").rstrip("\n"))


def _result(text: bytes, code: int) -> str:
    """Return the answer of a process, or raise the error that it reports."""
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

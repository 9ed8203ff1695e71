"""A scheduled training in a process of its own: whatever it does, it is one failed attempt."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scheduled import scheduled

from operations.errors import BusyError, JobError
from operations.schedule import job_process
from operations.schedule.job_process import run_job

ROOT = Path(__file__).resolve().parents[3]
NOW = dt.datetime(2026, 5, 1, 6, tzinfo=dt.UTC)
ASKED = """
import json, os, signal, sys, time
asked = json.loads(sys.stdin.readline())
def answer(outcome, text):
    os.write(int(sys.argv[1]), json.dumps({"outcome": outcome, "text": text}).encode())
"""


def run(folder, code, *, time_limit=30.0, log=None):
    command = (sys.executable, "-c", ASKED + code)
    log = [] if log is None else log
    return run_job(scheduled(folder), NOW, time_limit=time_limit, log=log.append, command=command)


def gone(pid):
    """Whether a process has ended; one that nobody has waited for has."""
    status = Path(f"/proc/{pid}/status")
    return not status.exists() or "State:\tZ" in status.read_text()


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)


def test_the_process_is_given_configuration_and_instant_and_its_answer_is_returned(tmp_path):
    code = """
from pipeline.config import RunConfig
config = RunConfig.model_validate_json(asked["config"])
print("a line", flush=True)
print("an error", file=sys.stderr)
answer("done", f"{config.name} at {asked['now']}")
"""
    log = []
    assert run(tmp_path, code, log=log) == "mine at 2026-05-01T06:00:00+00:00"
    assert sorted(log) == ["a line", "an error"]


@pytest.mark.parametrize(
    "code, message",
    [
        ("answer('failed', 'the data has not come')", "^the data has not come$"),
        ("os._exit(3)", "exit code 3 and no answer"),
        ("sys.exit(0)", "exit code 0 and no answer"),
        ("raise KeyError('x')", "exit code 1 and no answer"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ended by the signal SIGSEGV"),
        ("os.kill(os.getpid(), signal.SIGKILL)", "was killed .* no memory left"),
        ('os.write(int(sys.argv[1]), b\'{"outcome": "do\'); os._exit(9)', "exit code 9 and no answer"),
    ],
)
def test_whatever_it_dies_of_is_one_error(tmp_path, code, message):
    with pytest.raises(JobError, match=message):
        run(tmp_path, code)


def test_a_busy_one_is_no_failure(tmp_path):
    with pytest.raises(BusyError, match="another process"):
        run(tmp_path, "answer('busy', 'another process is retraining')")


def test_one_that_hangs_is_ended_with_all_that_it_started(tmp_path, monkeypatch):
    monkeypatch.setattr(job_process, "GRACE", 0.3)
    code = """
import subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "600"])
print(child.pid, os.getpid(), flush=True)
time.sleep(600)
"""
    log, began = [], time.monotonic()
    with pytest.raises(JobError, match=r"longer than schedule.time_limit_seconds, 1.5 s"):
        run(tmp_path, code, time_limit=1.5, log=log)
    assert time.monotonic() - began < 30
    for pid in log[0].split():
        until(lambda pid=pid: gone(pid))


def test_a_parent_that_is_killed_takes_it_along(tmp_path):
    """The watch is that of the real process; only what it trains is replaced."""
    child = """
import sys, time
from operations.schedule import job
def train(config, now):
    import os
    print(os.getpid(), flush=True)
    time.sleep(600)
job.train = train
job._run_process()
"""
    parent = """
import datetime as dt, sys
from scheduled import scheduled
from operations.schedule.job_process import run_job
run_job(scheduled(sys.argv[1]), dt.datetime.now(dt.UTC), time_limit=60, log=lambda line: print(line, flush=True),
        command=(sys.executable, "-c", sys.argv[2]))
"""
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "contracts")])
    command = [sys.executable, "-c", parent, str(tmp_path), child]
    process = subprocess.Popen(
        command, env=os.environ | {"PYTHONPATH": path}, stdout=subprocess.PIPE, text=True
    )
    pid = process.stdout.readline().strip()
    assert not gone(pid)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    until(lambda: gone(pid))


def test_an_interrupted_parent_ends_it_and_is_interrupted(tmp_path, monkeypatch):
    def stop(process, seconds):
        raise KeyboardInterrupt

    log = []
    ask = job_process._ask

    def ask_and_wait(process, config, now):
        ask(process, config, now)
        until(lambda: log)

    monkeypatch.setattr(job_process, "_ask", ask_and_wait)
    monkeypatch.setattr(job_process, "_wait", stop)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, "print(os.getpid(), flush=True)\ntime.sleep(600)", log=log)
    until(lambda: gone(log[0]))

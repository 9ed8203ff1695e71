"""Real processes on one record, killed in the middle: each slot is done exactly once."""

import datetime as dt
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scheduled import scheduled, scheduled_text

from operations.schedule.run_due import request
from operations.slots.records import record_path
from operations.slots.slots import Slots

JOBS = ("mine", "yours", "theirs")
ROOT = Path(__file__).resolve().parents[2]
WORKER = """
import datetime as dt, os, sys, time
from pathlib import Path
from pipeline.config import load_config
from operations.schedule.run_due import run_due
configs = [load_config(path) for path in sorted(Path(sys.argv[1]).glob("*.yaml"))]
log = Path(sys.argv[2])
def tell(text):
    with log.open("a") as file:
        file.write(f"{os.getpid()} {text}" + chr(10))
def job(config, now):
    tell(f"works on {config.name}")
    time.sleep(float(sys.argv[3]))
    return str(os.getpid())
while not log.with_name("stop").exists():
    run_due(configs, job, clock=lambda: dt.datetime.now(dt.UTC), log=tell)
    time.sleep(0.02)
"""


@pytest.fixture
def workers(tmp_path):
    """Return a function that starts a worker; all that were started are ended."""
    started = []
    for name in JOBS:
        text = scheduled_text(tmp_path, name, cron="0 0 1 1 *", lease_seconds=1, backoff_seconds=0.05)
        (tmp_path / f"{name}.yaml").write_text(text)

    def start(seconds):
        command = [sys.executable, "-c", WORKER, str(tmp_path), str(tmp_path / "log"), str(seconds)]
        started.append(subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True))
        return started[-1]

    yield start
    (tmp_path / "stop").touch()
    for process in started:
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stderr.close()


def lines(folder):
    path = folder / "log"
    return path.read_text().splitlines() if path.exists() else []


def until(what, seconds=20):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.01)


def rows(folder, what):
    with Slots(record_path(scheduled(folder))) as slots:
        return [tuple(row) for row in slots.connection.execute(what)]


def now():
    return dt.datetime.now(dt.UTC)


def test_two_workers_of_which_one_is_killed_do_each_slot_once(tmp_path, workers):
    for number in range(12):
        request(scheduled(tmp_path, JOBS[number % 3]), f"reason {number}", "", now())
    pair = [workers(0.15), workers(0.15)]

    def at_work():
        """Return a worker that is in the middle of a slot, when both have done something."""
        result = lines(tmp_path)
        if not all(any(f"{w.pid} " in line and " done: " in line for line in result) for w in pair):
            return None
        return next((w for w in pair if f"{w.pid} works on " in result[-1]), None)

    until(lambda: at_work() is not None)
    killed = at_work()
    killed.kill()
    killed.wait()
    until(lambda: rows(tmp_path, "select count(*) from slot where state = 'done'") == [(12,)])
    done = rows(tmp_path, "select slot, count(*) from attempt where outcome = 'done' group by slot")
    assert [count for _, count in done] == [1] * 12
    [(lost,)] = rows(tmp_path, "select count(*) from attempt where outcome = 'lost'")
    assert lost == 1
    # What was begun is what was done, and the one that was killed in the middle.
    until(lambda: sum(" done: " in line for line in lines(tmp_path)) == 12)
    assert sum(" works on " in line for line in lines(tmp_path)) == 13


def test_a_restart_goes_on_with_what_a_killed_worker_had_begun(tmp_path, workers):
    request(scheduled(tmp_path), "drift", "", now())
    first = workers(30)
    until(lambda: any(" works on " in line for line in lines(tmp_path)))
    first.kill()
    first.wait()
    began = time.monotonic()
    workers(0)
    until(lambda: any(" done: " in line for line in lines(tmp_path)))
    assert time.monotonic() - began < 15
    assert rows(tmp_path, "select state, attempts from slot") == [("done", 2)]
    assert rows(tmp_path, "select outcome from attempt order by number") == [("lost",), ("done",)]


def test_a_worker_that_hangs_and_comes_back_may_not_say_done(tmp_path, workers):
    request(scheduled(tmp_path), "drift", "", now())
    slow = workers(1.0)
    until(lambda: any(" works on " in line for line in lines(tmp_path)))
    os.kill(slow.pid, signal.SIGSTOP)
    time.sleep(1.2)
    workers(0)
    until(lambda: any(" done: " in line for line in lines(tmp_path)))
    os.kill(slow.pid, signal.SIGCONT)
    until(lambda: any(line.startswith(f"{slow.pid} ") and " lost: " in line for line in lines(tmp_path)))
    assert rows(tmp_path, "select state, attempts from slot") == [("done", 2)]


def test_many_that_open_a_new_record_at_once_all_get_it(tmp_path):
    code = (
        "import sys; from pathlib import Path; from operations.slots.slots import Slots\n"
        "print('ready', flush=True); sys.stdin.readline(); Slots(Path(sys.argv[1]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "schedule.db")]
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    many = [subprocess.Popen(command, cwd=ROOT, text=True, **pipes) for _ in range(4)]
    assert [process.stdout.readline() for process in many] == ["ready\n"] * 4
    for process in many:
        process.stdin.write("go\n")
        process.stdin.flush()
    result = [process.communicate()[1] for process in many]
    assert [process.returncode for process in many] == [0] * 4, result

"""The loop: it comes by when something is due, shows that it lives, and stops when it is told to."""

import datetime as dt
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from scheduled import Clock, scheduled, scheduled_text

from operations.schedule import loop as scheduling
from operations.schedule import scheduler_process
from operations.schedule.run_due import request, run_due
from operations.slots.records import record_path
from operations.slots.slots import Slots
from pipeline.errors import ConfigError

ROOT = Path(__file__).resolve().parents[2]
FIVE = dt.datetime(2026, 5, 1, 5, tzinfo=dt.UTC)


class Stop(scheduling.Stop):
    """An event whose waits move a clock, and that is set after some of them."""

    def __init__(self, clock, rounds, between=lambda number: None):
        super().__init__()
        self.clock, self.rounds, self.between = clock, rounds, between
        self.waits = []

    def wait(self, seconds):
        self.waits.append(seconds)
        self.between(len(self.waits))
        self.clock.go(seconds=seconds)
        if len(self.waits) >= self.rounds:
            self.set()


def keep(config, clock, rounds, *, read=None, between=lambda number: None, log=None):
    """Run the loop for some rounds; return what was done, with its instants, and the waits."""
    done = []

    def job(config, now):
        done.append(now)
        return "trained"

    def visit():
        run_due((read or (lambda: [config]))(), job, clock=clock, log=[].append)

    stop = Stop(clock, rounds, between)
    log = [] if log is None else log
    scheduling.keep_schedules(read or (lambda: [config]), visit, clock=clock, stop=stop, log=log.append)
    return done, stop.waits


def test_it_sleeps_until_a_slot_is_due_and_comes_by_once(tmp_path):
    clock = Clock(FIVE + dt.timedelta(minutes=58, seconds=30))
    done, waits = keep(scheduled(tmp_path), clock, 6)
    assert waits == [60, 30, 60, 60, 60, 60]
    assert done == [FIVE + dt.timedelta(hours=1)]


def test_a_day_away_costs_one_run_of_the_latest_slot(tmp_path):
    config = scheduled(tmp_path, cron="0 * * * *")
    clock = Clock(FIVE + dt.timedelta(minutes=30))
    keep(config, clock, 1)
    clock.go(hours=24)
    done, _ = keep(config, clock, 3)
    assert len(done) == 1
    with Slots(record_path(config)) as slots:
        states = [row[0] for row in slots.connection.execute("select state from slot order by due")]
    assert states == ["skipped"] * 23 + ["done"]


def test_a_request_is_noticed_within_a_minute(tmp_path):
    config, clock = scheduled(tmp_path), Clock(FIVE)
    asked = []

    def between(number):
        if number == 3:
            asked.append(clock())
            request(config, "drift", "april", clock())

    done, _ = keep(config, clock, 6, between=between)
    assert len(done) == 1
    assert done[0] - asked[0] <= dt.timedelta(seconds=60)


def test_an_edited_file_counts_and_a_broken_one_does_not_end_the_loop(tmp_path):
    clock, log = Clock(FIVE), []
    texts = ["0 7 * * *"]

    def read():
        if texts[0] == "broken":
            raise ConfigError("mine.yaml: 1 mistake")
        return [scheduled(tmp_path, cron=texts[0])]

    def between(number):
        texts[0] = {1: "broken", 3: "10 5 * * *"}.get(number, texts[0])

    done, _ = keep(None, clock, 12, read=read, between=between, log=log)
    assert done == [FIVE + dt.timedelta(minutes=10)]
    assert any("1 mistake" in line for line in log)


def test_signs_of_life(tmp_path):
    config, clock = scheduled(tmp_path), Clock(FIVE)
    seen = []

    def between(number):
        with Slots(record_path(config)) as slots:
            seen.extend(scheduler_process.loops(slots.connection))

    keep(config, clock, 1, between=between)
    with Slots(record_path(config)) as slots:
        [after] = scheduler_process.loops(slots.connection)
    assert seen[0].lives(FIVE)
    assert seen[0].lives(FIVE + dt.timedelta(minutes=4))
    assert not seen[0].lives(FIVE + dt.timedelta(minutes=6))
    assert after.ended is not None
    assert not after.lives(after.ended)


LOOP = """
import datetime as dt, sys
from pathlib import Path
from operations.schedule import loop as scheduling
from operations.schedule import scheduler_process as loops
from pipeline.config import load_config
loops.EVERY = 0.1
now = lambda: dt.datetime.now(dt.UTC)
tell = lambda text: print(text, flush=True)
with scheduling.stop_on_signals() as stop:
    visit = lambda: scheduling.visit_by([sys.executable, "-c", sys.argv[2], sys.argv[1]], stop, tell)
    scheduling.keep_schedules(lambda: [load_config(Path(sys.argv[1]))], visit, clock=now, stop=stop, log=tell)
print("stopped", flush=True)
"""
VISIT = """
import datetime as dt, sys, time
from pathlib import Path
from operations.schedule.run_due import run_due
from pipeline.config import load_config
def job(config, now):
    print("works", flush=True)
    time.sleep(60)
run_due([load_config(Path(sys.argv[1]))], job, clock=lambda: dt.datetime.now(dt.UTC), log=lambda text: None)
"""


UNDER_FIRE = """
import os, signal, threading, time
from operations.schedule.loop import stop_on_signals
def fire():
    end = time.monotonic() + 1
    while time.monotonic() < end:
        os.kill(os.getpid(), signal.SIGTERM)
with stop_on_signals() as stop:
    thread = threading.Thread(target=fire)
    thread.start()
    while thread.is_alive():
        stop.wait(1e-6)
print(stop.is_set())
"""


def test_a_signal_at_any_moment_of_a_wait_is_taken(tmp_path):
    command = [sys.executable, "-c", UNDER_FIRE]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert result.stdout == "True\n"


def test_a_wait_ends_when_it_is_told_to_or_its_time_is_over():
    stop = scheduling.Stop()
    begun = time.monotonic()
    stop.wait(0.05)
    assert time.monotonic() - begun >= 0.05
    assert not stop.is_set()
    threading.Timer(0.05, stop.set).start()
    stop.wait(600)
    stop.wait(600)
    assert stop.is_set()
    assert time.monotonic() - begun < 300


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_loop_that_is_stopped_has_the_slot_given_back(tmp_path, number):
    config, path = scheduled(tmp_path), tmp_path / "mine.yaml"
    path.write_text(scheduled_text(tmp_path))
    request(config, "drift", "", dt.datetime.now(dt.UTC))
    command = [sys.executable, "-c", LOOP, str(path), VISIT]
    loop = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert loop.stdout.readline() == "works\n"
    os.kill(loop.pid, number)
    out, _ = loop.communicate(timeout=20)
    assert (out, loop.returncode) == ("stopped\n", 0)
    with Slots(record_path(config)) as slots:
        slot = slots.connection.execute("select state, message from slot").fetchone()
        [left] = scheduler_process.loops(slots.connection)
    assert tuple(slot) == ("queued", "told to stop")
    assert left.ended is not None


def test_a_loop_that_is_killed_is_seen_to_be_dead(tmp_path):
    config, path = scheduled(tmp_path), tmp_path / "mine.yaml"
    path.write_text(scheduled_text(tmp_path))
    loop = subprocess.Popen([sys.executable, "-c", LOOP, str(path), "pass"], cwd=ROOT)
    beats = set()
    end = time.monotonic() + 20
    while len(beats) < 3:
        assert time.monotonic() < end
        time.sleep(0.05)
        if record_path(config).exists():
            with Slots(record_path(config)) as slots:
                beats |= {found.heartbeat for found in scheduler_process.loops(slots.connection)}
    loop.kill()
    loop.wait()
    with Slots(record_path(config)) as slots:
        [left] = scheduler_process.loops(slots.connection)
    assert left.ended is None
    assert left.lives(left.heartbeat)
    assert not left.lives(left.heartbeat + dt.timedelta(minutes=6))


BRIEF = VISIT.replace("time.sleep(60)", "time.sleep(0.1); return 'well'")


def test_two_loops_on_one_record_do_each_slot_once(tmp_path):
    config, path = scheduled(tmp_path), tmp_path / "mine.yaml"
    path.write_text(scheduled_text(tmp_path))
    for number in range(6):
        request(config, f"reason {number}", "", dt.datetime.now(dt.UTC))
    command = [sys.executable, "-c", LOOP, str(path), BRIEF]
    pair = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    end = time.monotonic() + 40
    states = []
    while states != ["done"] * 6:
        assert time.monotonic() < end
        time.sleep(0.1)
        with Slots(record_path(config)) as slots:
            states = [row[0] for row in slots.connection.execute("select state from slot")]
    for loop in pair:
        loop.terminate()
    result = "".join(loop.communicate(timeout=30)[0] for loop in pair)
    assert result.count("works\n") == 6
    with Slots(record_path(config)) as slots:
        numbers = [
            row[0] for row in slots.connection.execute("select number from attempt where outcome = 'done'")
        ]
        assert numbers == [1] * 6
        assert len(scheduler_process.loops(slots.connection)) == 2

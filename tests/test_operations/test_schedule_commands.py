"""The commands: what they print, how they exit, and that they really retrain."""

import datetime as dt
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from scheduled import Clock, scheduled_text

from operations.champion.decisions import Decisions
from operations.cli import schedule, status
from operations.errors import BusyError
from operations.schedule import job as job_module
from operations.schedule.run_due import request
from operations.slots.records import record_path
from operations.slots.slots import Slots
from pipeline.cli import main as cli
from pipeline.config import load_config
from pipeline.errors import RunError

FIVE = dt.datetime(2026, 5, 1, 5, tzinfo=dt.UTC)


@pytest.fixture
def clock(monkeypatch):
    clock = Clock(FIVE)
    for module in (schedule, status):
        monkeypatch.setattr(module, "utc_now", clock)
    monkeypatch.setattr(schedule, "interrupt_once", lambda signals: None)
    return clock


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of its own with one scheduled configuration and one without a schedule, which is broken."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "mine.yaml").write_text(scheduled_text(Path("runs")))
    (tmp_path / "configs" / "draft.yaml").write_text("name: draft\nseeed: 1\n")
    return tmp_path


@pytest.fixture
def job(monkeypatch):
    """Train by a function of the test's, which may be replaced."""
    jobs = [lambda config, now: "trained"]
    monkeypatch.setattr(schedule, "_train", lambda config, now: jobs[-1](config, now))
    return jobs


def tangency(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["tangency", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as stopped:
        return stopped.code or 0
    return 0


def broken(config, now):
    raise RunError("the data has not come")


def test_a_slot_from_entering_to_done(here, clock, job, monkeypatch, capsys):
    assert tangency(monkeypatch, "status") == 1
    assert "nobody keeps the schedule" in capsys.readouterr().out
    assert tangency(monkeypatch, "run-due") == 0
    assert capsys.readouterr().out == ""  # a cron that prints nothing sends no mail
    clock.go(hours=1)
    assert tangency(monkeypatch, "run-due", "--list") == 0
    assert capsys.readouterr().out == "2026-05-01T06:00:00+00:00\n"
    slot = "2026-05-01T06:00:00+00:00"
    job.append(broken)
    assert tangency(monkeypatch, "run-due", "--slot", slot) == 1
    assert "mine: queued: the data has not come" in capsys.readouterr().out
    assert tangency(monkeypatch, "status") == 1
    assert "waiting: the slot of 2026-05-01 06:00 UTC" in capsys.readouterr().out
    job.pop()
    clock.go(minutes=5)
    assert tangency(monkeypatch, "run-due", "--slot", slot) == 0
    assert "mine: done: trained" in capsys.readouterr().out
    assert tangency(monkeypatch, "run-due", "--slot", slot) == 0
    assert tangency(monkeypatch, "status") == 0
    captured = capsys.readouterr().out
    assert "last slot done  2026-05-01 06:00 UTC" in captured
    assert "next due        2026-05-02 06:00 UTC" in captured
    assert "PROBLEM" not in captured


def test_a_failed_attempt_is_told_by_the_exit_code_and_a_busy_one_is_not(here, clock, job, monkeypatch):
    tangency(monkeypatch, "run-due")
    clock.go(hours=1)

    def busy(config, now):
        raise BusyError("another process is retraining")

    job.append(busy)
    assert tangency(monkeypatch, "run-due") == 0
    clock.go(minutes=5)
    job.append(broken)
    assert tangency(monkeypatch, "run-due") == 1
    assert tangency(monkeypatch, "run-due") == 0  # it waits: nothing was tried


def test_the_answer_for_a_slot_that_is_skipped_or_unknown(here, clock, job, monkeypatch, capsys):
    tangency(monkeypatch, "run-due")
    clock.go(days=2, hours=1)
    assert tangency(monkeypatch, "run-due", "--slot", "2026-05-01T06:00:00+00:00") == 0
    assert "mine: skipped: missed; the slot of 2026-05-03 06:00 UTC took its place" in capsys.readouterr().out
    assert tangency(monkeypatch, "run-due", "--slot", "2026-05-01T06:30:00Z") == 1
    assert "there is no slot of 2026-05-01T06:30:00+00:00" in capsys.readouterr().out
    assert tangency(monkeypatch, "run-due", "--slot", "yesterday") == 2
    assert tangency(monkeypatch, "run-due", "--slot", "2026-05-01T06:00:00") == 2


def test_a_request_is_listed_and_done(here, clock, job, monkeypatch, capsys):
    ask = ("schedule", "request", "--reason", "ridge has drifted", "--data", "2026-04-30")
    assert tangency(monkeypatch, *ask) == 0
    assert "mine: asked for: ridge has drifted" in capsys.readouterr().out
    assert tangency(monkeypatch, *ask) == 0
    assert "was asked for before" in capsys.readouterr().out
    assert tangency(monkeypatch, "run-due") == 0
    assert "(ridge has drifted): attempt 1 done: trained" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["run-due", "schedule"])
def test_without_a_schedule_the_key_to_add_is_told(here, monkeypatch, capsys, command):
    text = (here / "configs" / "mine.yaml").read_text()
    (here / "configs" / "mine.yaml").write_text(text.split("schedule:")[0])
    assert tangency(monkeypatch, command) == 2
    assert 'add to its file, say, schedule: {cron: "0 6 1 * *"}' in capsys.readouterr().err
    assert tangency(monkeypatch, command, "--config", "configs/mine.yaml") == 2
    assert "configs/mine.yaml has no schedule" in capsys.readouterr().err
    assert not (here / "runs").exists()


def test_status_shows_a_configuration_without_a_schedule(here, clock, monkeypatch, capsys):
    text = (here / "configs" / "mine.yaml").read_text()
    (here / "configs" / "mine.yaml").write_text(text.split("schedule:")[0])
    assert tangency(monkeypatch, "status", "--config", "configs/mine.yaml") == 0
    named = capsys.readouterr().out
    assert "schedule        none is set; add to its file" in named
    assert (
        tangency(monkeypatch, "status") == 2
    )  # nothing is scheduled: the others are read, one of them is broken
    shown = capsys.readouterr()
    assert shown.out == named
    assert "configs/draft.yaml" in shown.err
    (here / "configs" / "draft.yaml").unlink()
    (here / "configs" / "mine.yaml").unlink()
    assert tangency(monkeypatch, "status") == 2
    assert "there is no configuration in configs/" in capsys.readouterr().err
    assert not (here / "runs").exists()


@pytest.mark.usefixtures("untold")
def test_what_is_due_is_really_retrained(desk, clock, monkeypatch, capsys):
    # In this process, which tells MLflow nothing; that a process of its own does it is tested below.
    monkeypatch.setattr(schedule, "_train", job_module.train)
    path = desk.path(schedule={"cron": "0 6 1 * *"})
    clock.now = dt.datetime(2002, 3, 20, tzinfo=dt.UTC)
    assert tangency(monkeypatch, "run-due", "--config", path) == 0
    clock.now = dt.datetime(2002, 4, 1, 6, tzinfo=dt.UTC)
    assert tangency(monkeypatch, "run-due", "--config", path) == 0
    assert "slot of 2002-04-01 06:00 UTC (schedule): attempt 1 done: promoted: " in capsys.readouterr().out
    [decision] = Decisions(load_config(path)).all()
    assert (decision.kind, decision.at, decision.data_last) == ("promoted", clock(), "2002-03-31")
    assert tangency(monkeypatch, "status", "--config", path) == 0
    assert f"champion        {decision.run} since 2002-04-01 06:00 UTC" in capsys.readouterr().out
    request(load_config(path), "drift", "", clock.go(days=1))
    assert tangency(monkeypatch, "run-due", "--config", path) == 0
    done = [line for line in capsys.readouterr().out.splitlines() if "attempt 1 done" in line]
    assert len(done) == 1
    assert (
        "done: nothing changed: data, configuration and code are those of the decision of 2002-04-01"
        in done[0]
    )
    assert f"the champion is {decision.run}" in done[0]
    assert Decisions(load_config(path)).all() == [decision]


SLOW = """
import sys, time
from operations.cli import schedule as schedule_commands
from pipeline.cli import main as cli
def train(config, now):
    print("works", flush=True)
    # In pieces: a signal that comes just before a sleep begins is looked at when it ends.
    for _ in range(600):
        time.sleep(0.1)
schedule_commands._train = train
sys.argv = ["tangency", "run-due"]
cli.main()
"""


def test_run_due_gives_its_slot_back_when_it_is_stopped_even_twice(here):
    """A service manager tells all processes of a service, and the loop tells its own once more."""
    config = load_config(here / "configs" / "mine.yaml")
    request(config, "drift", "", dt.datetime.now(dt.UTC))
    root = Path(__file__).resolve().parents[2]
    visit = subprocess.Popen(
        [sys.executable, "-c", SLOW],
        env={"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while "works" not in visit.stdout.readline():
        assert visit.poll() is None
    visit.terminate()
    visit.send_signal(signal.SIGINT)
    out, captured = visit.communicate(timeout=30)
    assert visit.returncode == 130
    assert "was told to stop" in out
    assert "Traceback" not in captured
    with Slots(record_path(config)) as slots:
        assert tuple(slots.connection.execute("select state, message from slot").fetchone()) == (
            "queued",
            "told to stop",
        )


def test_the_loop_has_another_process_do_the_work(here):
    """The whole command, for real: a request is done by a process of the loop's, here one that finds no data."""
    root = Path(__file__).resolve().parents[2]
    text = (
        (here / "configs" / "mine.yaml")
        .read_text()
        .replace("source: industries", "source: prices, path: gone.csv")
    )
    (here / "configs" / "mine.yaml").write_text(text)
    command = [sys.executable, "-m", "operations", "schedule"]
    environment = {"PYTHONPATH": str(root), "PATH": "/usr/bin:/bin"}
    subprocess.run([*command, "request", "--reason", "drift"], env=environment, check=True, timeout=60)
    loop = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    captured = []
    for line in loop.stdout:
        captured.append(line)
        if " failed: " in line:
            break
    loop.terminate()
    captured.append(loop.communicate(timeout=30)[0])
    assert loop.returncode == 0
    assert "mine: 0 6 * * * UTC" in captured[0]
    assert "(drift): attempt 1 begins" in captured[1]
    assert "gone.csv" in captured[2]
    assert captured[3].strip().endswith("stopped")

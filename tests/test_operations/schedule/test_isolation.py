"""What is wrong with one job does not stop the others, and the exit code shows it."""

import datetime as dt
import sys
from pathlib import Path

import pytest
from scheduled import Clock, scheduled, scheduled_text

from operations.cli import schedule
from operations.schedule.configurations import ScheduleReader, find_scheduled
from operations.schedule.run_due import request, run_due
from operations.slots.records import record_path
from operations.slots.slots import Slots
from pipeline.cli import main as cli

FIVE = dt.datetime(2026, 5, 1, 5, tzinfo=dt.UTC)
BROKEN = "name: a\nschedule: {cron: '0 6 * * *'}\nseeed: 1\n"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with one configuration that is sound and one with a mistake, and a training that only says so."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "broken.yaml").write_text(BROKEN)
    (tmp_path / "configs" / "sound.yaml").write_text(scheduled_text(Path("runs"), "sound"))
    monkeypatch.setattr(schedule, "interrupt_once", lambda signals: None)
    monkeypatch.setattr(schedule, "_train", lambda config, now: f"trained {config.name}")
    return tmp_path


def tangency(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", ["tangency", *arguments])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    return stopped.value.code


def test_a_mistake_in_one_configuration_does_not_stop_the_others(here, monkeypatch, capsys):
    request(scheduled(Path("runs"), "sound"), "drift", "", dt.datetime.now(dt.UTC))
    assert tangency(monkeypatch, "run-due") == 2
    captured = capsys.readouterr()
    assert "sound: slot of" in captured.out
    assert "done: trained sound" in captured.out
    assert captured.err.count("tangency: configs/broken.yaml: ") == 1
    assert "trained sound" in (here / "runs" / "operations" / "schedule.log").read_text()
    assert tangency(monkeypatch, "run-due", "--list") == 2
    assert tangency(monkeypatch, "status") == 2
    assert "last slot done" in capsys.readouterr().out


def test_two_that_cannot_be_told_apart_are_left_out_and_the_rest_is_not(here):
    for name in ("one", "two"):
        (here / "configs" / f"{name}.yaml").write_text(scheduled_text(Path("runs"), "same"))
    found = find_scheduled([])
    assert [config.name for config in found.configs] == ["sound"]
    assert any("2 scheduled configurations have the name 'same'" in mistake for mistake in found.mistakes)


def test_a_mistake_is_reported_once_while_the_schedule_is_kept(here):
    log = []
    read = ScheduleReader([], log.append)
    assert [config.name for config in (*read(), *read())] == ["sound", "sound"]
    [line] = log
    assert line.startswith("not scheduled until it is mended: configs/broken.yaml: ")
    (here / "configs" / "broken.yaml").unlink()
    read()
    (here / "configs" / "broken.yaml").write_text(BROKEN)
    read()
    assert len(log) == 2


def test_a_record_that_cannot_be_read_does_not_stop_those_of_other_folders(tmp_path):
    clock, log = Clock(FIVE), []
    bad, good = scheduled(tmp_path / "a", "bad"), scheduled(tmp_path / "b", "good")
    request(good, "drift", "", clock())
    record_path(bad).parent.mkdir(parents=True)
    record_path(bad).write_bytes(b"no database at all" * 100)
    attempts = run_due([bad, good], lambda config, now: "trained", clock=clock, log=log.append)
    assert [(a.job, a.outcome, a.number) for a in attempts] == [("bad", "failed", 0), ("good", "done", 1)]
    assert any("this is no record of slots" in line for line in log)


@pytest.mark.parametrize(
    "error", [MemoryError("no memory"), RecursionError("deep"), OSError(28, "No space left")]
)
def test_a_job_that_fails_of_anything_lets_the_next_one_begin(tmp_path, error):
    clock = Clock(FIVE)
    bad, good = scheduled(tmp_path, "bad"), scheduled(tmp_path, "good")
    for config in (bad, good):
        request(config, "drift", "", clock())

    def job(config, now):
        if config.name == "bad":
            raise error
        return "trained"

    attempts = run_due([bad, good], job, clock=clock, log=[].append)
    assert [(a.job, a.outcome) for a in attempts] == [("bad", "failed"), ("good", "done")]
    with Slots(record_path(bad)) as slots:
        rows = slots.connection.execute("select job, state from slot order by job").fetchall()
    assert [tuple(row) for row in rows] == [("bad", "queued"), ("good", "done")]

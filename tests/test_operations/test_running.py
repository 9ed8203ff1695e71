"""Doing what is due: what is written of jobs that end well, fail, are busy, are stopped or lose their lease."""

import datetime as dt
import time

import pytest
from scheduled import Clock, scheduled

from operations.errors import BusyError, OperationsError
from operations.schedule.run_due import request, run_due
from operations.slots.records import record_path
from operations.slots.slots import Slots
from pipeline.errors import RunError

FIVE = dt.datetime(2026, 5, 1, 5, tzinfo=dt.UTC)


@pytest.fixture
def clock():
    return Clock(FIVE)


def rows(config, what="state, message"):
    with Slots(record_path(config)) as slots:
        return [tuple(row) for row in slots.connection.execute(f"select {what} from slot order by due, id")]


def outcomes(config):
    with Slots(record_path(config)) as slots:
        return [
            row[0] for row in slots.connection.execute("select outcome from attempt order by slot, number")
        ]


def visit(config, job, clock, log=None):
    return run_due([config], job, clock=clock, log=(log if log is not None else []).append)


def well(config, now):
    return f"trained {config.name} at {now:%H:%M}"


def test_what_is_due_is_done_and_told(tmp_path, clock):
    config, log = scheduled(tmp_path), []
    assert visit(config, well, clock, log) == []  # met for the first time
    clock.go(hours=1, minutes=2)
    [attempt] = visit(config, well, clock, log)
    assert (attempt.outcome, attempt.message, attempt.number) == ("done", "trained mine at 06:02", 1)
    assert rows(config) == [("done", "trained mine at 06:02")]
    assert log == [
        "mine: slot of 2026-05-01 06:00 UTC (schedule): attempt 1 begins",
        "mine: slot of 2026-05-01 06:00 UTC (schedule): attempt 1 done: trained mine at 06:02",
    ]
    assert visit(config, well, clock) == []


def test_a_failure_waits_and_a_later_visit_goes_on(tmp_path, clock):
    config, log = scheduled(tmp_path, retries=1, backoff_seconds=600), []

    def broken(config, now):
        raise RunError("the data has not come")

    visit(config, broken, clock)
    clock.go(hours=1)
    assert [a.outcome for a in visit(config, broken, clock, log)] == ["failed"]
    assert visit(config, well, clock) == []
    clock.go(minutes=10)
    assert [a.number for a in visit(config, broken, clock, log)] == [2]
    assert rows(config) == [("failed", "the data has not come")]
    assert "Traceback" not in "".join(log)
    clock.go(days=3)
    assert [a.outcome for a in visit(config, well, clock)] == ["done"]
    assert [state for state, _ in rows(config)] == ["failed", "skipped", "skipped", "done"]


def test_a_mistake_in_the_program_is_told_with_its_place_and_does_not_end_the_visit(tmp_path, clock):
    bad, good, log = scheduled(tmp_path, "bad"), scheduled(tmp_path, "good"), []

    def job(config, now):
        return {"good": "well"}[config.name]

    run_due([bad, good], job, clock=clock, log=log.append)
    clock.go(hours=2)
    attempts = run_due([bad, good], job, clock=clock, log=log.append)
    assert [(a.job, a.outcome) for a in attempts] == [("bad", "failed"), ("good", "done")]
    assert attempts[0].message.startswith("KeyError: 'bad' (test_running.py, line ")
    assert any("Traceback" in line for line in log)


def test_when_somebody_else_trains_it_waits_without_using_a_retry_up(tmp_path, clock):
    config = scheduled(tmp_path, retries=0, backoff_seconds=60)

    def busy(config, now):
        raise BusyError("another process trains it")

    visit(config, busy, clock)
    clock.go(hours=1)
    for _ in range(4):
        assert [a.outcome for a in visit(config, busy, clock)] == ["busy"]
        assert visit(config, busy, clock) == []
        clock.go(minutes=1)
    assert [a.outcome for a in visit(config, well, clock)] == ["done"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_one_that_is_stopped_gives_its_slot_back(tmp_path, clock, stop):
    config = scheduled(tmp_path, retries=0)

    def stopped(config, now):
        raise stop

    visit(config, well, clock)
    clock.go(hours=1)
    with pytest.raises(stop):
        visit(config, stopped, clock)
    assert rows(config) == [("queued", "told to stop")]
    assert [a.outcome for a in visit(config, well, clock)] == ["done"]
    assert outcomes(config) == ["interrupted", "done"]


def test_the_lease_is_renewed_while_the_job_runs(tmp_path):
    config = scheduled(tmp_path, lease_seconds=1)
    others = []

    def now():
        return FIVE + dt.timedelta(hours=1, seconds=time.monotonic())

    def slow(config, at):
        for _ in range(8):
            time.sleep(0.25)
            others.extend(run_due([config], well, clock=now, log=[].append))
        return "slow"

    visit(config, well, lambda: FIVE)
    [attempt] = visit(config, slow, now)
    assert (attempt.outcome, others) == ("done", [])


def test_one_that_lost_its_lease_is_told_and_its_end_refused(tmp_path, clock):
    config, log = scheduled(tmp_path), []
    heirs = []

    def frozen(config, now):
        clock.go(hours=1)  # as if the machine had slept: no beat came through
        heirs.extend(visit(config, well, clock))
        return "late"

    visit(config, well, clock)
    clock.go(hours=1)
    [attempt] = visit(config, frozen, clock, log)
    assert [a.outcome for a in heirs] == ["done"]
    assert attempt.outcome == "lost"
    assert "another has taken the slot; this had come of it: late" in log[-1]
    assert rows(config) == [("done", "trained mine at 07:00")]
    assert outcomes(config) == ["lost", "done"]


def test_a_request_is_done_like_a_scheduled_slot(tmp_path, clock):
    config = scheduled(tmp_path)
    visit(config, well, clock)
    assert request(config, "forecasts have drifted", "2026-04-30", clock())
    assert not request(config, "forecasts have drifted", "2026-04-30", clock.go(minutes=5))
    [attempt] = visit(config, well, clock)
    assert (attempt.reason, attempt.due) == ("forecasts have drifted", FIVE)
    assert visit(config, well, clock) == []


def test_a_request_before_any_visit_is_kept(tmp_path, clock):
    config = scheduled(tmp_path)
    request(config, "forecasts have drifted", "2026-04-30", clock())
    assert [a.reason for a in visit(config, well, clock)] == ["forecasts have drifted"]


def test_without_a_schedule_nothing_is_done_and_a_request_says_what_to_add(tmp_path, clock):
    config = scheduled(tmp_path).model_copy(update={"schedule": None})
    assert visit(config, well, clock) == []
    assert not record_path(config).exists()
    with pytest.raises(OperationsError, match=r"not scheduled.*schedule: \{cron:"):
        request(config, "drift", "", clock())


def test_two_of_one_name_are_refused_and_of_different_outputs_are_not(tmp_path, clock):
    with pytest.raises(OperationsError, match="the name 'mine'"):
        run_due([scheduled(tmp_path)] * 2, well, clock=clock, log=[].append)
    both = [scheduled(tmp_path / "a"), scheduled(tmp_path / "b")]
    run_due(both, well, clock=clock, log=[].append)
    clock.go(hours=1)
    assert len(run_due(both, well, clock=clock, log=[].append)) == 2

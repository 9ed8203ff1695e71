"""What status says of schedules that are kept, dead, late, failing, or written by a wrong clock."""

import datetime as dt

import pytest
from scheduled import Clock, scheduled

from operations.champion.decisions import Decision, Decisions
from operations.cli.output.status import describe_status
from operations.schedule import scheduler_process
from operations.schedule.problems import age
from operations.schedule.run_due import request, run_due
from operations.schedule.status import status
from operations.slots.records import record_path
from operations.slots.slots import Slots
from pipeline.errors import RunError

FIVE = dt.datetime(2026, 5, 1, 5, tzinfo=dt.UTC)


@pytest.fixture
def clock():
    return Clock(FIVE)


def problems(config, now):
    [job] = status([config], now)
    return list(job.problems)


def visit(config, clock, error=None):
    def job(config, now):
        if error is not None:
            raise error
        return "trained"

    return run_due([config], job, clock=clock, log=[].append)


def test_a_schedule_that_nobody_keeps_is_a_problem_and_asking_writes_nothing(tmp_path, clock):
    config = scheduled(tmp_path)
    assert "nobody keeps the schedule" in problems(config, clock())[0]
    assert not record_path(config).exists()
    visit(config, clock)
    assert problems(config, clock()) == []


def test_what_was_done_and_what_comes_next(tmp_path, clock):
    config = scheduled(tmp_path)
    visit(config, clock)
    visit(config, clock_at := Clock(clock.go(hours=1, minutes=2)))
    [job] = status([config], clock_at.go(minutes=30))
    assert (job.name, job.problems, job.open) == ("mine", (), ())
    assert job.last_done.due == FIVE + dt.timedelta(hours=1)
    assert job.next_due == FIVE + dt.timedelta(hours=25)
    assert job.visited == FIVE + dt.timedelta(hours=1, minutes=2)


def test_a_slot_that_nobody_came_by_for_is_overdue(tmp_path, clock):
    config = scheduled(tmp_path)
    visit(config, clock)
    clock.go(hours=1, minutes=10)
    assert problems(config, clock()) == []  # a scheduler comes by every few minutes
    clock.go(minutes=10)
    assert problems(config, clock()) == [
        "overdue: nobody came by, and that of 2026-05-01 06:00 UTC is not done"
    ]


def test_a_request_that_waits_is_overdue(tmp_path, clock):
    config = scheduled(tmp_path)
    visit(config, clock)
    request(config, "drift", "", clock())
    assert problems(config, clock.go(minutes=10)) == []
    assert problems(config, clock.go(minutes=10)) == ["overdue: the slot of 2026-05-01 05:00 UTC is waiting"]


def test_failures_show_while_they_are_tried_again_when_given_up_and_until_one_is_done(tmp_path, clock):
    config = scheduled(tmp_path, retries=1)
    visit(config, clock)
    clock.go(hours=1)
    visit(config, clock, RunError("the data has not come"))
    assert problems(config, clock()) == [
        "waiting: the slot of 2026-05-01 06:00 UTC, again at 2026-05-01 06:05 UTC: the data has not come"
    ]
    clock.go(minutes=5)
    visit(config, clock, RunError("the data has not come"))
    assert problems(config, clock()) == [
        "failed: the slot of 2026-05-01 06:00 UTC, after 2 attempts: the data has not come"
    ]
    clock.go(days=1)
    visit(config, clock)
    assert problems(config, clock()) == []


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_slot_that_was_stopped_is_no_problem_until_nobody_goes_on_with_it(tmp_path, clock, stop):
    config = scheduled(tmp_path, retries=0)
    visit(config, clock)
    clock.go(hours=2)  # late already: what counts is when it was stopped
    with pytest.raises(stop):
        visit(config, clock, stop())
    [job] = status([config], clock())
    assert job.problems == ()
    [line] = [line for line in describe_status(job, clock()) if line.startswith("  queued")]
    assert "stopped; the next visit goes on" in line
    assert problems(config, clock.go(minutes=16)) == [
        "overdue: the slot of 2026-05-01 06:00 UTC was stopped at 2026-05-01 07:00 UTC and is waiting"
    ]
    visit(config, clock, RunError("the data has not come"))
    assert problems(config, clock())[0].startswith("failed: ")


def test_a_worker_that_died_at_work_is_seen(tmp_path, clock):
    config = scheduled(tmp_path, lease_seconds=600)
    visit(config, clock)
    clock.go(hours=1)
    with Slots(record_path(config)) as slots:
        slots.enter("mine", config.schedule, clock())
        slots.claim({"mine": config.schedule}, "dead", clock())
    assert problems(config, clock.go(minutes=20)) == []
    assert problems(config, clock.go(minutes=10)) == [
        "overdue: the slot of 2026-05-01 06:00 UTC is at work, but its lease was over at 2026-05-01 06:10 UTC"
    ]


def test_a_training_that_takes_into_the_next_slot_is_seen(tmp_path, clock):
    config = scheduled(tmp_path, cron="0 * * * *")
    visit(config, clock)
    clock.go(hours=1)
    with Slots(record_path(config)) as slots:
        slots.enter("mine", config.schedule, clock())
        claim = slots.claim({"mine": config.schedule}, "slow", clock())
        for _ in range(8):
            assert problems(config, clock()) == []
            slots.renew(claim, config.schedule, clock.go(minutes=9))
        slots.renew(claim, config.schedule, clock.go(minutes=9))
    assert problems(config, clock()) == [
        "overdue: the slot of 2026-05-01 06:00 UTC is still at work, and that of 2026-05-01 07:00 UTC is not done"
    ]


def test_a_loop_that_died_is_told_until_somebody_else_comes_by(tmp_path, clock):
    config = scheduled(tmp_path)
    visit(config, clock)
    with Slots(record_path(config)) as slots:
        scheduler_process.begin(slots.connection, "here/1", clock())
        assert problems(config, clock.go(minutes=4)) == []
        assert problems(config, clock.go(minutes=4)) == [
            "the loop on here/1 died: nothing was heard of it for 8 minutes"
        ]
        scheduler_process.beat(slots.connection, "here/1", clock())
        assert problems(config, clock()) == []
        scheduler_process.end(slots.connection, "here/1", clock())
        assert problems(config, clock.go(minutes=20)) == []
        scheduler_process.begin(slots.connection, "here/2", clock())
    assert len(problems(config, clock.go(minutes=16))) == 1
    visit(config, clock)
    assert problems(config, clock()) == []


def test_a_clock_that_went_far_back_is_told(tmp_path, clock):
    config = scheduled(tmp_path)
    visit(config, clock)
    clock.go(days=300)
    visit(config, clock)
    assert problems(config, clock.go(minutes=-10)) == []
    clock.go(days=-290)
    assert (
        "the clock went back: slots were entered up to 2027-02-25 05:00 UTC" in problems(config, clock())[0]
    )


def decide(config, month, kind="promoted", replaced=None):
    """Record what was decided at the end of a month, and return it."""
    decisions = Decisions(config)
    at, run = dt.datetime(2026, month, 28, 22, tzinfo=dt.UTC), f"mine-{month}"
    champion = run if kind == "promoted" else replaced
    made = Decision(kind, at, run, champion, replaced, f"identity {month}", f"2026-{month:02}-28", "because")
    decisions.record(made, decisions.all())
    return made


def model(config):
    [job] = status([config], FIVE)
    return job.model


def test_the_champion_and_the_last_training_are_told(tmp_path):
    config = scheduled(tmp_path)
    assert (model(config).champion, model(config).trained_at) == ("", None)
    first = decide(config, 1)
    second = decide(config, 2, replaced="mine-1")
    result = model(config)
    assert (result.champion, result.since, result.data_last) == ("mine-2", second.at, "2026-02-28")
    third = decide(config, 3, "kept", replaced="mine-2")
    result = model(config)
    assert (result.champion, result.since, result.data_last) == ("mine-2", second.at, "2026-02-28")
    assert (result.trained_at, result.trained_to, result.verdict) == (third.at, "2026-03-28", "kept: because")
    # After a rollback: what the old champion was trained on, not the data of the day of the rollback.
    Decisions(config).roll_back(FIVE, "by hand")
    result = model(config)
    assert (result.champion, result.since, result.data_last) == (first.run, FIVE, "2026-01-28")
    assert result.trained_at == third.at


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 seconds"), (119, "119 seconds"), (600, "10 minutes"), (9000, "2 hours"), (400000, "5 days")],
)
def test_ages(seconds, words):
    assert age(FIVE, FIVE + dt.timedelta(seconds=seconds)) == words


def test_a_loop_that_died_when_the_clock_was_ahead_is_no_sign_of_life_and_hides_none(tmp_path, clock):
    config = scheduled(tmp_path)
    run_due([config], lambda *result: "", clock=clock, log=[].append)
    with Slots(record_path(config)) as slots:
        scheduler_process.begin(slots.connection, "here/1", FIVE + dt.timedelta(days=365))
    assert any("the clock went back: the loop on here/1" in problem for problem in problems(config, clock()))
    with Slots(record_path(config)) as slots:
        scheduler_process.begin(slots.connection, "here/2", clock())
    assert problems(config, clock.go(minutes=1)) == []

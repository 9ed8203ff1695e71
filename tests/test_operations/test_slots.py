"""The record of slots: each done once, whoever dies, whatever the clock does."""

import datetime as dt
import sqlite3

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from scheduled import Clock

from operations.errors import BusyError, OperationsError
from operations.slots.cron import slots as cron_slots
from operations.slots.slots import Slots
from operations.slots.tables import writing
from pipeline.settings.schedule import ScheduleSection

START = dt.datetime(2026, 5, 1, 5, 30, tzinfo=dt.UTC)
SIX = dt.datetime(2026, 5, 1, 6, tzinfo=dt.UTC)
HOURLY = ScheduleSection(cron="0 * * * *", retries=2, backoff_seconds=60, lease_seconds=600)


@pytest.fixture
def record(tmp_path):
    with Slots(tmp_path / "schedule.db") as slots:
        slots.enter("mine", HOURLY, START)
        yield slots


def states(record, job="mine"):
    rows = record.connection.execute("select due, state from slot where job = ? order by due, id", (job,))
    return [(row["due"][11:16], row["state"]) for row in rows]


def claim(record, now, owner="a", **jobs):
    jobs = jobs or {"mine": HOURLY}
    for job, schedule in jobs.items():
        record.enter(job, schedule, now)
    return record.claim(jobs, owner, now)


def minutes(n):
    return dt.timedelta(minutes=n)


def test_a_job_that_is_met_for_the_first_time_has_no_past(record):
    assert claim(record, SIX - minutes(1)) is None
    assert states(record) == []


def test_a_slot_is_claimed_once_and_done_once(record):
    taken = claim(record, SIX)
    assert (taken.job, taken.due, taken.number, taken.reason) == ("mine", SIX, 1, "schedule")
    assert claim(record, SIX + minutes(1), "b") is None
    assert record.complete(taken, "well", SIX + minutes(2))
    assert not record.complete(taken, "well", SIX + minutes(2))
    assert claim(record, SIX + minutes(3), "b") is None
    assert states(record) == [("06:00", "done")]


def test_of_the_missed_slots_the_latest_is_done_and_the_others_are_told(record):
    taken = claim(record, SIX + minutes(3 * 60 + 5))
    assert taken.due == SIX + minutes(180)
    assert states(record) == [
        ("06:00", "skipped"),
        ("07:00", "skipped"),
        ("08:00", "skipped"),
        ("09:00", "running"),
    ]
    result = record.connection.execute("select message from slot where state = 'skipped'").fetchall()
    assert {row["message"] for row in result} == {"missed; the slot of 2026-05-01 09:00 UTC took its place"}


def test_waits_double_and_retries_end(record):
    now = SIX
    waited = []
    for _ in range(3):
        taken = claim(record, now)
        failed = now
        assert record.fail(taken, HOURLY, "no data", now)
        while now < SIX + minutes(50) and (again := record.claim({"mine": HOURLY}, "b", now)) is None:
            now += dt.timedelta(seconds=30)
        if again is None:
            break
        waited.append((now - failed).total_seconds())
        record.give_back(again, "only looked", now)
    assert waited == [60, 120]
    assert states(record) == [("06:00", "failed")]


def test_the_wait_is_a_day_at_most(record):
    patient = HOURLY.model_copy(update={"retries": 50, "backoff_seconds": 3600.0})
    now = SIX
    for _ in range(9):
        taken = record.claim({"mine": patient}, "a", now) or claim(record, now, mine=patient)
        record.fail(taken, patient, "no", now)
        after = record.connection.execute("select not_before from slot where state = 'queued'").fetchone()[0]
        wait, now = dt.datetime.fromisoformat(after) - now, dt.datetime.fromisoformat(after)
    assert wait == dt.timedelta(days=1)


def test_a_dead_worker_is_followed_when_its_lease_is_over_and_fenced_off(record):
    dead = claim(record, SIX, "dead")
    assert record.renew(dead, HOURLY, SIX + minutes(5))
    assert claim(record, SIX + minutes(14), "heir") is None
    heir = claim(record, SIX + minutes(15), "heir")
    assert (heir.slot, heir.number) == (dead.slot, 2)
    # It was not dead, only slow: it may say nothing any more.
    assert not record.renew(dead, HOURLY, SIX + minutes(16))
    assert not record.complete(dead, "late", SIX + minutes(16))
    assert not record.fail(dead, HOURLY, "late", SIX + minutes(16))
    assert not record.give_back(dead, "late", SIX + minutes(16))
    assert record.complete(heir, "well", SIX + minutes(17))
    rows = record.connection.execute("select outcome, owner, message from attempt order by number").fetchall()
    assert [tuple(row) for row in rows] == [
        ("lost", "dead", "nothing was heard of dead until its lease was over"),
        ("done", "heir", "well"),
    ]


def test_a_late_end_counts_while_nobody_else_has_begun(record):
    taken = claim(record, SIX)
    assert record.complete(taken, "slow", SIX + minutes(300))


def test_one_that_always_kills_its_worker_is_given_up(record):
    now = SIX
    for number in range(1, 4):
        assert record.claim({"mine": HOURLY}, "a", now) or claim(record, now).number == number
        now += minutes(10)
    assert record.claim({"mine": HOURLY}, "a", now) is None
    assert states(record) == [("06:00", "failed")]


def test_being_stopped_or_busy_uses_no_retry_up(record):
    now = SIX
    for number in range(1, 10):
        taken = claim(record, now)
        assert taken.number == number
        record.give_back(taken, "told to stop", now, wait=30, busy=number % 2 == 0)
        assert record.claim({"mine": HOURLY}, "a", now) is None
        now += dt.timedelta(seconds=30)
    assert states(record) == [("06:00", "queued")]


def test_a_later_slot_takes_the_place_of_one_that_waits(record):
    record.fail(claim(record, SIX), HOURLY.model_copy(update={"backoff_seconds": 7200.0}), "no data", SIX)
    taken = claim(record, SIX + minutes(60))
    assert taken.due == SIX + minutes(60)
    assert states(record) == [("06:00", "skipped"), ("07:00", "running")]


def test_a_running_slot_is_not_skipped_and_keeps_its_job_to_itself(record):
    slow = claim(record, SIX)
    for now in range(5, 65, 5):
        record.renew(slow, HOURLY, SIX + minutes(now))
    assert claim(record, SIX + minutes(61), "b") is None
    assert states(record) == [("06:00", "running"), ("07:00", "queued")]
    record.complete(slow, "well", SIX + minutes(62))
    assert claim(record, SIX + minutes(62), "b").due == SIX + minutes(60)


def test_jobs_do_not_wait_for_one_another(record):
    other = HOURLY.model_copy(update={"cron": "5 * * * *"})
    record.enter("other", other, START)
    jobs = {"mine": HOURLY, "other": other}
    now = SIX + minutes(6)
    assert claim(record, now, "a", **jobs).job == "mine"
    assert claim(record, now, "b", **jobs).job == "other"
    assert claim(record, now, "c", **jobs) is None


def test_a_request_is_done_once_for_one_reason_and_data(record):
    now = SIX - minutes(20)
    assert record.request("mine", "drift of ridge", "2026-04-30", now)
    assert not record.request("mine", "drift of ridge", "2026-04-30", now + minutes(1))
    taken = claim(record, now + minutes(2))
    assert taken.reason == "drift of ridge"
    record.complete(taken, "well", now + minutes(3))
    assert not record.request("mine", "drift of ridge", "2026-04-30", now + minutes(4))
    assert record.request("mine", "drift of ridge", "2026-05-31", now + minutes(4))
    assert record.request("mine", "drift", "of ridge 2026-05-31", now + minutes(4))
    # A later slot of the schedule does not skip it.
    waiting = [claim(record, SIX + minutes(1)) for _ in range(1)]
    assert waiting[0].reason == "drift of ridge"
    for reason in ("", "schedule"):
        with pytest.raises(ValueError, match="reason"):
            record.request("mine", reason, "", now)


def test_a_clock_that_goes_backwards_brings_nothing_back(record):
    taken = claim(record, SIX + minutes(125))
    record.complete(taken, "well", SIX + minutes(126))
    before = states(record)
    for back in (120, 60, 30, 1):
        assert claim(record, SIX + minutes(126 - back)) is None
    assert states(record) == before
    assert claim(record, SIX + minutes(180)).due == SIX + minutes(180)


def test_a_lease_that_a_clock_far_ahead_has_written_is_no_longer_than_any_other(record):
    year = dt.timedelta(days=365)
    request_at = SIX - minutes(10)
    record.request("mine", "drift", "", request_at)
    dead = record.claim({"mine": HOURLY}, "dead", request_at + year)
    assert dead is not None
    # The clock is put right. Nobody knows yet whether the worker lives.
    assert record.claim({"mine": HOURLY}, "heir", request_at) is None
    assert record.claim({"mine": HOURLY}, "heir", request_at + minutes(9)) is None
    heir = record.claim({"mine": HOURLY}, "heir", request_at + minutes(10))
    assert (heir.slot, heir.number) == (dead.slot, 2)


def test_a_worker_that_lives_keeps_its_slot_when_the_clock_is_put_right(record):
    record.request("mine", "drift", "", SIX)
    taken = record.claim({"mine": HOURLY}, "a", SIX + dt.timedelta(days=365))
    assert record.claim({"mine": HOURLY}, "b", SIX) is None
    assert record.renew(taken, HOURLY, SIX + minutes(3))
    assert record.claim({"mine": HOURLY}, "b", SIX + minutes(11)) is None
    assert record.complete(taken, "well", SIX + minutes(12))


def test_a_wait_that_a_clock_far_ahead_has_written_is_over_when_it_is_put_right(record):
    record.request("mine", "drift", "", SIX + dt.timedelta(days=365))
    assert record.claim({"mine": HOURLY}, "a", SIX).reason == "drift"


def test_a_slot_of_the_future_takes_the_place_of_none_before_it(record):
    record.enter("mine", HOURLY, SIX)
    waiting = record.claim({"mine": HOURLY}, "a", SIX)
    record.fail(waiting, HOURLY, "no data", SIX)
    with record.connection:
        record.connection.execute(
            "insert into slot (job, key, due, reason, state, not_before) values (?, ?, ?, ?, 'done', ?)",
            ("mine", "ahead", (SIX + dt.timedelta(days=9)).isoformat(), "schedule", SIX.isoformat()),
        )
    again = record.claim({"mine": HOURLY}, "a", SIX + minutes(2))
    assert again is not None
    assert again.slot == waiting.slot


@pytest.mark.parametrize(
    "code, kind, message",
    [
        (sqlite3.SQLITE_BUSY, BusyError, "try again"),
        (sqlite3.SQLITE_FULL, OperationsError, "free some space"),
        (sqlite3.SQLITE_IOERR_WRITE, OperationsError, "check the disk"),
        (sqlite3.SQLITE_READONLY_DIRECTORY, OperationsError, "give this user permission"),
        (sqlite3.SQLITE_CORRUPT, OperationsError, "restore it from a copy"),
    ],
)
def test_what_sqlite_refuses_while_reading_or_writing_is_one_message(tmp_path, code, kind, message):
    error = sqlite3.OperationalError("refused")
    error.sqlite_errorcode = code
    path = tmp_path / "schedule.db"
    with pytest.raises(OperationsError, match=message) as caught, Slots(path):
        raise error
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"{path}: ")
    with Slots(path) as slots, pytest.raises(OperationsError, match=message), writing(slots.connection):
        raise error


def test_a_record_that_cannot_be_opened_is_named(tmp_path):
    (tmp_path / "schedule.db").mkdir()
    with pytest.raises(OperationsError, match=r"schedule.db: it is a folder"):
        Slots(tmp_path / "schedule.db")


def test_another_schedule_begins_when_the_old_one_has_been_entered(record):
    daily = HOURLY.model_copy(update={"cron": "30 6 * * *"})
    taken = claim(record, SIX + minutes(40), mine=daily)
    assert taken.due == SIX  # of the hourly one; half past six was before the change was seen
    record.complete(taken, "well", SIX + minutes(41))
    assert claim(record, SIX + minutes(600), mine=daily) is None
    assert claim(record, SIX + minutes(24 * 60 + 31), mine=daily).due == SIX + minutes(24 * 60 + 30)


def test_a_file_that_is_something_else_is_named(tmp_path):
    path = tmp_path / "schedule.db"
    path.write_text("these are my notes, and they are long enough to be read as a page\n" * 40)
    with pytest.raises(OperationsError, match=r"schedule\.db: this is no record of slots"):
        Slots(path)
    path.unlink()
    Slots(path).connection.execute("pragma user_version = 9")
    with pytest.raises(OperationsError, match="version 2, got 9"):
        Slots(path)


def test_a_record_of_version_1_keeps_its_slots(tmp_path):
    path = tmp_path / "schedule.db"
    with Slots(path) as record:
        record.enter("mine", HOURLY, START)
        record.complete(claim(record, SIX), "well", SIX)
        for table in ("slot", "attempt"):
            record.connection.execute(f"alter table {table} rename column message to told")
        record.connection.execute("pragma user_version = 1")
    with Slots(path) as record:
        assert states(record) == [("06:00", "done")]
        for table in ("slot", "attempt"):
            assert [tuple(row) for row in record.connection.execute(f"select message from {table}")] == [
                ("well",)
            ]


def test_a_full_disk_is_told_and_changes_nothing(record):
    taken = claim(record, SIX)
    record.connection.execute(
        f"pragma max_page_count = {record.connection.execute('pragma page_count').fetchone()[0]}"
    )
    with pytest.raises(OperationsError, match="full"):
        record.complete(taken, "well" * 100_000, SIX)
    assert states(record) == [("06:00", "running")]
    assert record.complete(taken, "well", SIX)


def test_a_file_that_another_holds_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr("operations.slots.tables.PATIENCE", 0.05)
    with Slots(tmp_path / "schedule.db") as one, Slots(tmp_path / "schedule.db") as other:
        one.connection.execute("begin immediate")
        with pytest.raises(BusyError, match="locked"):
            other.enter("mine", HOURLY, START)
        one.connection.execute("rollback")
        other.enter("mine", HOURLY, START)


def test_an_instant_without_a_zone_is_refused(record):
    with pytest.raises(ValueError, match="time zone"):
        record.request("mine", "drift", "", dt.datetime(2026, 5, 1))


def test_it_survives_a_power_cut(record):
    """FULL syncs the log at each commit; the default of the write-ahead mode may lose the last ones."""
    assert record.connection.execute("pragma synchronous").fetchone()[0] == 2
    assert record.connection.execute("pragma journal_mode").fetchone()[0] == "wal"


class Workers(RuleBasedStateMachine):
    """Workers that claim, renew, end, vanish and come back, under a clock that leaps; told apart by a plain oracle.

    The oracle knows of each slot only who was given it last, and whether its end was accepted.
    """

    SCHEDULE = ScheduleSection(cron="*/10 * * * *", retries=3, backoff_seconds=120, lease_seconds=300)

    @initialize()
    def begin(self):
        self.clock, self.furthest = Clock(START), START
        self.slots = Slots.__new__(Slots)
        self.slots.connection = _in_memory()
        self.slots.enter("mine", self.SCHEDULE, START)
        self.claims = []  # all that were ever given, also to workers that are gone
        self.holder = {}  # slot: last claim on it
        self.lease = {}  # slot: until when
        self.ends = {}  # slot: how it ended, accepted
        self.requests = set()

    @rule(seconds=st.integers(0, 2500))
    def time_goes_on(self, seconds):
        self.clock.go(seconds=seconds)

    @rule(seconds=st.integers(1, 4000))
    def the_clock_goes_back(self, seconds):
        self.clock.go(seconds=-seconds)

    @rule()
    def come_by(self):
        self.furthest = max(self.furthest, self.clock())
        self.slots.enter("mine", self.SCHEDULE, self.clock())
        taken = self.slots.claim({"mine": self.SCHEDULE}, f"worker {len(self.claims)}", self.clock())
        running = [s for s, held in self.holder.items() if s not in self.ends and held is not None]
        # No lease is ever seen to be longer than it is given.
        longest = self.clock() + dt.timedelta(seconds=300)
        self.lease.update({s: min(self.lease[s], longest) for s in running})
        dead = [s for s in running if self.lease[s] <= self.clock()]
        self.holder.update(dict.fromkeys(dead))
        if taken is None:
            return
        assert taken.slot not in self.ends, "done before"
        assert dead == running, "two at one job"
        self.claims.append(taken)
        self.holder[taken.slot] = taken
        self.lease[taken.slot] = self.clock() + dt.timedelta(seconds=300)

    def may(self, claim):
        return self.holder.get(claim.slot) == claim and claim.slot not in self.ends

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def renew(self, data):
        claim = data.draw(st.sampled_from(self.claims))
        assert self.slots.renew(claim, self.SCHEDULE, self.clock()) == self.may(claim)
        if self.may(claim):
            self.lease[claim.slot] = self.clock() + dt.timedelta(seconds=300)

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), how=st.sampled_from(["complete", "complete", "fail", "give back"]))
    def end(self, data, how):
        claim = data.draw(st.sampled_from(self.claims))
        if how == "complete":
            accepted = self.slots.complete(claim, "", self.clock())
        elif how == "fail":
            accepted = self.slots.fail(claim, self.SCHEDULE, "", self.clock())
        else:
            accepted = self.slots.give_back(claim, "", self.clock())
        assert accepted == self.may(claim)
        if accepted:
            self.holder[claim.slot] = None
            if how == "complete":
                self.ends[claim.slot] = "done"

    @rule(reason=st.sampled_from(["drift", "a new asset"]), data=st.sampled_from(["april", "may"]))
    def request(self, reason, data):
        assert self.slots.request("mine", reason, data, self.clock()) == ((reason, data) not in self.requests)
        self.requests.add((reason, data))

    @invariant()
    def no_slot_is_missing_or_doubled(self):
        if not hasattr(self, "slots"):
            return
        rows = self.slots.connection.execute(
            "select * from slot where reason = 'schedule' order by due"
        ).fetchall()
        due = [dt.datetime.fromisoformat(row["due"]) for row in rows]
        assert due == list(cron_slots(self.SCHEDULE.cron, "UTC", START, self.furthest))
        assert {row["id"] for row in rows if row["state"] == "done"} <= set(self.ends)
        assert all(row["state"] != "skipped" for row in rows[-1:]), "the latest is never skipped"

    def teardown(self):
        """Whatever has happened: a worker that lives brings everything to an end."""
        if not hasattr(self, "slots"):
            return
        self.clock.now = max(self.furthest, self.clock()) + dt.timedelta(days=2)
        for _ in range(20):
            self.come_by()
            self.clock.go(seconds=1)
            if self.claims and self.may(self.claims[-1]):
                assert self.slots.complete(self.claims[-1], "", self.clock())
                self.ends[self.claims[-1].slot] = "done"
        rows = self.slots.connection.execute("select * from slot order by due, id").fetchall()
        assert {row["state"] for row in rows} <= {"done", "failed", "skipped"}
        assert {row["id"] for row in rows if row["state"] == "done"} == set(self.ends)
        assert [row["state"] for row in rows if row["reason"] == "schedule"][-1] == "done"
        assert len(rows) - sum(row["reason"] == "schedule" for row in rows) == len(self.requests)
        self.slots.connection.close()


def _in_memory():
    from operations.slots.tables import TABLES

    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.executescript(TABLES)
    return connection


Workers.TestCase.settings = settings(max_examples=25, stateful_step_count=40, deadline=None)
TestWorkers = Workers.TestCase

"""Rounds of a watch: what runs when something is new, and what happens after errors."""

import datetime as dt
import os
from dataclasses import replace

import pytest
import yaml
from own_prices import settings, write_prices

from market.sources.kinds import Files
from operations.errors import BusyError, OperationsError
from operations.watch import loop
from operations.watch.loop import Tools, Watch
from operations.watch.record import read_watch, watch_path
from operations.watch.sources import find_places, fingerprint
from pipeline.config import load_config

START = dt.datetime(2026, 5, 1, 6, tzinfo=dt.UTC)


class World:
    """A configuration with a file of prices, and children that a test answers for."""

    def __init__(self, folder, monkeypatch):
        self.folder = folder
        write_prices(folder / "prices.csv", n_dates=150)
        self.path = folder / "mine.yaml"
        self.write_config()
        self.now, self.waits, self.lines, self.ran = START, [], [], []
        self.version, self.champion, self.codes = 1, "one", {}
        monkeypatch.setattr(Watch, "_newest_version", lambda _: self.version)
        monkeypatch.setattr(loop, "Decisions", lambda _: self)
        monkeypatch.setattr(loop, "advise_on_champion", lambda _: "`tangency retrain` trains one")
        world = self
        self.decisions = type("D", (), {"champion": lambda _: world.champion})()
        monkeypatch.setattr(loop, "Decisions", lambda _: world.decisions)

    def write_config(self, **changes):
        self.path.write_text(yaml.safe_dump(settings(self.folder, 150, **changes)))

    def run(self, arguments, log, beat):
        self.ran.append(arguments[0])
        assert arguments[1:] == ["--config", str(self.path)]
        beat()
        code = self.codes.get(arguments[0], 0)
        if code == 0 and arguments[0] == "update" and self.folder.joinpath("new").exists():
            self.version += 1
            self.folder.joinpath("new").unlink()
        return code, "the last line"

    def sleep(self, seconds):
        self.waits.append(seconds)
        self.now += dt.timedelta(seconds=seconds)

    def watch(self, every=60.0):
        return Watch(self.path, every, Tools(self.lines.append, self.run, self.sleep, lambda: self.now))

    def grow(self):
        """A new row, which an update will record."""
        with (self.folder / "prices.csv").open("a") as file:
            file.write("x\n")
        (self.folder / "new").touch()

    def record(self):
        return read_watch(watch_path(load_config(self.path)))


@pytest.fixture
def world(tmp_path, monkeypatch):
    return World(tmp_path, monkeypatch)


def test_only_what_is_new_is_updated_and_forecast(world):
    watch = world.watch()
    watch.run(1)
    assert world.ran == ["update"], "nothing is known of what was recorded before"
    watch.run(2)
    assert world.ran == ["update"]
    world.grow()
    watch.run(2)
    assert world.ran == ["update", "update", "predict"]
    os.utime(world.folder / "prices.csv", (1, 1))
    watch.run(1)
    assert world.ran == ["update", "update", "predict", "update"], "another time, but no new version"
    assert world.record().ended is not None
    assert world.record().changed is not None


def test_without_a_champion_no_forecast_is_asked_for(world):
    world.champion = None
    world.grow()
    world.watch().run(1)
    assert world.ran == ["update"]
    assert "no forecast, since there is no champion: `tangency retrain` trains one" in world.lines
    assert world.record().failures == 0


def test_after_errors_the_waits_double_and_the_work_goes_on(world):
    world.codes["update"] = 2
    watch = world.watch(every=20)
    watch.run(4)
    assert world.ran == ["update"] * 4
    assert [sum(world.waits)] == [40 + 80 + 160]
    record = world.record()
    assert (record.failures, record.error) == (4, "tangency update ended with 2: the last line")
    assert "failed, again in 320 s: tangency update ended with 2: the last line" in world.lines
    assert replace(record, ended=None).problems(world.now) == [f"the watch failed 4 times: {record.error}"]
    world.codes.clear()
    watch.run(1)
    assert world.record().failures == 0
    assert world.lines[-1] == "works again"


def test_waits_have_a_limit(world):
    watch = world.watch(every=3600)
    watch.record = replace(watch.record, failures=10)
    assert watch._next_wait() == 6 * 3600
    assert replace(watch.record, every=86400.0)
    watch.record = replace(watch.record, every=86400.0)
    assert watch._next_wait() == 86400


def test_a_forecast_that_failed_is_tried_again(world):
    watch = world.watch()
    world.codes["predict"] = 1
    world.grow()
    watch.run(1)
    assert world.ran == ["update", "predict"]
    world.codes.clear()
    watch.run(2)
    assert world.ran == ["update", "predict", "update", "predict"]


def test_a_source_or_a_configuration_that_is_gone_for_a_while(world):
    watch = world.watch()
    watch.run(1)
    world.path.write_text("name: [")
    watch.run(1)
    assert watch.record.failures == 1
    world.write_config()
    watch.run(1)
    assert watch.record.failures == 0
    assert world.ran == ["update"]


def test_heartbeats_are_written_while_it_waits(world):
    beats = []
    sleep = world.sleep

    def look(seconds):
        sleep(seconds)
        beats.append(world.record().heartbeat)

    world.sleep = look
    world.watch(every=300).run(2)
    assert len(set(beats)) >= 9
    assert world.record().lives(world.now) is False
    record = replace(world.record(), ended=None)
    assert record.lives(world.now)
    assert "died" in record.problems(world.now + dt.timedelta(minutes=6))[0]


def test_one_watch_of_a_configuration(world):
    first, second = world.watch(), world.watch()

    def meet(seconds):
        with pytest.raises(
            BusyError, match=rf"^mine: another watch of this configuration runs \(.*/{os.getpid()}, since"
        ):
            second.run(1)
        world.sleep(seconds)

    first.tools = replace(first.tools, sleep=meet)
    first.run(2)
    second.run(1)


def test_packaged_data_is_not_watched(world):
    world.write_config(data={"source": "stocks"})
    with pytest.raises(OperationsError, match="'stocks' is packaged and never changes"):
        world.watch()


def test_a_damaged_record_is_named(world):
    world.watch().run(1)
    path = watch_path(load_config(world.path))
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0
    path.write_text('{"owner": "x"}')
    with pytest.raises(OperationsError, match=r"watch.json: is no record of a watch"):
        world.record()


def test_all_files_that_a_run_reads_are_watched(world):
    scores = world.folder / "scores.csv"
    scores.write_text("x")
    world.write_config(
        data={"source": "prices", "path": [str(world.folder / "prices.csv"), str(world.folder / "more")]},
        allocation__esg={"path": str(scores), "tilt": 0.01, "max_age_days": 400},
    )
    (world.folder / "more").mkdir()
    (world.folder / "more" / "A.csv").write_text("x")
    config = load_config(world.path)
    assert [type(place) for place in find_places(config)] == [Files, Files]
    before = fingerprint(config)
    assert len(before) == 3
    (world.folder / "more" / "B.csv").write_text("x")
    assert len(fingerprint(config)) == 4
    scores.write_text("yy")
    assert fingerprint(config)[-1] != before[-1]

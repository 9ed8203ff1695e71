"""Drift of the champion: that of its own forecasts, on dates that it has not seen."""

import datetime as dt
import json

import numpy as np
import pytest
from rich.console import Console

from foundation.json_text import to_json
from operations.champion.candidate import Candidate
from operations.champion.decisions import Decisions
from operations.champion.forecasting import situation
from operations.cli.main import load_commands
from operations.drift.champion_drift import champion_drift
from operations.errors import OperationsError
from operations.schedule import run_due
from pipeline.cli.main import main
from pipeline.progress import Reporter

pytestmark = pytest.mark.usefixtures("untold")


def quiet():
    return Reporter(Console(quiet=True))


def tangency(monkeypatch, *words):
    load_commands()
    monkeypatch.setattr("sys.argv", ["tangency", *map(str, words)])
    main()


def as_json(drift):
    return json.loads(to_json(drift.as_dict()))


def assert_close(captured, expected):
    """Compare JSON; a frozen model rounds otherwise than its walk."""
    if isinstance(expected, dict):
        assert set(captured) == set(expected)
        for key in expected:
            assert_close(captured[key], expected[key])
    elif isinstance(expected, list):
        assert len(captured) == len(expected)
        for one, other in zip(captured, expected, strict=True):
            assert_close(one, other)
    else:
        assert captured == (pytest.approx(expected, rel=1e-6) if isinstance(expected, float) else expected)


def test_on_the_day_of_its_training_it_is_that_of_its_run(trained):
    found = situation(trained.config(), quiet(), np.datetime64("2002-05-31").item())
    assert_close(as_json(champion_drift(found)), found.champion.summary["drift"])


def test_later_the_reference_stays_and_the_recent_dates_move_on(trained):
    found = situation(trained.config(), quiet())
    drift, before = champion_drift(found), found.champion.summary["drift"]
    assert drift.as_of == "2002-06-30" > before["as_of"]
    assert list(drift.trained) == [before["trained_from"], before["trained_to"]]
    assert drift.untrained == before["untrained"] + 1
    assert {one.name: one.importance for one in drift.features} == {
        one["name"]: one["importance"] for one in before["features"]
    }


def test_the_command_tells_and_writes_it(desk, monkeypatch, capsys):
    desk.retrain("2002-03-31")
    file = desk.folder / "drift.json"
    tangency(monkeypatch, "drift", "--config", desk.path(), "--output", file)
    captured = capsys.readouterr().out
    assert "Drift at 2002-06-30, the last 12 dates" in captured
    assert "early retraining" in captured
    found = json.loads(file.read_text())
    assert found["as_of"] == "2002-06-30"
    assert found["reason_to_retrain"] is None or found["alarms"]


def test_a_reason_is_handed_to_the_schedule_once(desk, monkeypatch, capsys):
    schedule = {"cron": "0 6 1 * *"}
    desk.retrain("2002-03-31", schedule=schedule)
    monkeypatch.setattr(
        "operations.drift.drift_trigger.reason_to_retrain", lambda drift, settings: "errors have grown"
    )
    words = ("drift", "--config", desk.path(schedule=schedule), "--request")
    for answer in ("asked for a retraining", "it was asked for before on this data"):
        tangency(monkeypatch, *words)
        assert answer in capsys.readouterr().out
    config = desk.config(schedule=schedule)
    now = dt.datetime.now(dt.UTC)
    assert not run_due.request(config, "errors have grown", "2002-06-30", now)
    assert run_due.request(config, "errors have grown", "2002-07-31", now)


def test_a_run_that_tells_no_drift_is_refused(desk, monkeypatch):
    desk.retrain("2002-03-31")
    path = desk.folder / "runs" / Decisions(desk.config()).reigning()[0] / "summary.json"
    summary = json.loads(path.read_text())
    del summary["drift"]
    path.write_text(json.dumps(summary))
    monkeypatch.setattr(Decisions, "files_of", lambda *_: {})  # decisions of earlier versions recorded none
    found = situation(desk.config(), quiet())
    assert isinstance(found.champion, Candidate)
    with pytest.raises(OperationsError, match=r"has no key drift.*retrain"):
        champion_drift(found)

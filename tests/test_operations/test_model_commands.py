"""The commands, from the command line: what they print, and what they leave with."""

import json

import pandas as pd
import pytest

from pipeline.cli import main as cli

pytestmark = pytest.mark.usefixtures("untold")


def tangency(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["tangency", *map(str, arguments)])
    try:
        cli.main()
    except SystemExit as end:
        return end.code or 0
    return 0


def test_from_nothing_to_trades_and_back(desk, monkeypatch, capsys, tmp_path):
    config = desk.path()
    assert tangency(monkeypatch, "predict", "-c", config) == 2
    assert "has no champion: `tangency retrain` trains" in capsys.readouterr().err
    for date in ("2002-04-30", "2002-05-31"):
        assert tangency(monkeypatch, "retrain", "-c", config, "--as-of", date) == 0
    captured = capsys.readouterr().out
    assert "promoted: nothing looked ahead" in captured
    files = [tmp_path / "f.csv", tmp_path / "f.json"]
    assert tangency(monkeypatch, "predict", "-c", config, "-o", files[0], "-o", files[1]) == 0
    assert "Forecasts at the close of 2002-06-30" in capsys.readouterr().out
    content = json.loads(files[1].read_text())
    assert content["trained_to"] == "2002-05-31"
    assert content["as_of"] == "2002-06-30"
    assert [row["mean"] for row in content["forecasts"]] == pd.read_csv(files[0])["mean"].to_list()
    (tmp_path / "held.csv").write_text("asset,weight\nA00,1.0\n")
    plan = tmp_path / "plan.json"
    assert (
        tangency(monkeypatch, "allocate", "-c", config, "--holdings", tmp_path / "held.csv", "-o", plan) == 0
    )
    assert "of wealth" in capsys.readouterr().out
    content = json.loads(plan.read_text())
    assert content["limits_hold"] is True
    assert sum(row["trade"] for row in content["trades"]) == pytest.approx(0, abs=1e-12)

    first, second = sorted(path.name for path in (tmp_path / "runs").glob("mine-*"))
    assert tangency(monkeypatch, "rollback", "-c", config, "--reason", "odd") == 0
    assert f"{first}, instead of {second}" in capsys.readouterr().out
    assert tangency(monkeypatch, "rollback", "-c", config) == 2
    assert tangency(monkeypatch, "promote", second, "-c", config) == 2, "a reason is asked for"
    assert tangency(monkeypatch, "promote", second, "-c", config, "--reason", "after all") == 0
    capsys.readouterr()
    assert tangency(monkeypatch, "ledger", "show", "-c", config) == 0
    shown = capsys.readouterr().out
    assert [word in shown for word in ("rolled back", "odd", "manual: after all")] == [True] * 3
    assert tangency(monkeypatch, "ledger", "verify", "-c", config) == 0
    assert "4 lines, unbroken" in capsys.readouterr().out

    chain = tmp_path / "runs" / "operations" / "mine" / "decisions.jsonl"
    chain.write_text(chain.read_text().replace("odd", "fine"))
    assert tangency(monkeypatch, "ledger", "verify", "-c", config) == 2
    assert "decisions.jsonl, line 3: the chain of hashes is broken" in capsys.readouterr().err


def test_a_wrong_file_ending_is_refused_before_anything_is_computed(desk, monkeypatch, capsys, tmp_path):
    assert tangency(monkeypatch, "predict", "-c", desk.path(), "-o", tmp_path / "f.txt") == 2
    assert "ends with .csv or .json" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["retrain", "predict", "allocate", "update"])
def test_a_date_in_the_future_is_refused_before_anything_is_read(desk, monkeypatch, capsys, command):
    assert tangency(monkeypatch, command, "--config", desk.path(), "--as-of", "2999-01-01") == 2
    assert "2999-01-01 is in the future; expected today or an earlier date" in capsys.readouterr().err
    assert not (desk.folder / "runs" / "operations").exists()

"""The ledger holds every variant once, and corrects for their number."""

import json

import numpy as np
import pandas as pd
import pytest

from benchmarks.skill import board, ledger
from benchmarks.skill.replay import BASELINES, Outcome, Variant


def _outcome(panel, gain=0.01, forecast="combination"):
    keys = ("gain", "t", "p_less", "gain_equal_weight", "t_equal_weight", "information_ratio", "transfer")
    measures = dict.fromkeys((*keys, "turnover", "cost", "sharpe", "sharpe_no_forecast"), 0.5)
    dates = pd.date_range("2000-01-31", periods=120, freq="ME")
    series = pd.Series(gain / 12 + np.random.default_rng(len(panel)).normal(size=120) * 0.01, dates)
    return Outcome(panel, forecast, "", {**measures, "gain": gain}, dict.fromkeys(BASELINES, series))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ledger.jsonl"


def _count(path):
    return ledger.count_variants(ledger.read_ledger(path))


def test_each_distinct_variant_counts_once(path):
    cap = Variant("cap", {"allocation.maximum": 0.25})
    text = board.record_variant(Variant("default"), [_outcome("a"), _outcome("bb")], path)
    assert "corrected for 1 variants (2 panels, 10 calendar blocks)" in text
    assert "for 2 variants" in board.record_variant(cap, [_outcome("a", 0.02), _outcome("bb")], path)
    lines = len(ledger.read_ledger(path))
    # The same again, under another name too, and on fewer panels.
    board.record_variant(cap, [_outcome("a", 0.02), _outcome("bb")], path)
    board.record_variant(Variant("other name", cap.settings), [_outcome("a", 0.02)], path)
    assert (len(ledger.read_ledger(path)), _count(path)) == (lines, 2)


def test_another_forecast_policy_or_result_is_another_variant(path):
    board.record_variant(Variant("default"), [_outcome("a")], path)
    board.record_variant(Variant("default"), [_outcome("a", forecast="lightgbm")], path)
    board.record_variant(Variant("default", policy="m:f"), [_outcome("a")], path)
    board.record_variant(Variant("default"), [_outcome("a", 0.03)], path)  # the code changed
    assert _count(path) == 4
    board.record_variant(Variant("default"), [_outcome("a", 0.03), _outcome("bb")], path)  # one more panel
    assert (len(ledger.read_ledger(path)), _count(path)) == (5, 4)


def test_a_failure_is_recorded_and_a_mistake_on_every_panel_is_not(path):
    failed = Outcome("bb", "combination", failure="infeasible")
    text = board.record_variant(Variant("x", {"a": 1}), [_outcome("a"), failed], path)
    assert "| bb | failed: infeasible |" in text
    assert ledger.read_ledger(path)[0]["panels"]["bb"] == {"failure": "infeasible"}
    assert "not recorded" in board.record_variant(Variant("y", {"b": 1}), [failed], path)
    assert _count(path) == 1


def test_the_correction_is_sidak():
    assert ledger.correct_for_trials(0.01, 1) == pytest.approx(0.01)
    assert ledger.correct_for_trials(0.01, 20) == pytest.approx(1 - 0.99**20)
    assert ledger.correct_for_trials(1.0, 3) == 1.0


def test_a_damaged_line_stops_the_board(path, monkeypatch, capsys):
    board.record_variant(Variant("default"), [_outcome("a")], path)
    path.write_text(path.read_text() + '{"name": "half\n')
    with pytest.raises(ledger.LedgerError, match="line 2: no record of a variant"):
        ledger.read_ledger(path)


def test_the_committed_ledger_can_be_read_and_holds_no_line_twice():
    records = ledger.read_ledger()
    assert records, "the board's defaults were tried"
    texts = [json.dumps({**record, "date": "", "code": ""}, sort_keys=True) for record in records]
    assert len(set(texts)) == len(texts)

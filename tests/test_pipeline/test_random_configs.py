"""Random configurations on three small panels: each run ends with plausible numbers, or with one early message."""

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from random_settings import configurations, declared_keys, settings_of
from search_panels import PANELS, write_panel
from whole_runs import Outcome, faults, run_whole


@pytest.mark.parametrize("name", PANELS)
def test_random_configurations_end_with_plausible_numbers_or_one_early_message(name, tmp_path):
    panel, ended = write_panel(name, tmp_path), []

    # `benchmarks/random_configs.py` runs as many as wanted; here the same ten are tried each time.
    @settings(
        max_examples=10,
        derandomize=True,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(content=configurations(panel))
    def run(content):
        outcome = run_whole(content, tmp_path)
        ended.append(outcome)
        assert faults(outcome) == [], content

    run()
    assert sum(bool(outcome.summary) for outcome in ended) >= 4


def test_the_search_knows_every_key_of_every_section(tmp_path):
    assert set(settings_of(write_panel("monthly", tmp_path))) == declared_keys()


def test_the_search_notices_what_must_not_be(tmp_path):
    good = run_whole(write_panel("weekly", tmp_path).base, tmp_path)
    assert faults(good) == []
    assert good.summary["portfolio"]["model:ridge"]["n_periods"] > 50

    def with_metric(key, value):
        portfolio = good.summary["portfolio"]
        changed = portfolio | {"model:ridge": portfolio["model:ridge"] | {key: value}}
        return replace(good, summary=good.summary | {"portfolio": changed})

    assert "Sharpe ratio 12" in faults(with_metric("sharpe", 12.0))[0]
    assert "volatility 11" in faults(with_metric("volatility", 11.0))[0]
    assert "no number: portfolio.model:ridge.turnover" in faults(with_metric("turnover", None))[0]
    assert "skill" in faults(replace(good, summary=good.summary | {"verdict": "skill that pays"}))[0]
    assert "traceback" in faults(Outcome(crash="KeyError: 'a'"))[0]
    assert "only after" in faults(Outcome(message="name: expected a word", fitted=True))[0]
    assert faults(Outcome(message="name: expected a word")) == []
    assert "how the program works" in faults(Outcome(message="the weight is nan"))[0]


def test_the_search_tells_a_refusal_from_a_crash(tmp_path, monkeypatch):
    panel = write_panel("weekly", tmp_path)
    refused = run_whole(panel.base | {"cost_rate": 2.0}, tmp_path)
    assert "cost_rate" in refused.message
    assert not refused.fitted

    def fail(*args):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr("pipeline.stages.compute.make_forecasts", fail)
    crashed = run_whole(panel.base, tmp_path)
    assert "planted" in crashed.crash
    assert crashed.fitted

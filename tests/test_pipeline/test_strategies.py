"""Strategies in a configuration and a run: mistakes are named, all is told, and the ledger is honest."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml
from running import evaluated, pipeline_of

from backtest.attribution import TOTAL
from market.load import load_panel
from pipeline.audit.audit import audit
from pipeline.audit.invariants import check_earnings
from pipeline.chains.ledger import Ledger
from pipeline.config import load_config
from pipeline.drift.measure import measure_run
from pipeline.errors import ConfigError, RunError
from pipeline.export.summary import _count_fallbacks, summary
from pipeline.report.report import render
from pipeline.strategies.kinds.composed.regime import regime_shares
from pipeline.verdict.evidence import judge
from pipeline.verdict.trial import describe_trial

MODELS = {"ridge": {"kind": "ridge", "n_penalties": 5}}
STRATEGIES = {
    "mix": {
        "kind": "strategic",
        "weights": {"a0": 0.5, "a2": 0.3},
        "rebalance": {"absolute": 0.05, "to": "edge"},
        "sleeves": {"x": ["a0"], "y": ["a2"]},
        "exempt": ["maximum"],
    },
    "tilt": {"kind": "tactical", "strategic": "equal_weight", "forecast": "ridge", "deviation": 0.04},
    "calm": {"kind": "volatility_target", "base": "tilt", "volatility": 0.1, "exempt": ["maximum"]},
    "pair": {
        "kind": "core_satellite",
        "core": "mix",
        "satellite": "calm",
        "rebalance": {"absolute": 0.02},
        "exempt": ["maximum"],
    },
    "states": {
        "kind": "regime",
        "portfolios": ["pair", "model:ridge"],
        "how": "mix",
        "exempt": ["maximum"],
    },
    "safe": {"kind": "drawdown_control", "base": "states", "floor": 0.8, "exempt": ["maximum"]},
}


def named(mine, changes):
    """Return the asset names of the file in place of a0, a1, ..., inside a configuration's settings."""
    header = (mine().parent / "prices.csv").read_text().splitlines()[0].split(",")[1:]
    text = json.dumps(changes)
    for k, name in enumerate(header):
        text = text.replace(f'"a{k}"', json.dumps(name))
    return json.loads(text)


@pytest.fixture
def small(mine):
    """Return a function that writes a configuration with strategies on the file of prices."""

    def write(strategies=STRATEGIES, **changes):
        settings = {
            "models": MODELS,
            "allocation__forecast": "ridge",
            "features__include": ["asset", "market"],
        }
        return mine(**settings, strategies=named(mine, strategies), **changes)

    return write


def one(**changes):
    return {"s": {"kind": "strategic", "weights": {"a0": 1.0}} | changes}


@pytest.mark.parametrize(
    ("strategies", "message"),
    [
        (
            {"s": {"kind": "stratgic"}},
            r"strategies\.s\.kind: 'stratgic' is no kind of .*; did you mean 'strategic'",
        ),
        (one(wieghts={}), r"strategies\.s\.wieghts: unknown key; did you mean 'weights'"),
        (one(rebalance={"abs": 0.1}), r"strategies\.s\.rebalance\.abs: unknown key; .*absolute"),
        (one(rebalance={"absolute": 2}), r"strategies\.s\.rebalance\.absolute: .*less than or equal to 1"),
        (
            one(weights={"a0": 0.7, "a1": 0.6}),
            r"strategies\.s\.weights: they sum to 1\.3, expected 1 at most",
        ),
        (one(sleeves={"x": ["a9"]}), r"strategies\.s\.sleeves\.x: 'a9' has no weight"),
        (one(sleeves={"x": ["a0"], "y": ["a0"]}), r"sleeves\.y: .* is already in sleeves\.x"),
        ({"equal_weight": one()["s"]}, r"strategies\.equal_weight: this is the name of a baseline"),
        (
            {"s": {"kind": "drawdown_control", "base": "model:rigde", "floor": 0.8}},
            r"strategies\.s\.base: 'model:rigde' is no strategy.*; did you mean 'model:ridge'",
        ),
        (
            {"s": {"kind": "mean_variance", "forecast": "rigde"}},
            r"strategies\.s\.forecast: 'rigde' is not among the models; did you mean 'ridge'",
        ),
        (
            {
                "s": {"kind": "drawdown_control", "base": "t", "floor": 0.8},
                "t": {"kind": "core_satellite", "core": "s", "satellite": "equal_weight"},
            },
            r"strategies\.s: it is made of itself \(s > t > s\)",
        ),
        (
            {"s": {"kind": "regime", "portfolios": ["equal_weight"]}},
            r"strategies\.s\.portfolios: 1 portfolio for 2 regimes",
        ),
        (
            {"s": {"kind": "endowment", "classes": {"c": {"target": 0.5, "assets": ["a0"], "max_trade": 1}}}},
            r"strategies\.s\.classes\.c\.max_trade: unknown key; did you mean 'maximum_trade'",
        ),
        (
            {"s": {"kind": "drawdown_control", "base": "equal_weight", "floor": 0.8, "minimum": 2}},
            r"strategies\.s: minimum 2 is more than maximum 1",
        ),
    ],
)
def test_mistakes_are_named(small, strategies, message):
    with pytest.raises(ConfigError, match=message):
        load_config(small(strategies))


def test_mistakes_of_the_allocation_are_named(small):
    with pytest.raises(ConfigError, match=r"allocation\.strategy: 'mxi' is not .*; did you mean 'mix'"):
        load_config(small(allocation__strategy="mxi"))
    with pytest.raises(ConfigError, match=r"relax is a setting of on_infeasible relax, not of .* hold"):
        load_config(small(allocation__on_infeasible="hold", allocation__relax=["groups"]))
    with pytest.raises(ConfigError, match="each kind of limit once"):
        load_config(small(allocation__on_infeasible="relax", allocation__relax=["groups", "groups"]))


def test_an_asset_that_does_not_exist_is_named_before_anything_is_fitted(small):
    pipeline = pipeline_of(small(one(weights={"Asset_XX": 1.0})))
    with pytest.raises(RunError, match=r"strategies\.s\.weights: 'Asset_XX' is no asset of the data"):
        pipeline.prepare()


def test_strategies_are_simulated_audited_attributed_and_told(small, tmp_path):
    done = evaluated(small(allocation__strategy="safe", audit={"cuts": 1}))
    assert done.chosen == "strategy:safe"
    assert done.forecasting == "model:ridge"
    names = {f"strategy:{name}" for name in STRATEGIES}
    assert names < set(done.results)
    rows = {len(result.positions) for result in done.results.values()}
    assert len(rows) == 1, "the same dates"
    for name in names:
        paths = done.results[name].sleeves
        np.testing.assert_allclose(paths.net.sum(axis=1), done.results[name].net, rtol=0, atol=1e-12)
        attribution = done.attributions()[name]
        for key, whole in attribution[TOTAL].items():
            parts = sum(row[key] for sleeve, row in attribution.items() if sleeve != TOTAL)
            assert parts == pytest.approx(whole, abs=1e-12)
    certificate = audit(done)
    assert [str(leak) for leak in certificate.leaks] == []
    compared = {(item["stage"], item["name"]): item["values"] for item in certificate.checked}
    for name in names:
        assert compared[f"portfolio {name}", "weight"] > 0
        assert compared[f"portfolio {name}", "sleeves"] > 0
    rule = next(r for r in certificate.as_dict()["rules"] if "sleeves" in r["rule"])
    assert rule["checked"] == len(names) * rows.pop()
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add([describe_trial(done)])
    evidence = judge(done, ledger.trials("mine"))
    assert "Traded is the strategy safe" in evidence.reason
    assert evidence.tests["strategies_compared"] == 1 + len(names), "strategies were looked at, too"
    drift = measure_run(done)
    actual = summary(done, certificate, evidence, drift)
    assert actual["traded"] == "strategy:safe"
    assert set(actual["attribution"]) == names
    assert "satellite/base/active" in actual["attribution"]["strategy:pair"]
    from pipeline.report.charts import run_charts

    page = render(done, "title", run_charts.draw(done), certificate, evidence, drift)
    assert "What each part of a strategy brought" in page
    assert "satellite" in page


def test_without_strategies_nothing_is_told_of_them(small):
    done = evaluated(small({}))
    assert not any(name.startswith("strategy:") for name in done.results)
    assert done.attributions() == {}
    assert done.chosen == done.forecasting == "model:ridge"


def test_the_ledger_counts_what_is_traded(small, tmp_path):
    plain, shown, traded = (
        evaluated(path())
        for path in (
            lambda: small({}),
            lambda: small(),
            lambda: small(allocation__strategy="mix"),
        )
    )
    ledger = Ledger(tmp_path / "ledger.jsonl")
    ledger.add([describe_trial(plain), describe_trial(shown)])
    assert ledger.trials("mine").configurations == 1, "the same portfolio is traded"
    ledger.add([describe_trial(traded)])
    assert ledger.trials("mine").configurations == 2
    assert describe_trial(plain)["gain_sharpe"] == describe_trial(traded)["gain_sharpe"]
    # The same strategy is traded, but the forecast is judged by another portfolio: that is another look.
    bolder = evaluated(small(allocation__strategy="mix", allocation__risk_aversion=2))
    np.testing.assert_array_equal(bolder.results["strategy:mix"].net, traded.results["strategy:mix"].net)
    ledger.add([describe_trial(bolder)])
    assert ledger.trials("mine").configurations == 3


def test_limits_that_cannot_be_met_stop_hold_or_give_way(small):
    tight = {"allocation__maximum": 0.1}
    with pytest.raises(RunError, match=r"allocation, at .*: these limits cannot be met together"):
        evaluated(small(STRATEGIES, **tight))
    held = evaluated(small(STRATEGIES, **tight, allocation__on_infeasible="hold"))
    result = held.results["model:ridge"]
    assert result.held == len(held.trained.prepared.schedule.decisions)
    assert not result.weights.any(), "cash to the end"
    assert held.performance["model:ridge"]["held"] == result.held
    assert _count_fallbacks(held)["model:ridge"]["held"] == result.held
    # Inside a composite it is counted, too.
    assert _count_fallbacks(held)["strategy:safe"]["held"] > 0
    assert "cannot be met together" in held.target.note
    eased = evaluated(
        small(STRATEGIES, **tight, allocation__on_infeasible="relax", allocation__relax=["groups", "maximum"])
    )
    counts = _count_fallbacks(eased)["model:ridge"]
    assert eased.performance["model:ridge"]["relaxed"] == counts["relaxed"] > 0
    assert counts["held"] == 0
    assert "relaxed: groups entirely, maximum by" in counts["first"]
    assert held.performance["equal_weight"]["held"] == eased.performance["equal_weight"]["relaxed"] == 0


def test_a_strategy_that_does_not_trade_at_the_last_date_tells_what_it_holds(small):
    never = one(weights={"a0": 0.5}, rebalance={"every": 1000})
    done = evaluated(small(never, allocation__strategy="s"))
    assert done.target.note == "no trade"
    assert done.target.weights.sum() + done.target.cash == pytest.approx(1)
    np.testing.assert_array_equal(done.target.weights, done.results["strategy:s"].final_weights)


def test_a_strategy_after_a_fallback_is_the_same_bits_in_a_second_run(small):
    path = small(STRATEGIES)
    first, second = evaluated(path), evaluated(path)
    for name, result in first.results.items():
        np.testing.assert_array_equal(result.net, second.results[name].net)
    assert replace(first, trained=second.trained).attributions() == second.attributions()


def test_shares_of_regimes_by_hand():
    actual = np.array([[np.nan, np.nan, np.nan], [0.2, 0.5, 0.3]])
    member = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])  # the first portfolio is for two states
    for how, expected in (("mix", [0.5, 0.5]), ("switch", [0.0, 1.0])):
        shares = regime_shares(actual, member, how)
        np.testing.assert_allclose(shares(0), [2 / 3, 1 / 3])
        np.testing.assert_allclose(shares(1), expected)


def test_the_shipped_example_is_read():
    from pathlib import Path

    path = Path(__file__).resolve().parents[2] / "configs" / "strategies.yaml"
    config = load_config(path)
    kinds = {section.kind for section in config.strategies.values()}
    assert len(kinds) >= 9
    assert set(yaml.safe_load(path.read_text())["strategies"]) == set(config.strategies)


def test_the_shipped_classes_are_held_as_the_example_names_them():
    from pathlib import Path

    config = load_config(Path(__file__).resolve().parents[2] / "configs" / "classes.yaml")
    assert {"sixty_forty", "all_weather", "risk_parity", "permanent"} <= set(config.strategies)
    assert config.target.execution_lag == 1  # a mean of days that are over cannot be traded
    assets = load_panel("classes")[0].assets
    named = [name for s in config.strategies.values() for _, names in s.assets_named() for name in names]
    assert named
    assert set(named) <= set(assets)


def test_every_allocator_is_a_strategy(small):
    kinds = {
        "parity": {"kind": "risk_parity"},
        "budgets": {"kind": "risk_parity", "budgets": {"A00": 2.0, "A02": 1.0, "A03": 1.0}},
        "tree": {"kind": "hierarchical_risk_parity", "linkage": "ward"},
        "diversified": {"kind": "maximum_diversification"},
        "sharpe": {"kind": "maximum_sharpe", "forecast": "ridge"},
        "tail": {"kind": "cvar", "level": 0.8},
        "kelly": {"kind": "kelly", "fraction": 0.5},
        "equilibrium": {"kind": "black_litterman", "forecast": "ridge", "market": {"A00": 1.0, "A01": 2.0}},
    }
    done = evaluated(small(kinds))
    for name in kinds:
        result = done.results[f"strategy:{name}"]
        np.testing.assert_allclose(result.weights.sum(axis=1) + result.cash_weight, 1, atol=1e-9)
        assert len(result.decisions) == len(done.trained.prepared.schedule.decisions)
        assert result.weights.min() >= -1e-12
    budgets = done.results["strategy:budgets"].weights
    assert (budgets[0, [0, 2, 3]] > 0).all()
    assert not budgets[:, [1, 4, 5, 6, 7]].any()


def test_limits_and_impact_of_the_configuration_are_those_of_the_allocator(small):
    path = small(
        {"s": {"kind": "mean_variance", "forecast": "ridge"}},
        impact_rate=0.02,
        allocation__minimum=-0.2,
        allocation__leverage=1.3,
        allocation__annual_volatility=0.5,
        allocation__annual_tracking_error=0.2,
        allocation__benchmark={"A00": 0.5, "A01": 0.5},
        allocation__linear={"tilt": {"coefficients": {"A00": 1.0, "A02": 2.0}, "minimum": 0.4}},
    )
    done = evaluated(path)
    year = done.trained.prepared.panel.periods_per_year
    slack = done.target.certificate.slack
    horizon = done.trained.prepared.config.target.horizon
    assert f"volatility at most {0.5 * (horizon / year) ** 0.5:g}" in slack
    assert f"tracking error at most {0.2 * (horizon / year) ** 0.5:g}" in slack
    assert "leverage at most 1.3" in slack
    assert "'tilt' at least 0.4" in slack
    assert min(slack.values()) >= -1e-6
    result = done.results["model:ridge"]
    checks = list(check_earnings(result, done.trained.prepared.panel, load_config(path)))
    assert {check.row for check in checks} == {None}
    assert (result.cost > 0.001 * result.turnover).any(), "impact is paid beside the share"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"allocation__linear": {"x": {"coefficients": {"a0": 1.0}}}},
            "a minimum, a maximum or both are needed",
        ),
        (
            {"allocation__annual_tracking_error": 0.1},
            "tracking_error and the weights of a benchmark go together",
        ),
        ({"allocation__leverage": -1.0}, "leverage: the limit -1 must be a number above 0"),
        ({"allocation__linear": {"x": {"coeficients": {}, "minimum": 1}}}, "did you mean 'coefficients'"),
    ],
)
def test_mistakes_in_limits_are_named(small, changes, message):
    with pytest.raises(ConfigError, match=message):
        load_config(small(one(), **changes))

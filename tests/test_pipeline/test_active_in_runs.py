"""What an allocator reads, in whole runs: benchmarks, transfer of the forecast, and sources of the active return."""

import json

import numpy as np
import pytest
import yaml
from own_prices import settings, write_prices
from running import evaluated

from allocation.covariance_types import to_dense
from backtest.active.sources import GROSS, NET, SOURCES, split_active
from backtest.benchmark import measure_against
from models.calibration import baseline_mean
from pipeline.audit.audit import audit
from pipeline.config import RunConfig, load_config
from pipeline.errors import ConfigError
from pipeline.export.result_tables import decisions_table
from pipeline.report.active_table import active_table, describe_transfer
from pipeline.stages.active import record
from pipeline.stages.results import evaluate_from


def config_of(folder, **changes):
    content = settings(folder, 150, **changes)
    content["models"] = {
        "ridge": {"kind": "ridge", "n_penalties": 8, "inner_splits": 2},
        "mean": {"kind": "mean"},
    }
    content["allocation"]["forecast"] = "ridge"
    content["features"] = {"include": ["market", "momentum_12_1", "drawdown_12", "max_return_12"]}
    return RunConfig.model_validate(content)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = tmp_path_factory.mktemp("active")
    write_prices(made / "prices.csv", n_dates=150, n_assets=8, seed=2)
    return made


@pytest.fixture(scope="module")
def run(folder):
    return evaluated(config_of(folder))


FREE = {
    "cost_rate": 0.0,
    "allocation__minimum": -4.9,
    "allocation__maximum": 4.9,
    "allocation__risk_aversion": 40.0,
    "allocation__l2_penalty": 0.0,
    "allocation__active_risk_aversion": 0.0,
}
"""No costs, and limits that never bind."""


@pytest.fixture(scope="module")
def free(folder):
    return evaluated(config_of(folder, **FREE))


def test_sources_add_up_to_what_was_earned_above_no_forecast(run):
    found = split_active(run.active)
    traded, base = run.results["model:ridge"], run.results["no_forecast"]
    parts = np.sum([found[name] for name in SOURCES if name in found], axis=0)
    assert parts == pytest.approx(traded.gross - base.gross, abs=1e-15)
    assert found[NET] == pytest.approx(traded.net - base.net, abs=1e-15)
    means = run.active_return["sources"]
    assert sum(means[name]["mean"] for name in SOURCES[:4]) == pytest.approx(means[GROSS]["mean"], abs=1e-13)
    net = run.benchmarks["model:ridge"]["no_forecast"]
    assert net["active_return"] == pytest.approx(means[NET]["mean"], abs=1e-13)


def test_without_limits_and_costs_all_of_the_forecast_is_held_and_nothing_is_lost(free):
    transfer = free.active.transfer[:, free.active.names.index("model:ridge")]
    decisions, covariances = free.active.decisions.tolist(), free.trained.covariances
    open_then = np.array([covariances.closed_at(row) is None for row in decisions])
    assert 20 < open_then.sum() < len(open_then)
    held = np.isfinite(transfer)
    assert (open_then & held).sum() > 20
    assert transfer[open_then & held] == pytest.approx(1, abs=1e-6)
    assert np.nanmax(np.abs(transfer[~open_then] - 1)) > 1e-3, "what cannot be traded is not transferred"
    found = split_active(free.active)
    earned = open_then[np.searchsorted(free.active.first, free.active.positions)]
    size = np.abs(found[GROSS]).max()
    assert size > 0
    for name in ("size", "limits", "trading", "cost"):
        assert found[name][earned] == pytest.approx(0, abs=1e-5 * size), name


def test_limits_reduce_the_transfer(run):
    held = run.transfer["model:ridge"]
    assert 0 < held["transfer_coefficient"] < 0.98


def test_a_transfer_coefficient_is_that_of_explicit_inverses(run):
    """At one decision: weights of the results, covariance and forecast of the stages, and plain linear algebra."""
    trained, config = run.trained, run.trained.prepared.config
    schedule, d = trained.prepared.schedule, 7
    row = int(run.active.decisions[d])
    base = baseline_mean(schedule.labels, config.calibration.own_mean_weight, schedule.target.riskless)[row]
    forecast = trained.forecasts["ridge"]
    alpha = forecast.mean[list(forecast.positions).index(row)] - base
    sigma, eligible = trained.covariances.at(row)
    alpha, sigma = alpha[eligible], to_dense(sigma)[np.ix_(eligible, eligible)]
    inverse = np.linalg.inv(sigma)
    neutral = alpha - inverse.sum(axis=0) @ alpha / inverse.sum()
    results = [run.results[name] for name in ("model:ridge", "no_forecast")]
    mine, other = (r.weights[list(r.positions).index(row + 1)] for r in results)
    active = (mine - other)[eligible]
    risk, potential = np.sqrt(active @ sigma @ active), np.sqrt(neutral @ inverse @ neutral)
    k = run.active.names.index("model:ridge")
    assert run.active.risk[d, k] == pytest.approx(risk)
    assert run.active.potential[d] == pytest.approx(potential)
    assert run.active.transfer[d, k] == pytest.approx(neutral @ active / (risk * potential))


def test_a_traded_strategy_adds_a_source(folder):
    strategies = {
        "half": {"kind": "tactical", "strategic": "equal_weight", "forecast": "ridge", "deviation": 0.05}
    }
    done = evaluated(
        config_of(
            folder,
            strategies=strategies,
            allocation__strategy="half",
            allocation__rebalance_every=3,
            evaluation__benchmarks=["half", "model:mean", "market"],
        )
    )
    found = split_active(done.active)
    assert list(found)[:5] == list(SOURCES)
    gap = done.results["strategy:half"].gross - done.results["no_forecast"].gross
    assert np.sum([found[name] for name in SOURCES], axis=0) == pytest.approx(gap, abs=1e-15)
    assert list(done.benchmarks["strategy:half"]) == ["model:mean", "market"]
    assert list(done.benchmarks["model:ridge"]) == ["half", "model:mean", "market"]
    assert "what the strategy does otherwise" in [name for name, _ in active_table(done)["rows"]]


def test_benchmarks_are_read_in_the_rows_of_the_portfolio(run):
    panel, mine = run.trained.prepared.panel, run.results["model:ridge"]
    assert list(run.benchmarks["model:ridge"]) == ["no_forecast", "equal_weight", "market"]
    market = panel.market[mine.positions] - panel.cash[mine.positions]
    expected = measure_against(mine.net - mine.cash_return, market, 12)
    assert run.benchmarks["model:ridge"]["market"] == pytest.approx(expected, nan_ok=True)
    assert not {"no_forecast", "equal_weight"} & set(run.benchmarks)


def test_benchmarks_decide_nothing(folder):
    one, two = config_of(folder), config_of(folder, evaluation__benchmarks=[])
    assert one.digest() == two.digest()
    done = evaluated(two)
    assert done.benchmarks["model:ridge"] == {}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["no_forcast"], "no_forcast' is no baseline, strategy, model:<name> or market"),
        (["model:lasso"], "model:lasso' is no baseline"),
        (["market", "market"], "given twice"),
    ],
)
def test_a_wrong_benchmark_is_refused_by_name(folder, tmp_path, given, said):
    path = tmp_path / "case.yaml"
    content = settings(folder, 150, evaluation__benchmarks=given)
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match=r"evaluation\.benchmarks") as error:
        load_config(path)
    assert said in str(error.value)


def test_the_holdout_is_measured_alone(run):
    row = int(run.active.positions[-12])
    part = evaluate_from(run, row)
    assert len(part.active.positions) == 12
    assert np.array_equal(part.active.gross, run.active.gross[-12:])
    assert part.active_return["sources"][GROSS]["mean"] == pytest.approx(
        12 * run.active.gross[-12:, -1].mean()
    )


def test_tables_say_what_was_measured(run):
    table = decisions_table(run)
    k = run.active.names.index("model:ridge")
    assert np.array_equal(table["transfer_coefficient"], run.active.transfer[:, k], equal_nan=True)
    assert len(table) == len(run.active.decisions)
    assert f"{run.transfer['model:ridge']['transfer_coefficient']:.2f}" in describe_transfer(run)
    assert len(active_table(run)["rows"]) == 8


def test_the_audit_compares_what_is_measured(run):
    certificate = audit(run)
    assert certificate.clean
    seen = {(item["stage"], item["name"]): item["values"] for item in certificate.checked}
    for name in ("transfer coefficient", "number of bets", "active risk", "active return"):
        assert seen["active", name] > 0
    assert seen["portfolio within limits", "weight"] > 0


def test_the_audit_catches_sizes_of_the_full_sample(folder, monkeypatch):
    """Alphas in units of their mean size over all decisions: a statistic that knows the future."""
    honest = record.make_alphas

    def leaking(*parts):
        base, alpha = honest(*parts)
        return base, alpha / np.abs(alpha).mean()

    monkeypatch.setattr(record, "make_alphas", leaking)
    certificate = audit(evaluated(config_of(folder)))
    assert "active" in {leak.stage for leak in certificate.leaks}
    json.dumps(certificate.as_dict())

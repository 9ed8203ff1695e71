"""Regime forecasts and covariance scores in a run: what is traded on them, reported and tracked."""

import json
from dataclasses import replace

import numpy as np
import pytest
from own_prices import settings, write_prices
from running import evaluated

from allocation.covariance.path_estimation import covariance_path
from allocation.covariance.sample import SampleCovariance
from pipeline.config import RunConfig
from pipeline.export.summary import summary
from pipeline.report.charts.run_charts import draw
from pipeline.stages.results import evaluate_from
from pipeline.stages.scores.covariances import score_covariances
from pipeline.tracking.payload import make_mlflow_run


def configured(folder, **changes):
    content = settings(folder, 150, **changes)
    content["models"] = {"zero": {"kind": "zero"}}
    content["allocation"] |= {"forecast": "zero", "rebalance_every": 3, "maximum": 1.0}
    content["features"] = {"include": ["market", "momentum_12_1"]}
    return RunConfig.model_validate(content)


@pytest.fixture
def folder(tmp_path):
    write_prices(tmp_path / "prices.csv", n_dates=150, n_assets=8, seed=2)
    return tmp_path


def with_portfolios(follow):
    return {
        "kind": "regime",
        "portfolios": ["equal_weight", "minimum_variance"],
        "how": "mix",
        "follow": follow,
    }


def test_a_strategy_by_regime_follows_the_forecast_or_the_present(folder):
    strategies = {follow: with_portfolios(follow) for follow in ("current", "forecast")}
    done = evaluated(configured(folder, strategies=strategies))
    path = done.trained.regimes
    for follow, p in (("current", path.probabilities), ("forecast", path.forecast.probabilities)):
        result = done.results[f"strategy:{follow}"]
        row = int(result.decisions[0])
        parts = [done.results[name].targets[0] for name in ("equal_weight", "minimum_variance")]
        np.testing.assert_allclose(result.targets[0], p[row] @ np.array(parts), atol=1e-9)
    targets = [done.results[f"strategy:{follow}"].targets for follow in ("current", "forecast")]
    assert not np.array_equal(*targets)


def test_the_mixture_trades_its_mean_and_covariance(folder):
    strategies = {follow: {"kind": "regime_mixture", "follow": follow} for follow in ("forecast", "current")}
    done = evaluated(configured(folder, strategies=strategies))
    prudent = evaluated(
        configured(folder, strategies={"forecast": {"kind": "regime_mixture", "risk_aversion": 1e6}})
    )
    weights = [done.results[f"strategy:{name}"].targets for name in strategies]
    assert not np.array_equal(*weights)
    cautious = prudent.results["strategy:forecast"]
    assert cautious.net.std() < done.results["strategy:forecast"].net.std()
    for each in weights:
        np.testing.assert_allclose(each.sum(axis=1), 1, atol=1e-9)


@pytest.mark.parametrize("changes", [{}, {"target__horizon": 3, "target__execution_lag": 1}])
def test_covariances_are_scored_on_the_returns_that_follow(folder, changes):
    """By hand: QLIKE and portfolio of one decision, from the returns of its holding period."""
    config = configured(folder, **changes)
    done = evaluated(config)
    scores, panel, path = done.covariance_scores, done.trained.prepared.panel, done.trained.covariances
    horizon, lag = config.target.horizon, config.target.execution_lag
    excess = panel.returns - panel.cash[:, None]
    assert scores.overlap == 0
    for d in (0, len(scores.positions) - 1):
        row = int(scores.positions[d])
        period = excess[row + lag + 1 : row + lag + 1 + horizon]
        assert len(period) == horizon
        inside = path.at(row)[1] & np.isfinite(period).all(axis=0)
        sigma, period = path.at(row)[0][np.ix_(inside, inside)], period[:, inside]
        inverse = np.linalg.inv(sigma)
        n = inside.sum()
        qlike = (np.linalg.slogdet(sigma)[1] + sum(r @ inverse @ r for r in period)) / n
        assert scores.qlike["ledoit_wolf"][d] == pytest.approx(qlike)
        w = inverse.sum(axis=1) / inverse.sum()
        assert scores.variance["ledoit_wolf"][d] == pytest.approx(((period @ w) ** 2).sum())
    last = len(excess) - 1
    assert scores.positions[-1] + lag + horizon <= last < scores.positions[-1] + lag + horizon + 3
    sample = covariance_path(
        excess,
        scores.positions,
        window=config.allocation.covariance_window,
        min_history=config.allocation.min_history,
        horizon=horizon,
        estimator=SampleCovariance(),
    )
    again = score_covariances(panel, sample, with_kind(config, "sample"), int(scores.positions[0]))
    for name in ("sample", "ledoit_wolf", "diagonal"):
        np.testing.assert_allclose(again.qlike[name], scores.qlike[name])
    gain = scores.rows()["sample"]["qlike_gain"]
    assert gain == pytest.approx(np.mean(scores.qlike["sample"] - scores.qlike["ledoit_wolf"]))


def with_kind(config, kind):
    covariance = config.allocation.covariance.model_copy(update={"kind": kind})
    return config.model_copy(
        update={"allocation": config.allocation.model_copy(update={"covariance": covariance})}
    )


def test_more_decisions_than_periods_overlap(folder):
    config = configured(folder, target__horizon=3)
    every = config.allocation.model_copy(update={"rebalance_every": 1})
    done = evaluated(config.model_copy(update={"allocation": every}))
    assert done.covariance_scores.overlap == 2


def test_scores_are_in_summary_chart_and_tracking(folder):
    from pipeline.chains.ledger import Ledger
    from pipeline.drift.measure import measure_run
    from pipeline.report.report import render
    from pipeline.verdict.evidence import judge
    from pipeline.verdict.trial import describe_trial

    done = evaluated(configured(folder, regimes__kind="hmm", regimes__covariance="diagonal"))
    ledger = Ledger(folder / "ledger.jsonl")
    entry = describe_trial(done)
    ledger.add([entry])
    evidence = judge(done, ledger.trials("x", entry["sketch"]))
    drift = measure_run(done)
    written = json.loads(json.dumps(summary(done, None, evidence, drift), default=str))
    forecast = written["regime"]["forecast"]
    assert forecast["kind"] == "transitions"
    assert sum(forecast["probabilities"]) == pytest.approx(1)
    assert sum(refit["n_dates"] for refit in forecast["by_refit"]) == forecast["n_dates"] > 20
    assert set(forecast["baselines"]) == {"persistence", "certain_persistence", "shares"}
    assert set(written["covariance"]["scores"]) == {"ledoit_wolf", "sample", "diagonal"}
    charts = draw(done)
    assert "probability stated" in charts["reliability"]
    page = render(done, "x", charts, None, evidence, drift)
    assert "Forecast of the regime" in page
    assert "Covariance as a forecast" in page
    steps = make_mlflow_run(done, None, evidence, drift).metrics
    names = {name for name, _, _ in steps}
    assert {"regime/log_score", "regime/persistence/log_gain", "fold/regime_log_score"} <= names
    assert {"covariance/qlike", "covariance/sample/qlike"} <= names
    # An unsealed holdout is judged by itself.
    row = int(done.trained.prepared.schedule.decisions[5])
    later = evaluate_from(done, row)
    assert later.regime_score.positions[0] == row
    assert later.covariance_scores.positions[0] == row


def test_a_state_without_a_forecast_stops_the_run(folder):
    from pipeline.errors import RunError
    from pipeline.stages.plausibility import check_regimes

    done = evaluated(configured(folder))
    path = done.trained.regimes
    probabilities = path.forecast.probabilities.copy()
    probabilities[-1] = np.nan
    broken = replace(path, forecast=replace(path.forecast, probabilities=probabilities))
    with pytest.raises(RunError, match="regimes: the forecast of state 0"):
        check_regimes(broken, done.trained.prepared.panel)

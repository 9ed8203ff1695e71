"""Drift of a run: each watch against a plain calculation, planted drift, and nothing that looks ahead."""

import json
from dataclasses import replace

import numpy as np
import pytest
import yaml
from own_prices import settings, write_prices
from regime_paths import path_of
from rich.console import Console
from synthetic import make_panel

from allocation.covariance.path import CovariancePath
from allocation.decision_status import DecisionStatus
from allocation.weights import OptimalityCertificate, Weights
from backtest.costs import TradingCost
from backtest.simulate import simulate
from features.building import build_matrix
from foundation.json_text import to_json
from market.counterfactual import replace_future
from models.forecast import Forecast
from models.target import Target
from pipeline.config import load_config
from pipeline.drift.drift import Drift, Watch
from pipeline.drift.features import watch_features
from pipeline.drift.measure import _judge, measure_run
from pipeline.drift.trading import watch_costs, watch_volatility
from pipeline.drift.watches import watch_forecast, watch_regimes
from pipeline.errors import ConfigError
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.settings.drift import DriftSection
from pipeline.store import Store
from validation.folds.labels import Labels

T, N, LENGTH = 240, 5, 12


def market(seed=0, horizon=1):
    """Return a forecast of nothing, labels and target of standard normal outcomes."""
    rng = np.random.default_rng(seed)
    value = 0.05 * rng.normal(size=(T, N))
    value[T - horizon :] = np.nan
    start = np.arange(T)
    labels = Labels(value, start, start + horizon, horizon)
    risk = np.full((T, N), 0.05)
    zero = np.zeros((T, N))
    forecast = Forecast("m", start, horizon, zero, zero, rng.normal(size=(T, N)), zero[:, 0], zero[:, 0])
    return forecast, Target(value / risk, risk, False, np.zeros(risk.shape, dtype=bool)), labels


def watches(forecast, target, labels, row=T - 1):
    return {one.what: one for one in watch_forecast(forecast, target, labels, row, LENGTH)}


@pytest.mark.parametrize("horizon", [1, 4])
def test_errors_are_those_of_labels_that_have_ended(horizon):
    forecast, target, labels = market(horizon=horizon)
    row = 200
    found = watches(forecast, target, labels, row)
    errors = labels.value[: row - horizon + 1] / 0.05
    assert found["size of the errors"].recent == pytest.approx((errors[-LENGTH:] ** 2).mean())
    assert found["size of the errors"].before == pytest.approx((errors[:-LENGTH] ** 2).mean())
    assert found["sign of the errors"].recent == pytest.approx(errors[-LENGTH:].mean())
    assert found["size of the errors"].dates == row - horizon + 1 - LENGTH
    # What ended later may be anything.
    later = np.where((labels.end > row)[:, None], 99.0, labels.value)
    assert watches(forecast, replace(target, value=later), replace(labels, value=later), row) == found


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda y: 2.5 * y, "size of the errors"),
        (lambda y: 0.5 * y - 0.04, "sign of the errors"),
        (lambda y: y, None),
    ],
)
def test_a_planted_change_of_the_errors_is_the_one_that_stands_out(spoil, what):
    forecast, target, labels = market()
    value = labels.value.copy()
    value[-1 - LENGTH : -1] = spoil(value[-1 - LENGTH : -1])
    found = watches(forecast, target, replace(labels, value=value))
    least = 1 / (1 + 1.5 * (T - 1 - LENGTH) / LENGTH)
    for name in ("size of the errors", "sign of the errors"):
        assert (found[name].p_value == pytest.approx(least)) == (name == what)


def test_a_ranking_that_turns_round_stands_out_and_one_that_gets_better_does_not():
    forecast, target, labels = market()
    skilful = target.value + np.random.default_rng(1).normal(size=(T, N))
    p = []
    for sign in (-1, 1):
        raw = skilful.copy()
        raw[-1 - LENGTH : -1] = sign * 5 * target.value[-1 - LENGTH : -1]
        p.append(watches(replace(forecast, raw=raw), target, labels)["rank correlation"].p_value)
    assert p[0] < 0.04
    assert p[1] > 0.9


def test_strange_dates_and_new_states_are_counted():
    label, anomaly = np.zeros(T, dtype=np.int64), np.full(T, 0.5)
    label[:30], anomaly[:30] = -1, np.nan
    label[60:90] = 1
    anomaly[[70, T - 3, T - 2]] = 1.0  # two of the recent dates are stranger than any in training
    label[[T - 2, T - 1]] = 2  # and two are of a state never told, one of them both
    path = path_of(np.zeros((T, 3)), label, anomaly)
    found = watch_regimes(path, T - 1, LENGTH)
    assert found.recent == pytest.approx(3 / 12)
    assert found.before == pytest.approx(1 / (T - 30 - LENGTH))
    assert found.p_value < 0.06
    assert "25% of the last 12 dates" in found.text
    assert watch_regimes(path, T - 4, LENGTH).recent == 0.0


def traded(lag, seed=3):
    """Return a simulation of random weights, its returns, and a covariance of its decisions."""
    rng = np.random.default_rng(seed)
    returns = 0.04 * rng.normal(size=(T, N))
    decisions = np.arange(20, T, 3)

    def policy(row, book):
        weights = rng.dirichlet(np.ones(N))
        return Weights(
            row, weights, 1 - float(weights.sum()), DecisionStatus.SOLVED, OptimalityCertificate({}, 0.0)
        )

    cost = TradingCost(0.002, 0.1)
    result = simulate("p", returns, np.full(T, 0.001), decisions, policy, cost=cost, execution_lag=lag)
    sigma = np.stack([np.diag(rng.uniform(1, 4, N)) * 1e-3 for _ in decisions])
    return result, returns, cost, CovariancePath(decisions, sigma, np.ones((len(decisions), N), dtype=bool))


def test_volatility_is_held_to_the_last_covariance_before_each_return():
    result, _, _, covariances = traded(0)
    row, horizon, units = 200, 2, []
    for k, at in enumerate(result.positions.tolist()):
        if at <= row:
            d = max(i for i, decided in enumerate(covariances.positions) if decided < at)
            expected = result.weights[k] @ covariances.sigma[d] @ result.weights[k] / horizon
            units.append((result.gross[k] - result.cash_return[k]) / expected**0.5)
    found = watch_volatility(result, covariances, horizon, row, LENGTH)
    assert found.recent == pytest.approx(np.sqrt(np.mean(np.square(units[-LENGTH:]))))
    assert found.before == pytest.approx(np.sqrt(np.mean(np.square(units[:-LENGTH]))))
    assert found.dates == len(units) - LENGTH


@pytest.mark.parametrize("factor", [0.1, 4.0])
def test_a_portfolio_that_varies_otherwise_than_expected_stands_out_either_way(factor):
    result, _, _, covariances = traded(0)
    gross = result.gross.copy()
    gross[-LENGTH:] *= factor
    found = watch_volatility(replace(result, gross=gross), covariances, 1, T - 1, LENGTH)
    assert found.p_value == pytest.approx(1 / (1 + 1.5 * found.dates / LENGTH))


def test_what_is_held_but_has_no_covariance_is_left_out():
    result, _, _, covariances = traded(0)
    sigma, eligible = covariances.sigma.copy(), covariances.eligible.copy()
    sigma[:, :, 2], sigma[:, 2], eligible[:, 2] = np.nan, np.nan, False
    found = watch_volatility(result, replace(covariances, sigma=sigma, eligible=eligible), 1, T - 1, LENGTH)
    without = result.weights.copy()
    without[:, 2] = 0.0
    assert found == watch_volatility(replace(result, weights=without), covariances, 1, T - 1, LENGTH)


@pytest.mark.parametrize("lag", [0, 1])
def test_costs_are_those_paid_and_the_plan_is_from_what_was_held_at_the_decision(lag):
    result, returns, cost, _ = traded(lag)
    row = 200
    paid, beyond = watch_costs(result, returns, cost, lag, row, LENGTH)
    on_date, more = np.zeros(T), np.zeros(T)
    for d, decided in enumerate(result.decisions.tolist()):
        if decided + lag + 1 > row:
            continue
        held = np.zeros(N)
        if decided in result.positions:
            k = result.positions.tolist().index(decided)
            grown = result.weights[k] * (1 + returns[decided])
            held = grown / (grown.sum() + result.cash_weight[k] * 1.001)
        on_date[decided + lag + 1] = result.cost[d]
        more[decided + lag + 1] = result.cost[d] - cost.charge(result.targets[d] - held)
    first = 20 + lag + 2  # the trade that built the portfolio is left out
    for found, series in ((paid, on_date), (beyond, more)):
        assert found.recent == pytest.approx(1e4 * series[row - LENGTH + 1 : row + 1].mean(), abs=1e-9)
        assert found.before == pytest.approx(1e4 * series[first : row - LENGTH + 1].mean(), abs=1e-9)
    assert np.isnan(beyond.p_value) == (lag == 0), "without a lag what was planned is what was paid"


def test_costs_that_rise_stand_out():
    result, returns, cost, _ = traded(0)
    dear = np.where(result.decisions >= T - LENGTH - 1, 3.0, 1.0) * result.cost
    paid, beyond = watch_costs(replace(result, cost=dear), returns, cost, 0, T - 1, LENGTH)
    assert max(paid.p_value, beyond.p_value) == pytest.approx(1 / (1 + 1.5 * paid.dates / LENGTH))


def test_features_that_shift_are_found_by_name_and_those_that_do_not_are_not():
    panel = make_panel("monthly", n_dates=360, n_assets=12, seed=5, late=False, deaths=False, holes=False)
    matrix = build_matrix(panel, ["return_1", "return_3", "volatility_12", "market_return_1"])
    values = matrix.values.copy()
    k = matrix.names.index("return_1")
    values[348:, :, k] += 0.5
    spoilt = replace(matrix, values=values)
    importance = np.linspace(0.1, 0.4, len(matrix.names))
    rules = {"false_discovery": 0.05, "psi_limit": 0.25}
    ask = (panel.listed, importance, (24, 340), 359, LENGTH)
    found = watch_features(spoilt, *ask, **rules)
    assert [one.name for one in found if one.alarm] == ["return_1"]
    assert found[0].name == "return_1"
    assert found[0].importance == importance[k]
    assert not any(one.alarm for one in watch_features(matrix, *ask, **rules))
    assert not any(one.alarm for one in watch_features(spoilt, *ask, false_discovery=0.05, psi_limit=99))
    # Recent dates that were trained on are no part of the reference.
    late = watch_features(spoilt, panel.listed, importance, (24, 359), 359, LENGTH, **rules)
    upto = watch_features(spoilt, panel.listed, importance, (24, 347), 359, LENGTH, **rules)
    assert late == upto


def test_a_watch_without_a_reference_says_so():
    forecast, target, labels = market()
    found = watches(forecast, target, labels, row=LENGTH - 2)["size of the errors"]
    assert np.isnan(found.p_value)
    assert "only 10 dates" in found.text
    assert not _judge([found], 0.1)[0].alarm


def test_holm_is_over_all_watches_that_could_be_tested():
    def watch(p):
        return Watch("forecast", "x", 0, 0, 0, 0, p, 10, "x")

    found = _judge([watch(0.02), watch(np.nan), watch(0.04), watch(0.5)], 0.1)
    assert [f.alarm for f in found] == [True, False, True, False]
    assert [f.corrected for f in found][::2] == pytest.approx([0.06, 0.08])


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Return a function that evaluates a small configuration on a panel."""
    folder = tmp_path_factory.mktemp("drift")
    panel = write_prices(folder / "prices.csv", n_dates=200, n_assets=8, seed=2, signal=0.4)
    content = settings(
        folder,
        200,
        features={"include": ["return_1", "return_3", "volatility_12", "market", "momentum_12_1"]},
        models={"ridge": {"kind": "ridge", "n_penalties": 8, "inner_splits": 2}},
        allocation__forecast="ridge",
        target__execution_lag=1,
        drift={"window": 6},
    )
    (folder / "mine.yaml").write_text(yaml.safe_dump(content))
    config = load_config(folder / "mine.yaml")

    def run(panel):
        pipeline = Pipeline(config, Store(folder / "store"), Reporter(Console(quiet=True)))
        return pipeline.evaluate(pipeline.train(pipeline.prepare((panel, ()))))

    return panel, run, run(panel)


@pytest.mark.parametrize(
    ("row", "change"), [(150, lambda panel, row: panel.as_of(panel.dates[row])), (171, replace_future)]
)
def test_drift_is_the_same_whatever_comes_later(runs, row, change):
    panel, run, done = runs
    expected = to_json(measure_run(done, row).as_dict())
    assert to_json(measure_run(run(change(panel, row)), row).as_dict()) == expected
    assert expected != to_json(measure_run(done, row + 1).as_dict())


def test_a_run_measures_against_the_rows_its_last_fit_was_trained_on(runs):
    panel, _, done = runs
    drift = measure_run(done)
    fold = done.trained.prepared.schedule.folds[-1]
    assert drift.trained == tuple(f"{panel.dates[fold.train[k]]:%Y-%m-%d}" for k in (0, -1))
    ended = int((done.trained.prepared.schedule.labels.end < len(panel.dates)).sum()) - 1
    assert drift.untrained == ended - fold.train[-1]
    assert drift.window == 6
    subjects = [f.watch.subject for f in drift.findings]
    assert subjects == [*["forecast"] * 3, "regimes", "volatility", *["costs"] * 2]
    assert {one.name for one in drift.features} == set(done.trained.prepared.matrix.names)
    strict = json.loads(to_json(drift.as_dict()), parse_constant=pytest.fail)
    assert strict["as_of"] == f"{panel.dates[-1]:%Y-%m-%d}"


def test_an_earlier_row_has_the_fit_that_was_in_use_then(runs):
    panel, _, done = runs
    folds = done.trained.prepared.schedule.folds
    row = int(folds[2].test[-1])
    assert measure_run(done, row).trained[1] == f"{panel.dates[folds[2].train[-1]]:%Y-%m-%d}"


def test_alarms_are_told_in_words():
    drift = Drift("2020-01-31", 12, ("2000-01-31", "2019-01-31"), 11, (), ())
    assert drift.all_alarms == ()
    assert drift.brief == "0 of 0 features shifted; none of 0 watches alarmed"


def test_the_section_decides_no_result_and_its_mistakes_are_named(mine):
    config = load_config(mine())
    other = load_config(mine(drift={"window": 24, "retrain_on": ["costs"]}))
    assert other.drift == DriftSection(window=24, retrain_on=("costs",))
    assert other.digest() == config.digest()
    with pytest.raises(ConfigError, match=r"drift\.windov: unknown key; did you mean 'window'"):
        load_config(mine(drift={"windov": 24}))
    with pytest.raises(ConfigError, match=r"drift\.retrain_on\.0"):
        load_config(mine(drift={"retrain_on": ["weather"]}))


def test_the_window_is_a_year_of_months_and_a_quarter_of_days():
    assert DriftSection().recent(12) == 12
    assert DriftSection().recent(252) == 63
    assert DriftSection(window=5).recent(252) == 5

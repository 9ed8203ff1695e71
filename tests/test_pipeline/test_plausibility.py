"""Results that cannot be: the run stops and names stage, column and date, and there is no verdict."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from own_prices import settings, write_prices
from running import evaluated, pipeline_of

from allocation.covariance.path import CovariancePath
from models.linear.regression import Ridge
from pipeline.cli import main as cli
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.stages import compute, results
from pipeline.stages.plausibility import (
    check_covariances,
    check_forecast,
    check_portfolio,
    check_regimes,
    check_scores,
    check_walk,
)

N_DATES = 150
ROW = 120


def config_of(folder, **changes):
    models = {"ridge": {"kind": "ridge", "n_penalties": 8, "inner_splits": 2}}
    content = settings(folder, N_DATES, models=models, allocation__forecast="ridge", **changes)
    return RunConfig.model_validate(content | {"audit": {"cuts": 0}})


@pytest.fixture
def folder(tmp_path):
    write_prices(tmp_path / "prices.csv", n_dates=N_DATES, n_assets=6, seed=2)
    return tmp_path


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    folder = tmp_path_factory.mktemp("plausible")
    write_prices(folder / "prices.csv", n_dates=N_DATES, n_assets=6, seed=2)
    return evaluated(config_of(folder))


def changed(values, place, value):
    out = np.array(values)
    out[place] = value
    return out


def on(done, row):
    return f"on {done.trained.prepared.panel.dates[row]:%Y-%m-%d}"


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_prediction_that_is_no_number_names_model_asset_and_date(done, value):
    panel, walk = done.trained.prepared.panel, done.trained.walks["ridge"]
    usable = panel.listed
    asset = int(np.flatnonzero(usable[ROW])[1])
    check_walk(walk, usable, panel)
    with pytest.raises(
        RunError, match=f"model ridge: the prediction of {panel.assets[asset]} {on(done, ROW)}"
    ):
        check_walk(replace(walk, raw=changed(walk.raw, (ROW, asset), value)), usable, panel)
    unlisted = np.argwhere(~usable[walk.fits[0].first_test :])[0] + (walk.fits[0].first_test, 0)
    assert np.isnan(walk.raw[tuple(unlisted)]), "an asset that is not listed may have none"


def test_a_forecast_that_is_no_number_names_model_asset_and_date(done):
    prepared, forecast = done.trained.prepared, done.trained.forecasts["ridge"]
    panel, schedule = prepared.panel, prepared.schedule
    d = int(np.searchsorted(forecast.positions, ROW))
    asset = int(np.flatnonzero(np.isfinite(forecast.mean[d]))[0])
    check_forecast(forecast, schedule, panel)
    with pytest.raises(
        RunError, match=f"forecast ridge: the expected return of {panel.assets[asset]} {on(done, ROW)}"
    ):
        check_forecast(replace(forecast, mean=changed(forecast.mean, (d, asset), np.nan)), schedule, panel)
    with pytest.raises(RunError, match=f"forecast ridge: the slope of all assets {on(done, ROW)}"):
        check_forecast(replace(forecast, slope=changed(forecast.slope, d, np.nan)), schedule, panel)


def test_a_covariance_that_is_no_number_names_asset_and_date(done):
    panel, path = done.trained.prepared.panel, done.trained.covariances
    d = int(np.searchsorted(path.positions, ROW))
    asset = int(np.flatnonzero(path.eligible[d])[2])
    check_covariances(path, panel)
    sigma = changed(path.sigma, (d, asset, asset), np.inf)
    with pytest.raises(
        RunError, match=f"covariances: the covariance of {panel.assets[asset]} {on(done, ROW)}"
    ):
        check_covariances(CovariancePath(path.positions, sigma, path.eligible), panel)


def test_regimes_and_scores_that_are_no_numbers_are_named(done):
    panel, path = done.trained.prepared.panel, done.trained.regimes
    check_regimes(path, panel)
    with pytest.raises(RunError, match=f"regimes: the probability of state 1 {on(done, ROW)}"):
        check_regimes(replace(path, probabilities=changed(path.probabilities, (ROW, 1), np.inf)), panel)
    with pytest.raises(RunError, match=f"regimes: the centre of state 0 {on(done, path.refits[1])}"):
        check_regimes(replace(path, centres=changed(path.centres, (1, 0, 2), np.nan)), panel)
    score = done.scores["ridge"]
    check_scores({"ridge": replace(score, metrics=score.metrics | {"rank_ic": np.nan})}, panel)
    with pytest.raises(RunError, match="scores of model ridge: r2 is -inf over 1999-"):
        check_scores({"ridge": replace(score, metrics=score.metrics | {"r2": -np.inf})}, panel)


def portfolio(done, net):
    result = done.results["equal_weight"]
    n = len(result.net)
    return replace(result, net=net[:n], gross=net[:n], cash_return=np.zeros(n))


def test_sharpe_ratios_and_volatilities_that_no_portfolio_has_are_named(done):
    panel = done.trained.prepared.panel
    rng = np.random.default_rng(0)

    def check(net):
        result = portfolio(done, net)
        return results.measure_portfolios(dict.fromkeys(results.BASELINES, result), panel)

    check(0.01 + 0.01 * rng.normal(size=N_DATES))  # 3.5 a year
    check(np.full(N_DATES, 0.01))  # no variation: the ratio does not exist, which is no ratio above 10
    with pytest.raises(
        RunError, match=r"portfolio equal_weight: a Sharpe ratio of 3\d\.\d a year over 1999-.*mean weight"
    ):
        check(0.01 + 0.001 * rng.normal(size=N_DATES))
    with pytest.raises(RunError, match=r"a Sharpe ratio of -3\d\.\d a year"):
        check(-0.01 + 0.001 * rng.normal(size=N_DATES))
    with pytest.raises(RunError, match=r"a volatility of 1,\d{3}% a year"):
        check(np.where(np.arange(N_DATES) % 2, -0.9, 7.0))
    with pytest.raises(RunError, match=r"portfolio equal_weight: the return of .* is no finite number"):
        check(changed(np.full(N_DATES, 0.01), 7, np.nan))


def test_a_high_ratio_of_a_few_returns_may_be_luck(done):
    panel, result = done.trained.prepared.panel, done.results["equal_weight"]
    net = np.array([0.02, 0.03, 0.025, 0.015])
    few = replace(result.since(int(result.positions[-4])), net=net, gross=net, cash_return=np.zeros(4))
    ratio = {"volatility": 0.02, "sharpe": 12.0, "sharpe_se": 5.0}
    check_portfolio(few, ratio, panel)
    with pytest.raises(RunError, match="a Sharpe ratio of 143"):
        check_portfolio(few, ratio | {"sharpe": 143.0, "sharpe_se": 30.0}, panel)


def test_an_overflow_in_a_thread_stops_the_run(folder, monkeypatch):
    def overflow(*_):
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(np.array([1e300, -1e300]).std).result()

    monkeypatch.setattr(compute, "make_regimes", overflow)
    pipeline = pipeline_of(config_of(folder))
    prepared = pipeline.prepare()
    with pytest.raises(
        RunError, match=r"^regimes and covariances: a number became too large .*The largest return of"
    ):
        pipeline.train(prepared)


def test_a_model_that_breaks_gets_no_verdict(folder, monkeypatch, capsys):
    """Through the command line: exit code 2, one message, and no run folder."""
    import yaml

    predict = Ridge.predict

    def broken(self, X, rows=None):
        actual = predict(self, X, rows)
        return np.where(rows.date == ROW, np.inf, actual)

    monkeypatch.setattr(Ridge, "predict", broken)
    path = folder / "mine.yaml"
    content = config_of(folder).model_dump(mode="json")
    path.write_text(yaml.safe_dump(content))
    monkeypatch.setattr("sys.argv", ["tangency", "evaluate", "--config", str(path)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    said = capsys.readouterr()
    assert ended.value.code == 2
    assert "model ridge: the prediction of " in said.err
    assert "is no finite number" in said.err
    assert "skill" not in said.out


def test_a_portfolio_that_earns_without_risk_stops_the_run(folder):
    """Levels that grow like a savings account, with cash that earns nothing."""
    rng = np.random.default_rng(0)
    prices = pd.read_csv(folder / "prices.csv", index_col=0)
    steady = 100 * np.cumprod(1.01 + 0.0005 * rng.normal(size=prices.shape), axis=0)
    pd.DataFrame(steady, prices.index, prices.columns).to_csv(folder / "prices.csv")
    with pytest.raises(
        RunError, match=r"portfolio equal_weight: a Sharpe ratio of 1\d\d\.\d a year .* on \d{4}-"
    ):
        evaluated(config_of(folder))

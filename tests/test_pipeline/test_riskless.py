"""A nearly riskless asset among risky ones: the others' forecasts and the model's portfolio stay what they were."""

import json

import numpy as np
import pandas as pd
import pytest
from own_prices import settings, write_prices
from rich.console import Console

from foundation.json_text import to_json
from pipeline.audit.audit import audit
from pipeline.config import RunConfig
from pipeline.export.freeze import freeze, inputs
from pipeline.export.frozen import Frozen
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.stages import compute
from pipeline.store import Store

N = 8
MODELS = {
    "ridge": {"kind": "ridge", "n_penalties": 8, "inner_splits": 2},
    "lightgbm": {"kind": "lightgbm", "max_trees": 10, "min_rows_in_leaf": 50},
}


def evaluated(folder, **changes):
    content = settings(folder, 170, models=MODELS, allocation__forecast="ridge", **changes)
    config = RunConfig.model_validate(content)
    pipeline = Pipeline(config, Store(folder / "store"), Reporter(Console(quiet=True)))
    return pipeline.evaluate(pipeline.train(pipeline.prepare()))


@pytest.fixture(scope="module", params=[True, False], ids=["relative", "absolute"])
def runs(request, tmp_path_factory):
    """Return a run on risky assets, and one with a bill beside them whose rate changes."""
    folder = tmp_path_factory.mktemp("riskless")
    write_prices(folder / "prices.csv", n_dates=170, n_assets=N, seed=4, signal=0.3, holes=False)
    without = evaluated(folder, target__relative=request.param)
    prices = pd.read_csv(folder / "prices.csv", index_col=0)
    rate = 0.003 + 0.002 * np.sin(np.arange(len(prices)) / 20)
    tick = 1 + 1e-4 * np.random.default_rng(0).uniform(-0.5, 0.5, len(prices))
    prices.assign(BIL=91 * np.cumprod(1 + rate) * tick).to_csv(folder / "prices.csv")
    return without, evaluated(folder, target__relative=request.param)


def test_forecasts_of_other_assets_change_by_at_most_5_percent(runs):
    """The measure: relative L2 over assets and dates of the forecasts less their mean over the assets of the date."""
    without, beside = runs
    for name, forecast in without.trained.forecasts.items():
        mean, again = (
            np.ma.masked_invalid(f.mean[:, :N]) for f in (forecast, beside.trained.forecasts[name])
        )
        assert (mean.mask == again.mask).all()
        differences, changed = (m - m.mean(axis=1, keepdims=True) for m in (mean, again))
        size = np.sqrt((differences**2).sum())
        assert np.sqrt(((changed - differences) ** 2).sum()) <= 0.05 * max(size, 1e-6), name
        assert np.abs(again - mean).max() <= 0.05 * np.abs(mean).max(), name


def test_the_net_sharpe_ratio_of_models_changes_by_at_most_3_hundredths(runs):
    without, beside = runs
    for name in without.performance:
        if name.startswith("model:") or name == "no_forecast":
            change = beside.performance[name]["sharpe"] - without.performance[name]["sharpe"]
            assert abs(change) <= 0.03, name


def test_the_bill_is_expected_to_earn_what_cash_earns_and_is_named(runs):
    _, beside = runs
    for forecast in beside.trained.forecasts.values():
        late = forecast.positions > 12
        assert (forecast.mean[late, N] == 0).all()
        assert np.isnan(forecast.raw[late, N]).all()
    findings = beside.trained.prepared.findings
    assert [f.asset for f in findings if f.check == "nearly riskless"] == ["BIL"]


def test_the_frozen_models_say_of_the_bill_what_the_run_said(runs):
    trained = runs[1].trained
    spec = Frozen(json.loads(to_json(freeze(trained))))
    row = len(trained.prepared.panel.dates) - 1
    listed = trained.prepared.panel.listed[row]
    assert listed[N]
    for name, said in trained.forecasts.items():
        result = spec.forecast(inputs(trained.prepared, trained.regimes, row), name)
        np.testing.assert_array_equal(result["mean"], said.mean[-1][listed], err_msg=name)
        np.testing.assert_array_equal(result["raw"], said.raw[-1][listed], err_msg=name)


def test_a_bill_among_the_assets_raises_no_alarm(runs):
    """Data that is read anew, features, targets and forecasts come out the same when the future is taken away."""
    assert [str(leak) for leak in audit(runs[1]).leaks] == []


def test_features_that_are_gone_on_from_are_those_of_a_full_build(runs):
    prepared = runs[1].trained.prepared
    before = compute.make_features(prepared.panel.select_rows(slice(0, 150)), prepared.config)
    appended = compute.make_features(prepared.panel, prepared.config, before)
    np.testing.assert_array_equal(appended.values, prepared.matrix.values)

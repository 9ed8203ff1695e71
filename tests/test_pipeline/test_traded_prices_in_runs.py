"""A later split or dividend rescales the adjusted past: forecasts and weights stay, and so do traded prices."""

import json

import numpy as np
import pandas as pd
import pytest
import yaml
from own_prices import settings, write_prices
from running import evaluated

from pipeline.audit.audit import audit
from pipeline.config import load_config
from pipeline.errors import ConfigError

N = 150
MODELS = {
    "ridge": {"kind": "ridge", "n_penalties": 8, "inner_splits": 2},
    "lightgbm": {"kind": "lightgbm", "max_trees": 10, "min_rows_in_leaf": 50},
}


def config_of(folder, **data):
    bars = ["ROC5", "MA5", "STD10", "VMA5", "rsi_14"]
    changes = {
        "models": MODELS,
        "allocation__forecast": "ridge",
        "features__include": ["return_1", "volatility_12", "market", "return_1_z", *bars],
        "audit": {"cuts": 1},
    }
    content = settings(folder, N, **changes)
    content["data"] |= data
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump(json.loads(json.dumps(content))))
    return path


def write_long(folder, factor):
    """Write a long file in which the adjusted prices of one asset, at all dates, are multiplied by a factor."""
    folder.mkdir(exist_ok=True)
    write_prices(folder / "wide.csv", n_dates=N, n_assets=6, holes=False)
    wide = pd.read_csv(folder / "wide.csv", index_col="date")
    rng = np.random.default_rng(3)
    adjusted = wide * np.where(np.arange(wide.shape[1]) == 2, factor, 1.0)
    # A split of the asset in row 70, and a dividend of the next one in row 90.
    unit = np.ones(wide.shape)
    unit[:70, 2], unit[:90, 3] = 2.0, 1.25
    close = wide * unit
    volume = pd.DataFrame(rng.lognormal(9, 1, wide.shape), wide.index, wide.columns).where(wide.notna())
    table = pd.concat({"adj_close": adjusted, "close": close, "volume": volume}, axis=1)
    table = table.stack(level=1).rename_axis(["date", "asset"]).reset_index()
    table.to_csv(folder / "prices.csv", index=False)
    return config_of(folder, traded="close")


@pytest.mark.parametrize("factor", [0.5, 0.25])
def test_a_later_adjustment_changes_no_forecast_and_no_weight(tmp_path, factor):
    one, two = (evaluated(write_long(tmp_path / name, f)) for name, f in (("one", 1.0), ("two", factor)))
    a, b = one.trained.prepared, two.trained.prepared
    np.testing.assert_array_equal(a.panel.traded, b.panel.traded)
    assert (a.panel.close[0, 2], a.panel.traded[0, 2]) != (b.panel.close[0, 2], b.panel.traded[0, 2])
    np.testing.assert_array_equal(a.matrix.values, b.matrix.values)
    for name, forecast in one.trained.forecasts.items():
        np.testing.assert_array_equal(forecast.mean, two.trained.forecasts[name].mean)
    assert set(one.results) == set(two.results)
    for name, result in one.results.items():
        np.testing.assert_array_equal(result.targets, two.results[name].targets, err_msg=name)
        np.testing.assert_array_equal(result.net, two.results[name].net, err_msg=name)


def test_the_audit_covers_traded_prices(tmp_path):
    certificate = audit(evaluated(write_long(tmp_path / "one", 1.0)))
    assert certificate.clean, certificate.leaks
    assert "traded" in {item["name"] for item in certificate.checked}


@pytest.mark.parametrize(
    "data, message",
    [
        (
            {"traded": "close", "values": "returns"},
            "traded prices go with source 'prices' and values 'prices'",
        ),
        ({"traded": {"pth": "x.csv"}}, "traded.*path"),
    ],
)
def test_mistakes_in_the_setting_are_named(tmp_path, data, message):
    with pytest.raises(ConfigError, match=message):
        load_config(config_of(tmp_path, **data))

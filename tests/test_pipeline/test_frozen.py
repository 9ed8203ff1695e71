"""What a run freezes forecasts what the run forecast, bit for bit, from JSON and a table alone."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pandas as pd
import pytest
from own_prices import settings, write_prices
from rich.console import Console

from foundation.json_text import to_json
from pipeline.config import RunConfig
from pipeline.export import frozen
from pipeline.export.freeze import freeze, inputs
from pipeline.export.frozen import Frozen
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.store import Store

MEMBERS = ["ridge", "median", "lightgbm", "mean", "momentum"]
MODELS = {
    "zero": {"kind": "zero"},
    "mean": {"kind": "mean"},
    "ridge": {"kind": "ridge", "n_penalties": 12, "inner_splits": 2},
    "median": {"kind": "univariate", "combine": "median"},
    "trimmed": {"kind": "univariate", "combine": "trimmed"},
    "weighted": {"kind": "univariate", "combine": "dmspe"},
    "lightgbm": {"kind": "lightgbm", "max_trees": 30, "min_rows_in_leaf": 30, "learning_rate": 0.1},
    "nested": {"kind": "lightgbm", "max_trees": 12, "min_rows_in_leaf": 50, "selection": "nested"},
    "momentum": {"kind": "univariate", "features": ["momentum_12_1_z"]},
    "few": {"kind": "ridge", "n_penalties": 8, "features": ["volatility_12", "regime_1", "return_1"]},
    "three": {"kind": "univariate", "combine": "median", "features": ["return_1", "return_12", "beta_36"]},
    "small": {
        "kind": "lightgbm",
        "max_trees": 12,
        "min_rows_in_leaf": 30,
        "features": ["return_12", "return_1"],
    },
    **{
        f"by_{method}": {"kind": "combination", "members": MEMBERS, "method": method}
        for method in ("mean", "median", "trimmed", "dmspe", "learned")
    },
}


@pytest.fixture(scope="module", params=[True, False], ids=["relative", "absolute"])
def trained(request, tmp_path_factory):
    """Train all kinds of models on a panel with late listings, deaths and holes."""
    folder = tmp_path_factory.mktemp("frozen")
    write_prices(folder / "prices.csv", n_dates=150, n_assets=11, seed=5, signal=0.3)
    changes = {"models": MODELS, "allocation__forecast": "by_mean", "target__relative": request.param}
    config = RunConfig.model_validate(settings(folder, 150, **changes))
    pipeline = Pipeline(config, Store(folder / "store"), Reporter(Console(quiet=True)))
    return pipeline.train(pipeline.prepare())


def test_every_kind_of_model_forecasts_the_last_date_as_the_run_did(trained):
    spec = Frozen(json.loads(to_json(freeze(trained))))
    row = len(trained.prepared.panel.dates) - 1
    table = inputs(trained.prepared, trained.regimes, row)
    listed = trained.prepared.panel.listed[row]
    assert 5 < listed.sum() < len(listed), "some asset has died, or it would not be tried"
    kinds = set()
    for name in MODELS:
        result, said = spec.forecast(table, name), trained.forecasts[name]
        np.testing.assert_array_equal(result["raw"], said.raw[-1][listed], err_msg=name)
        np.testing.assert_array_equal(result["mean"], said.mean[-1][listed], err_msg=name)
        kinds.add(spec.spec["models"][name]["kind"])
    assert kinds == {"Zero", "HistoricalMean", "Ridge", "Univariate", "Boosting", "Combination"}
    assert spec.forecast(table)["mean"].equals(spec.forecast(table, "by_mean")["mean"])


def test_the_order_of_the_rows_does_not_matter_and_a_new_asset_is_forecast(trained):
    spec = Frozen(json.loads(to_json(freeze(trained))))
    table = inputs(trained.prepared, trained.regimes, len(trained.prepared.panel.dates) - 1)
    result = spec.forecast(table).set_index("asset")
    turned = spec.forecast(table.iloc[::-1]).set_index("asset")
    assert list(turned.index) == list(table["asset"][::-1])
    pd.testing.assert_frame_equal(turned.loc[result.index], result, check_exact=True)
    more = pd.concat([table, table.iloc[[0]].assign(asset="NEW")])
    assert np.isfinite(spec.forecast(more).set_index("asset").loc["NEW"]).all()


def test_a_date_within_the_last_fold_is_forecast_likewise(trained):
    """The last fit was in use before the last date too: raw forecasts are the walk's there."""
    spec = Frozen(json.loads(to_json(freeze(trained))))
    row = len(trained.prepared.panel.dates) - 3
    table = inputs(trained.prepared, trained.regimes, row)
    for name in ("ridge", "lightgbm", "by_median"):
        walk = trained.walks[name]
        assert walk.fits[-1].first_test <= row
        np.testing.assert_array_equal(
            spec.forecast(table, name)["raw"], walk.raw[row][trained.prepared.panel.listed[row]]
        )


def test_threads_that_forecast_at_the_same_time_get_the_bits_of_one(trained):
    spec = json.loads(to_json(freeze(trained)))
    table = inputs(trained.prepared, trained.regimes, len(trained.prepared.panel.dates) - 1)
    expected = {name: Frozen(spec).forecast(table, name) for name in ("lightgbm", "by_mean")}
    model, start = Frozen(spec), Barrier(8)  # also the first forecasts, which load the trees, overlap

    def compare(number):
        name = ("lightgbm", "by_mean")[number % 2]
        start.wait()
        return sum(not model.forecast(table, name).equals(expected[name]) for _ in range(60))

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(compare, range(8))) == 0


def test_wrong_tables_are_refused(trained):
    spec = Frozen(json.loads(to_json(freeze(trained))))
    table = inputs(trained.prepared, trained.regimes, len(trained.prepared.panel.dates) - 1)
    with pytest.raises(ValueError, match="lacks 1 columns: risk"):
        spec.forecast(table.drop(columns="risk"))
    with pytest.raises(ValueError, match="has two rows"):
        spec.forecast(pd.concat([table, table.iloc[[0]]]))


def test_it_runs_where_nothing_of_this_project_is(trained, tmp_path):
    """A clean process, in another folder, with only the copied file and JSON."""
    (tmp_path / "alone.py").write_text(Path(frozen.__file__).read_text())
    (tmp_path / "model.json").write_text(to_json(freeze(trained)))
    table = inputs(trained.prepared, trained.regimes, len(trained.prepared.panel.dates) - 1)
    table.to_json(tmp_path / "table.json", orient="split", double_precision=15, index=False)
    table.to_parquet(tmp_path / "table.parquet")
    code = (
        "import json, sys, pandas as pd, alone\n"
        "model = alone.Frozen(json.load(open('model.json')))\n"
        "told = model.forecast(pd.read_parquet('table.parquet'))\n"
        "assert not {'pipeline', 'models', 'mlflow'} & set(sys.modules)\n"
        "print(told['mean'].map(float.hex).to_list())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-c", f"import sys; sys.path.insert(0, '.')\n{code}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    wanted = Frozen(json.loads(to_json(freeze(trained)))).forecast(table)["mean"].map(float.hex).to_list()
    assert done.stdout.strip() == str(wanted)

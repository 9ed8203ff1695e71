"""The classes behind the published table against plain least squares: statsmodels, one regression at a time."""

import copy
import importlib.util
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
import yaml

from models.dataset import Dataset
from models.dispatch import walk_forward
from models.linear.univariate import Univariate
from validation.folds.walk_forward import WalkForward

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "rapach_strauss_zhou.py"
COLUMNS = (
    "Index",
    "D12",
    "E12",
    "b/m",
    "tbl",
    "AAA",
    "BAA",
    "lty",
    "ntis",
    "Rfree",
    "infl",
    "ltr",
    "corpr",
    "svar",
)


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("rapach_strauss_zhou", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up there
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def settings(script):
    shorter = {"first_forecast": "1951Q1", "first_test": "1953Q1", "last": "1956Q4"}
    return yaml.safe_load(script.SETTINGS.read_text(encoding="utf-8")) | shorter


@pytest.fixture(scope="module")
def table(script, settings, tmp_path_factory):
    """A file like Goyal and Welch's, of noise: positive levels, small rates, one quarter of wild variance."""
    rng = np.random.default_rng(3)
    n = 60
    frame = pd.DataFrame({name: 0.02 + 0.01 * rng.random(n) for name in (*COLUMNS, "ik")})
    frame["Index"] = 100 * np.exp(np.cumsum(0.08 * rng.normal(size=n)))
    frame["CRSP_SPvw"] = 0.02 + 0.08 * rng.normal(size=n)
    frame.loc[40, "svar"] = 0.5
    frame.insert(0, "yyyyq", [f"{1945 + i // 4}{1 + i % 4}" for i in range(n)])
    path = tmp_path_factory.mktemp("file") / "quarterly.csv"
    frame.to_csv(path, index=False)
    return script.quarters(path, settings)


@pytest.fixture(scope="module")
def sample(script, settings, table):
    return script.premium_and_predictors(table, settings, settings["variants"]["log"]["premium"])


@pytest.fixture(scope="module")
def ours(script, settings, sample):
    return script.forecasts(*sample, settings, clip=None)


@pytest.fixture(scope="module")
def plain(sample):
    """Each predictor's own forecast of each quarter from 1951:1, by statsmodels, shape (T, K)."""
    y, X = sample[0].to_numpy(), sample[1].to_numpy()
    result = np.full(X.shape, np.nan)
    for t in range(16, len(y)):
        for k in range(X.shape[1]):
            fitted = sm.OLS(y[1:t], sm.add_constant(X[1:t, k])).fit().params
            result[t, k] = fitted[0] + fitted[1] * X[t, k]
    return result


def test_the_settings_say_what_the_paper_regresses_on(sample, table):
    premium, X = sample
    assert str(premium.index[0]) == "1947Q1"
    assert len(premium) == len(X) == 40
    assert len(X.columns) == 15
    q, before, one_more = table.loc["1950Q3"], table.loc["1950Q2"], table.loc["1950Q1"]
    assert premium["1950Q3"] == pytest.approx(np.log((1 + q.CRSP_SPvw) / (1 + q.Rfree)), abs=1e-15)
    result = X.loc["1950Q3"]
    assert result.dp == pytest.approx(np.log(before.D12 / before.Index))
    assert result.dy == pytest.approx(np.log(before.D12 / one_more.Index))
    assert result.de == pytest.approx(result.dp - result.ep)
    assert result.bm == before["b/m"]
    assert result.tms == before.lty - before.tbl
    assert result.dfy == before.BAA - before.AAA
    assert result.dfr == before.corpr - before.ltr
    assert result.infl == one_more.infl


def test_each_predictor_is_an_ordinary_regression(ours, plain, sample):
    for k, name in enumerate(sample[1].columns):
        np.testing.assert_allclose(ours.forecasts[name][:, 0], plain[:, k], rtol=0, atol=1e-10)


def test_the_benchmark_is_the_mean_of_all_premiums_before(ours, sample):
    y = sample[0].to_numpy()
    for t in (1, 16, 39):
        assert ours.benchmark[t, 0] == pytest.approx(y[:t].mean(), abs=1e-12)


def test_simple_combinations(ours, plain):
    wanted = {
        "mean": plain.mean(axis=1),
        "median": np.median(plain, axis=1),
        "trimmed mean": np.sort(plain, axis=1)[:, 1:-1].mean(axis=1),
    }
    for name, values in wanted.items():
        np.testing.assert_allclose(ours.forecasts[name][:, 0], values, rtol=0, atol=1e-10)


@pytest.mark.parametrize(("name", "discount"), [("DMSPE 1.0", 1.0), ("DMSPE 0.9", 0.9)])
def test_discounted_combinations(ours, plain, sample, name, discount):
    y = sample[0].to_numpy()
    for t in range(ours.first_test, len(y)):
        past = np.arange(16, t)
        lost = (discount ** (t - 1 - past)[:, None] * (y[past, None] - plain[past]) ** 2).sum(axis=0)
        weights = (1 / lost) / (1 / lost).sum()
        assert ours.forecasts[name][t, 0] == pytest.approx(plain[t] @ weights, abs=1e-10)


def test_scores(ours, plain, sample):
    y, b, f = (v[ours.first_test :] for v in (sample[0].to_numpy(), ours.benchmark[:, 0], plain.mean(axis=1)))
    assert len(y) == 16
    r2, statistic, p = ours.scores("mean")
    assert r2 == pytest.approx(100 * (1 - ((y - f) ** 2).sum() / ((y - b) ** 2).sum()))
    gain = sm.OLS((y - b) ** 2 - (y - f) ** 2 + (b - f) ** 2, np.ones(16)).fit()
    assert statistic == pytest.approx(gain.tvalues[0])
    assert 0 < p < 1
    assert (p < 0.5) == (statistic > 0)


def test_clipping_is_what_else_differs(script, settings, sample, ours):
    few = copy.deepcopy(settings) | {"combinations": {"mean": {"method": "mean"}}}
    cut = script.forecasts(sample[0], sample[1][["svar", "ik"]], few, clip=5.0)
    wild = np.nan_to_num(cut.forecasts["svar"] - ours.forecasts["svar"])[:, 0]
    assert np.abs(wild).max() > 1e-4
    first = int(np.argmax(np.abs(wild) > 1e-12))
    assert str(sample[0].index[first]) == "1955Q2", "the quarter after the wild one"
    np.testing.assert_allclose(cut.forecasts["ik"], ours.forecasts["ik"], atol=1e-10)


def test_all_predictors_at_once_give_the_same_mean(ours, sample):
    y, X = sample[0].to_numpy()[:, None], sample[1].to_numpy()[:, None, :]
    rows = np.arange(len(y))
    usable = np.isfinite(X).all(axis=2)
    folds = WalkForward(rows, first_test=24, refit_every=1, first_train=1).folds()
    data = Dataset(X, y, rows, usable, tuple(sample[1].columns), relative=False)
    walk = walk_forward(Univariate(clip=None), "all", data, folds)
    np.testing.assert_allclose(walk.raw[24:], ours.forecasts["mean"][24:], rtol=0, atol=1e-10)
    assert walk.last["clip"] is None

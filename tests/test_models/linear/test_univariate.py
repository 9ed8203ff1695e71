"""Univariate regressions and their combinations, against plain loops of polyfit."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from models.dataset import Dataset
from models.dispatch import walk_forward
from models.linear.univariate import Univariate
from models.walk_forward.plain_walk import walk_plain
from models.walk_forward.standardise import Standardiser
from validation.folds.walk_forward import WalkForward, inner_folds


def one_series(n=160, k=5, seed=0):
    """One asset, as in the equity premium literature."""
    rng = np.random.default_rng(seed)
    X = np.cumsum(rng.normal(size=(n, 1, k)), axis=0) * 0.1
    y = 0.2 * X[:, :, 0] + rng.normal(size=(n, 1))
    y[-1] = np.nan
    return Dataset(X, y, np.arange(n) + 1, np.ones((n, 1), bool), tuple("abcde"[:k]), False)


def plain_forecasts(data, train, test, scaler):
    """Return each feature's forecast of the test dates, shape (len(test), K)."""
    Z = scaler.transform(data.X[:, 0])
    out = np.empty((len(test), Z.shape[1]))
    for k in range(Z.shape[1]):
        slope, level = np.polyfit(Z[train, k], data.y[train, 0], 1)
        out[:, k] = slope * Z[test, k] + level
    return out


FOLDS = WalkForward(np.arange(160) + 1, first_test=90, refit_every=1).folds()


@pytest.mark.parametrize("method", ["mean", "median", "trimmed"])
def test_combinations_equal_polyfit_refitted_at_each_date(method):
    data = one_series()
    walk = walk_forward(Univariate(combine=method), "u", data, FOLDS)
    for fold in FOLDS:
        scaler = Standardiser().fit(data.X[FOLDS[0].train, 0])  # windows never double: one conditioning
        each = plain_forecasts(data, fold.train, fold.test, scaler)[0]
        trimmed = np.sort(each)[1:-1].mean()
        wanted = {"mean": each.mean(), "median": np.median(each), "trimmed": trimmed}[method]
        assert walk.raw[fold.test[0], 0] == pytest.approx(wanted, abs=1e-9)


@pytest.mark.parametrize("discount", [1.0, 0.95])
def test_dmspe_weights_are_the_inverse_of_discounted_past_errors(discount):
    data = one_series()
    walk = walk_forward(Univariate(combine="dmspe", discount=discount), "u", data, FOLDS)
    scaler = Standardiser().fit(data.X[FOLDS[0].train, 0])
    first = FOLDS[0].train
    before = np.zeros(5)
    for inner in inner_folds(first, first + 1, 4):
        result = plain_forecasts(data, inner.train, inner.test, scaler)
        before += ((data.y[inner.test] - result) ** 2).sum(axis=0)
    losses = []
    for fold in FOLDS[:-1]:
        each = plain_forecasts(data, fold.train, fold.test, scaler)[0]
        t = int(fold.test[0])
        n = len(fold.train)
        total = discount**n * before + sum(discount ** (n - 1 - d) * loss for d, loss in losses if d + 1 < t)
        weights = (1 / total) / (1 / total).sum()
        assert walk.raw[t, 0] == pytest.approx(each @ weights, abs=1e-9)
        losses.append((t, (data.y[t, 0] - each) ** 2))


def test_without_a_clip_each_regression_is_on_the_feature_as_it_is():
    data = one_series()
    data.X[60, 0, 0], data.X[120, 0, 3] = 40.0, -30.0
    free = Univariate(clip=None)
    walk = walk_forward(free, "u", data, FOLDS)
    for fold in FOLDS[::7]:
        each = plain_forecasts(data, fold.train, fold.test, Standardiser(None).fit(np.eye(5)))[0]
        assert walk.raw[fold.test[0], 0] == pytest.approx(each.mean(), abs=1e-9)
    clipped = walk_forward(Univariate(), "u", data, FOLDS)
    assert abs(walk.raw[120, 0] - clipped.raw[120, 0]) > 0.1
    slow = walk_plain(free, "u", data, FOLDS[:3])
    np.testing.assert_allclose(walk.raw[90:93], slow.raw[90:93], atol=1e-10)


def test_a_feature_that_does_not_vary_has_no_say():
    data = one_series()
    data.X[:, :, 4] = 3.0
    fewer = Dataset(data.X[:, :, :4], data.y, data.ends, data.usable, data.names[:4], False)
    for method in ("mean", "median"):
        walk = walk_forward(Univariate(combine=method), "u", data, FOLDS)
        same = walk_forward(Univariate(combine=method), "u", fewer, FOLDS)
        np.testing.assert_allclose(walk.raw, same.raw, atol=1e-12)
        assert walk.fits[-1].importance[4] == 0


def test_it_combines_to_a_forecast_of_smaller_variance_and_obeys_the_habits():
    data = one_series()
    assert clone(Univariate(combine="median")).get_params()["combine"] == "median"
    fast = walk_forward(Univariate(), "u", data, FOLDS[:3])
    slow = walk_plain(Univariate(), "u", data, FOLDS[:3])
    np.testing.assert_allclose(fast.raw, slow.raw, atol=1e-3)
    assert fast.fits[0].chosen["features_used"] == 5


@pytest.mark.parametrize("clip", [5.0, None])
@pytest.mark.parametrize("method", ["mean", "trimmed", "median"])
def test_the_logged_model_predicts_the_same(method, clip):
    from pipeline.tracking.models.linear_pyfunc import LinearForecast

    data = one_series()
    data.X[110, 0, 1], data.X[111, 0, 2] = 1e3, np.nan
    model = Univariate(combine=method, clip=clip).fit(data.X[:100, 0], data.y[:100, 0])
    logged = LinearForecast()
    logged.spec = json.loads(json.dumps(model.spec(data.names)))
    table = pd.DataFrame(data.X[100:120, 0], columns=list(data.names))
    np.testing.assert_array_equal(logged.predict(None, table), model.predict(data.X[100:120, 0]))

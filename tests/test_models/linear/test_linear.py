"""Linear models against scikit-learn on the same rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn import linear_model
from sklearn.base import clone
from sklearn.model_selection import cross_val_score
from sklearn.preprocessing import StandardScaler

from models.dataset import Rows
from models.errors import NotFittedError
from models.linear.regression import ElasticNet, Lasso, Ridge
from models.walk_forward.standardise import CLIP, Standardiser
from validation.folds.walk_forward import WalkForward, inner_folds


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 8)) @ rng.normal(size=(8, 8))
    y = X @ np.r_[0.3, -0.2, np.zeros(6)] + rng.normal(size=400) + 0.5
    return X, y


def test_standardiser_equals_scikit_learn_and_clips_and_imputes():
    X = np.random.default_rng(0).normal(3, 2, size=(100, 3))
    ours = Standardiser().fit(X)
    np.testing.assert_allclose(ours.transform(X), StandardScaler().fit_transform(X), atol=1e-12)
    wild = np.array([[1e9, -1e9, np.nan]])
    assert ours.transform(wild).tolist() == [[CLIP, -CLIP, 0.0]]
    free, tight = Standardiser(None).fit(X), Standardiser(0.5).fit(X)
    np.testing.assert_allclose(free.transform(wild)[0, :2], StandardScaler().fit(X).transform(wild)[0, :2])
    assert free.transform(wild)[0, 2] == 0.0
    assert tight.transform(wild).tolist() == [[0.5, -0.5, 0.0]]


def test_constant_and_empty_columns_say_nothing():
    X = np.column_stack([np.full(50, 0.1), np.full(50, np.nan), np.arange(50.0)])
    Z = Standardiser().fit(X).transform(np.array([[7.0, 7.0, 7.0]]))
    assert Z[0, 0] == 0
    assert Z[0, 1] == 0
    assert Z[0, 2] != 0


@pytest.mark.parametrize(
    ("model", "peer"),
    [
        (Ridge(), lambda a: linear_model.Ridge(alpha=a)),
        (Lasso(), lambda a: linear_model.Lasso(alpha=a, tol=1e-12, max_iter=10**6)),
        (
            ElasticNet(l1_ratio=0.3),
            lambda a: linear_model.ElasticNet(a, l1_ratio=0.3, tol=1e-12, max_iter=10**6),
        ),
    ],
    ids=["ridge", "lasso", "elastic_net"],
)
def test_the_penalty_is_that_of_a_plain_loop_over_scikit_learn(data, model, peer):
    X, y = data
    model.fit(X, y)
    dates = np.arange(len(y))
    conditioned = np.clip(StandardScaler().fit_transform(X), -CLIP, CLIP)

    def refitted(penalty, rows):
        scaler = StandardScaler().fit(conditioned[rows])
        fitted = peer(penalty).fit(scaler.transform(conditioned[rows]), y[rows])
        return lambda Z: fitted.predict(scaler.transform(Z))

    Z = StandardScaler().fit_transform(conditioned)
    if isinstance(model, Ridge):
        grid = len(y) * np.logspace(3, -3, 30)
    else:
        grid = np.abs(Z.T @ (y - y.mean())).max() / len(y) / model.l1_ratio * np.logspace(0, -2, 30)
    losses = [
        sum(
            ((refitted(penalty, fold.train)(conditioned[fold.test]) - y[fold.test]) ** 2).sum()
            for fold in inner_folds(dates, dates + 1, model.inner_splits)
        )
        for penalty in grid
    ]
    assert model.penalty_ == pytest.approx(grid[int(np.argmin(losses))])
    np.testing.assert_allclose(model.predict(X), refitted(model.penalty_, dates)(conditioned), atol=1e-8)


def test_within_dates_equals_regression_with_date_dummies():
    rng = np.random.default_rng(0)
    date = np.repeat(np.arange(80), 5)
    level = rng.normal(size=80)[date]
    X = rng.normal(size=(400, 3))
    y = 0.5 * X[:, 0] + 3 * level + 0.1 * rng.normal(size=400)
    rows = Rows(date, date + 1, np.tile(np.arange(5), 80))
    model = Ridge(within_dates=True).fit(X, y, rows)
    Z = StandardScaler().fit_transform(X)
    dummies = linear_model.LinearRegression().fit(np.column_stack([Z, pd.get_dummies(date)]), y)
    np.testing.assert_allclose(model.coef_, dummies.coef_[:3], atol=2e-3)
    assert model.coef_[0] == pytest.approx(0.5, abs=0.02)


def test_common_features_drop_out_within_dates():
    rng = np.random.default_rng(0)
    date = np.repeat(np.arange(80), 5)
    X = np.column_stack([rng.normal(size=400), rng.normal(size=80)[date]])
    y = X[:, 0] + X[:, 1]
    model = Ridge(within_dates=True).fit(X, y, Rows(date, date + 1, np.tile(np.arange(5), 80)))
    assert model.coef_[1] == pytest.approx(0, abs=1e-12)


def test_noise_gets_the_largest_penalty_or_close_to_it():
    rng = np.random.default_rng(5)
    X, y = rng.normal(size=(600, 20)), rng.normal(size=600)
    assert np.abs(Lasso().fit(X, y).coef_).sum() < 0.15
    assert Ridge().fit(X, y).predict(X).std() < 0.15


def test_they_obey_scikit_learns_habits(data):
    X, y = data
    model = ElasticNet(l1_ratio=0.3, inner_splits=2)
    assert clone(model).get_params() == model.get_params()
    walk = WalkForward(np.arange(400) + 1, first_test=300, refit_every=50)
    scores = cross_val_score(model, X, y, cv=walk, scoring="r2")
    assert len(scores) == 2
    assert scores.mean() > 0.05
    with pytest.raises(NotFittedError, match="call fit before predict"):
        Ridge().predict(X)


def test_spec_is_enough_to_predict(data):
    X, y = data
    X = X.copy()
    X[3, 2] = np.nan
    model = Lasso().fit(X, y)
    spec = model.spec([f"f{i}" for i in range(8)])
    Z = np.nan_to_num(np.clip((X - spec["mean"]) / spec["scale"], -spec["clip"], spec["clip"]))
    np.testing.assert_allclose(Z @ spec["coefficients"] + spec["intercept"], model.predict(X), atol=1e-12)
    assert model.importance(8).sum() == pytest.approx(1)
    assert model.chosen()["features_used"] == np.count_nonzero(model.coef_)

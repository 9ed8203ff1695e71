"""Moments against direct computation on the rows."""

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from models.dataset import Rows
from models.walk_forward.design import Design, RunningMoments, Stacked
from models.walk_forward.moments import Moments, Standardised, demean_by_date
from models.walk_forward.standardise import Standardiser


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5)) @ rng.normal(size=(5, 5)) + 3
    return X, X @ rng.normal(size=5) + rng.normal(size=200), rng.uniform(0.1, 2, 200)


def test_sums_of_parts_are_the_sums_of_the_whole(rows):
    X, y, w = rows
    parts = Moments.of(X[:80], y[:80], w[:80]) + Moments.of(X[80:], y[80:], w[80:])
    whole = Moments.of(X, y, w)
    np.testing.assert_allclose(parts.products, whole.products, rtol=1e-12)
    assert parts.n == 200
    assert parts.weight == pytest.approx(w.sum())
    rest = whole - Moments.of(X[:80], y[:80], w[:80])
    np.testing.assert_allclose(rest.products, Moments.of(X[80:], y[80:], w[80:]).products, rtol=1e-10)


@pytest.mark.parametrize("intercept", [True, False])
def test_standardised_equals_scikit_learn_on_the_rows(rows, intercept):
    X, y, w = rows
    standard = Standardised.of(Moments.of(X, y, w), intercept=intercept)
    Z = StandardScaler(with_mean=intercept).fit(X, sample_weight=w)
    scale = np.sqrt(Z.var_) if intercept else np.sqrt(np.average(X**2, axis=0, weights=w))
    centre = Z.mean_ if intercept else 0.0
    np.testing.assert_allclose(standard.scale, scale, rtol=1e-10)
    A = (X - centre) / scale
    level = np.average(y, weights=w) if intercept else 0.0
    np.testing.assert_allclose(standard.gram.G, A.T @ (A * w[:, None]) / w.sum(), atol=1e-10)
    np.testing.assert_allclose(standard.gram.q, A.T @ ((y - level) * w) / w.sum(), atol=1e-10)
    path = np.random.default_rng(1).normal(size=(5, 3))
    coefficients, intercepts = standard.unscale(path)
    np.testing.assert_allclose(X @ coefficients + intercepts, A @ path + level, atol=1e-10)


def test_a_column_that_does_not_vary_has_no_scale_and_no_say():
    X = np.column_stack([np.full(50, 0.3), np.arange(50.0)])
    standard = Standardised.of(Moments.of(X, np.arange(50.0)), intercept=True)
    assert standard.scale[0] == 0
    assert (standard.gram.G[0] == 0).all()
    assert standard.gram.q[0] == 0
    assert standard.unscale(np.ones((2, 1)))[0][0] == 0


def test_squared_errors_from_moments_equal_those_of_the_rows(rows):
    X, y, w = rows
    b, a = np.random.default_rng(2).normal(size=(5, 4)), np.array([0.0, 1.0, -2.0, 30.0])
    direct = (w[:, None] * (y[:, None] - X @ b - a) ** 2).sum(axis=0)
    np.testing.assert_allclose(Moments.of(X, y, w).squared_errors(b, a), direct, rtol=1e-10)


def test_demeaning_by_date_equals_pandas():
    rng = np.random.default_rng(0)
    date = np.sort(rng.integers(0, 9, 60))
    X, w = rng.normal(size=(60, 3)), rng.uniform(0.5, 2, 60)
    peer = pd.DataFrame(X) - pd.DataFrame(X).groupby(date).transform("mean")
    np.testing.assert_allclose(demean_by_date(X, date), peer, atol=1e-14)
    np.testing.assert_allclose(demean_by_date(X[:, 0], date), peer[0], atol=1e-14)
    for d in np.unique(date):
        wanted = X[date == d] - np.average(X[date == d], axis=0, weights=w[date == d])
        np.testing.assert_allclose(demean_by_date(X, date, w)[date == d], wanted, atol=1e-14)


@pytest.mark.parametrize("within", [True, False])
@pytest.mark.parametrize("half_life", [None, 6.0])
def test_running_moments_of_any_stretch_equal_its_rows(within, half_life):
    rng = np.random.default_rng(3)
    date = np.repeat(np.arange(5, 45), 4)
    X, y = rng.normal(size=(160, 3)), rng.normal(size=160)
    X[rng.random(X.shape) < 0.1] = np.nan
    stacked = Stacked(X, y, Rows(date, date + 1, np.tile(np.arange(4), 40), rng.uniform(0.5, 2, 160)))
    design = Design(stacked, 4, Standardiser().fit(X), within, half_life, 5)
    running = RunningMoments(design, np.arange(5, 45), 0)
    for start, stop in ((0, 10), (3, 22), (7, 8), (7, 40), (20, 40)):
        direct = design.moments(np.arange(5, 45)[start:stop])
        np.testing.assert_allclose(running.between(start, stop).products, direct.products, atol=1e-9)
        if half_life is not None:
            _, _, rows = design.rows(np.arange(5, 45)[start:stop])
            age = (rows.date - 5) / half_life
            np.testing.assert_allclose(rows.weight, stacked.rows.weight[np.isin(date, rows.date)] * 2**age)
    running.forget_except(20, 40)
    assert running.between(20, 40).n == 80

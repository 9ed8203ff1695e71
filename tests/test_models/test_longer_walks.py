"""A walk that goes on from one over fewer dates: the bits of a walk from the beginning, the work of new folds alone."""

import numpy as np
import pytest
from bits import assert_same_bits

from models.boosting.model import Boosting
from models.dataset import Dataset
from models.dispatch import walk_forward
from models.linear.regression import ElasticNet, Ridge
from models.linear.univariate import Univariate
from validation.folds.walk_forward import WalkForward

N = 130
MODELS = {
    "ridge": Ridge(n_penalties=8, half_life=40.0),
    "elastic_net": ElasticNet(n_penalties=8, within_dates=True),
    "nested": Ridge(n_penalties=4, selection="nested"),
    "univariate": Univariate(),
    "trees": Boosting(max_trees=20, learning_rate=0.2, min_rows_in_leaf=10, rebin=0.8),
}


def panel_data(n_dates=N, n_features=5):
    """A ragged panel; one feature starts late, so that a stretch begins with it."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(N, 6, n_features))
    y = 0.3 * X[:, :, 0] + rng.normal(size=(N, 6))
    X[rng.random(X.shape) < 0.03] = np.nan
    X[:75, :, 1] = np.nan
    usable = rng.random((N, 6)) < 0.95
    X, y, ends = X[:n_dates], y[:n_dates], np.arange(n_dates) + 2
    names = tuple(f"f{k}" for k in range(n_features))
    return Dataset(
        X, np.where(ends[:, None] < n_dates, y, np.nan), ends, usable[:n_dates], names, False, None
    )


def folds(n_dates, window):
    return WalkForward(np.arange(n_dates) + 2, first_test=45, refit_every=7, window=window).folds()


@pytest.mark.parametrize("window", [None, 40])
@pytest.mark.parametrize("name", MODELS)
def test_going_on_from_any_date_gives_the_bits_of_a_whole_walk(name, window):
    model = MODELS[name]
    before = None
    for n_dates in (50, 53, 62, 63, 64, 90, 91, 107, N):
        data, walk_folds = panel_data(n_dates), folds(n_dates, window)
        whole = walk_forward(model, name, data, walk_folds)
        before = walk_forward(model, name, data, walk_folds, previous=before)
        assert_same_bits(before, whole, f"{n_dates} dates")


@pytest.mark.parametrize("window", [None, 40])
def test_more_features_than_rows_go_on_too(window):
    model = Ridge(n_penalties=5)
    before = walk_forward(model, "wide", panel_data(100, 300), folds(100, window))
    going_on = walk_forward(model, "wide", panel_data(N, 300), folds(N, window), previous=before)
    assert_same_bits(going_on, walk_forward(model, "wide", panel_data(N, 300), folds(N, window)), "wide")


@pytest.mark.parametrize("name", ["ridge", "elastic_net", "univariate"])
def test_sums_of_earlier_dates_are_not_made_again(name, monkeypatch):
    from models.walk_forward.design import Design

    before = walk_forward(MODELS[name], name, panel_data(120), folds(120, None))
    summed = []
    moments = Design.moments
    monkeypatch.setattr(Design, "moments", lambda self, dates: summed.extend(dates) or moments(self, dates))
    walk_forward(MODELS[name], name, panel_data(), folds(N, None), previous=before)
    assert min(summed) > 90
    assert len(set(summed)) == len(summed)

"""The walk-forward loop, the target and the baselines."""

import numpy as np
import pytest
from causality import violations
from synthetic import make_panel

from models.base import Forecaster
from models.baseline import HistoricalMean, Zero
from models.boosting.model import Boosting
from models.dataset import Dataset, Rows
from models.dispatch import walk_forward
from models.errors import TrainingError
from models.linear.regression import Ridge
from models.target import row_mean, scale_labels, trailing_risk
from models.walk_forward.plain_walk import _fit_fold, predict_fold
from validation.folds.labels import forward_excess_returns
from validation.folds.walk_forward import Fold, WalkForward


def dataset(n_dates=60, n_assets=4, seed=0, relative=False):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_dates, n_assets, 3))
    y = X[:, :, 0] + 0.1 * rng.normal(size=(n_dates, n_assets))
    y[-1] = np.nan
    usable = np.ones((n_dates, n_assets), dtype=bool)
    usable[:20, 1] = False
    return Dataset(X, y, np.arange(n_dates) + 1, usable, ("a", "b", "c"), relative)


def folds(n=60, first=30, every=10):
    return WalkForward(np.arange(n) + 1, first_test=first, refit_every=every).folds()


class Recorder(Forecaster):
    """Remembers what it was shown."""

    seen: list = []  # noqa: RUF012 (shared by the clones on purpose)

    def fit(self, X, y, rows=None):
        Recorder.seen.append(("fit", X.copy(), y.copy(), rows))
        return self

    def predict(self, X, rows=None):
        Recorder.seen.append(("predict", X.copy(), None, rows))
        return rows.date * 100.0 + rows.asset


def test_the_loop_shows_each_fold_its_rows_and_puts_answers_in_their_place():
    Recorder.seen = []
    data = dataset()
    walk = walk_forward(Recorder(), "recorder", data, folds())
    fits = [seen for seen in Recorder.seen if seen[0] == "fit"]
    fits.sort(key=lambda seen: seen[3].date.max())  # folds run side by side
    assert len(fits) == 3
    for fold, (_, X, y, rows) in zip(folds(), fits, strict=True):
        assert set(rows.date) == set(fold.train)
        assert (rows.end < fold.test[0]).all()
        np.testing.assert_array_equal(X, data.X[rows.date, rows.asset])
        np.testing.assert_array_equal(y, data.y[rows.date, rows.asset])
        assert not ((rows.asset == 1) & (rows.date < 20)).any(), "not in the universe yet"
        assert (np.diff(rows.date) >= 0).all()
    assert np.isnan(walk.raw[:30]).all()
    for t in range(30, 60):
        np.testing.assert_array_equal(walk.raw[t], t * 100.0 + np.arange(4))
    assert [fit.first_test for fit in walk.fits] == [30, 40, 50]


def test_a_relative_walk_predicts_differences():
    walk = walk_forward(Ridge(within_dates=True), "ridge", dataset(relative=True), folds())
    np.testing.assert_allclose(row_mean(walk.raw[30:]), 0, atol=1e-12)
    assert np.corrcoef(walk.raw[30:59].ravel(), dataset().X[30:59, :, 0].ravel())[0, 1] > 0.8


def test_the_last_date_is_forecast_though_its_label_is_unknown():
    walk = walk_forward(Zero(), "zero", dataset(), folds())
    assert (walk.raw[59] == 0).all()


def test_test_dates_need_not_follow_one_another():
    data = dataset()
    test = np.array([40, 43, 50])
    train = np.arange(30)
    result = predict_fold(Recorder(), data, Fold(train, test, data.ends[train]))
    np.testing.assert_array_equal(result, test[:, None] * 100.0 + np.arange(4))


def test_progress_is_told():
    result = []
    walk_forward(Zero(), "zero", dataset(), folds(), lambda done, total: result.append((done, total)))
    assert result == [(1, 3), (2, 3), (3, 3)]


def test_no_usable_row_is_an_error():
    data = dataset()
    empty = Dataset(data.X, np.full_like(data.y, np.nan), data.ends, data.usable, data.names, False)
    with pytest.raises(TrainingError, match="no usable training row before the test at row 30"):
        walk_forward(Zero(), "zero", empty, folds())


def test_historical_mean_by_asset():
    rows = Rows(np.array([0, 0, 1]), np.array([1, 1, 2]), np.array([0, 2, 0]))
    model = HistoricalMean().fit(np.zeros((3, 1)), np.array([0.1, 0.5, 0.3]), rows)
    asked = Rows(np.full(4, 5), np.full(4, 6), np.array([0, 1, 2, 9]))
    np.testing.assert_allclose(model.predict(np.zeros((4, 1)), asked), [0.2, 0.0, 0.5, 0.0])
    assert HistoricalMean().fit(np.zeros((2, 1)), np.array([1.0, 3.0])).predict(np.zeros((1, 1))) == 2


def test_boosting_finds_what_a_line_cannot_and_repeats_itself():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(3000, 4))
    X[::7, 2] = np.nan
    y = np.sign(X[:, 0]) * np.sign(X[:, 1]) + 0.5 * rng.normal(size=3000)
    model = Boosting(max_trees=200, min_rows_in_leaf=20, feature_fraction=1).fit(X[:2000], y[:2000])
    result = model.predict(X[2000:])
    assert np.corrcoef(result, y[2000:])[0, 1] > 0.8
    assert 1 < model.n_trees_ <= 200
    assert model.importance(4)[:2].sum() > 0.85
    again = Boosting(max_trees=200, min_rows_in_leaf=20, feature_fraction=1).fit(X[:2000], y[:2000])
    np.testing.assert_array_equal(again.predict(X[2000:]), result)


def test_boosting_on_noise_keeps_few_trees():
    rng = np.random.default_rng(1)
    model = Boosting(min_rows_in_leaf=20).fit(rng.normal(size=(2000, 5)), rng.normal(size=2000))
    assert model.n_trees_ < 25


def test_boosting_of_very_few_rows_does_not_fail():
    assert np.isfinite(Boosting().fit(np.ones((1, 2)), np.ones(1)).predict(np.ones((2, 2)))).all()


def test_fit_fold_does_not_touch_the_model_it_is_given():
    model = Ridge()
    _fit_fold(model, dataset(), folds()[0])
    assert not hasattr(model, "coef_")


def test_a_row_more_in_the_future_changes_no_earlier_prediction():
    data = dataset()
    other = Dataset(data.X.copy(), data.y.copy(), data.ends, data.usable, data.names, False)
    other.X[45:] = 7.0
    other.y[44:] = -3.0
    for model in (Ridge(), Boosting(min_rows_in_leaf=5), HistoricalMean()):
        whole = walk_forward(model, "m", data, folds()).raw[:45]
        np.testing.assert_array_equal(walk_forward(model, "m", other, folds()).raw[:45], whole)


def test_target_in_units_of_risk_by_hand():
    panel = make_panel("monthly", n_dates=80, n_assets=5, seed=0)
    labels = forward_excess_returns(panel, 1, 0)
    risk = trailing_risk(panel, 24, 1)
    t, i = 60, 0
    past = (panel.returns - panel.cash[:, None])[t - 23 : t + 1, i]
    assert risk[t, i] == pytest.approx(np.nanstd(past, ddof=1), rel=1e-12)
    absolute = scale_labels(labels, risk, relative=False)
    assert absolute.value[t, i] == pytest.approx(labels.value[t, i] / risk[t, i])
    relative = scale_labels(labels, risk, relative=True)
    others = np.nanmean(absolute.value[t])
    assert relative.value[t, i] == pytest.approx(absolute.value[t, i] - others)


def test_risk_scales_with_the_root_of_the_horizon_and_looks_back_only():
    panel = make_panel("daily", n_dates=120, n_assets=4, seed=2)
    np.testing.assert_allclose(trailing_risk(panel, 20, 9), 3 * trailing_risk(panel, 20, 1))
    assert violations(lambda p: {"risk": trailing_risk(p, 20, 5)}, panel, [40, 80]) == []


def test_row_mean_of_nothing_is_nothing():
    np.testing.assert_allclose(row_mean(np.array([[1.0, np.nan, 3.0], [np.nan] * 3])), [2.0, np.nan])


def test_a_fold_beyond_the_universe_predicts_nothing():
    data = dataset()
    data.usable[40:] = False
    walk = walk_forward(Zero(), "zero", data, folds())
    assert np.isnan(walk.raw[40:]).all()
    assert isinstance(folds()[0], Fold)

"""The walk-forward of trees on shared bins, against LightGBM refitted fold by fold on the same bins."""

from concurrent.futures import ThreadPoolExecutor

import lightgbm as lgb
import numpy as np
import pytest

from models.boosting import walk as boosting_walk
from models.boosting.model import Boosting
from models.dataset import Dataset
from models.dispatch import walk_forward
from models.errors import TrainingError
from models.parallel.executors import Threads
from models.target import row_mean
from models.walk_forward.plain_walk import walk_plain
from models.walk_forward.windows import TrainingWindows, split_stretches
from validation.folds.walk_forward import Fold, WalkForward, inner_folds


def panel_data(n_dates=120, n_assets=8, seed=0, relative=False, weight=False):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_dates, n_assets, 4))
    y = np.sign(X[:, :, 0]) * np.sign(X[:, :, 1]) + X[:, :, 3] + rng.normal(size=(n_dates, n_assets))
    X[rng.random(X.shape) < 0.05] = np.nan
    X[:70, :, 3] = np.nan
    usable = np.ones((n_dates, n_assets), dtype=bool)
    usable[:40, 1] = False
    y[-2:] = np.nan
    if relative:
        y = y - row_mean(np.where(usable, y, np.nan))[:, None]
    weights = rng.uniform(0.5, 2, y.shape) if weight else None
    return Dataset(X, y, np.arange(n_dates) + 2, usable, tuple("abcd"), relative, weights)


def folds(n=120, window=None, step=1):
    ends = np.arange(n) + 2
    return WalkForward(ends, first_test=50, refit_every=8, window=window, every=step).folds()


MODEL = Boosting(max_trees=40, learning_rate=0.1, min_rows_in_leaf=10, seed=3)


@pytest.mark.parametrize(
    ("relative", "weight", "window", "step", "ahead", "first"),
    [(False, False, None, 1, 20, 64), (True, True, None, 1, 1, 5), (True, False, 40, 2, 3, 5)],
)
def test_every_fold_equals_lightgbm_refitted_on_the_same_bins(
    monkeypatch, relative, weight, window, step, ahead, first
):
    monkeypatch.setattr(boosting_walk, "AHEAD", ahead)
    monkeypatch.setattr(boosting_walk, "FEWEST", 3)
    monkeypatch.setattr(boosting_walk, "FIRST_FEWEST", first)
    asked, grow = [], Boosting.grow
    monkeypatch.setattr(Boosting, "grow", lambda *args: asked.append(args[-1]) or grow(*args))
    data, walk_folds = panel_data(relative=relative, weight=weight), folds(window=window, step=step)
    walk = walk_forward(MODEL, "trees", data, walk_folds)
    past = np.zeros(len(MODEL.tree_counts()))
    X, y, rows = data.training(walk_folds[0].train)
    for fold in inner_folds(walk_folds[0].train, walk_folds[0].train_ends, 2):
        train, test = np.isin(rows.date, fold.train), np.isin(rows.date, fold.test)
        w = None if rows.weight is None else rows.weight[train]
        parameters = MODEL.parameters(train.sum())
        booster = lgb.train(parameters, lgb.Dataset(X[train], y[train], weight=w, params=parameters), 40)
        past += [loss(booster, n, X[test], y[test], rows[test], relative).sum() for n in MODEL.tree_counts()]
    inside = MODEL.tree_counts()[int(np.argmin(past))]
    losses, chosen, grown = [], [], []
    for _, members in split_stretches(data, TrainingWindows.of(walk_folds), MODEL.rebin):
        X, y, _ = data.training(walk_folds[members[0]].train)
        bins = lgb.Dataset(X, y, params=MODEL.parameters(len(y)))
        for f in members:
            fold = walk_folds[f]
            X, y, rows = data.training(fold.train)
            parameters = MODEL.parameters(len(y))
            alone = lgb.Dataset(X, y, weight=rows.weight, params=parameters, reference=bins)
            most = max(first, 3 * inside)
            if f >= ahead:
                all_of_them = chosen[f - ahead] == grown[f - ahead]
                most = max(3, (2 if all_of_them else 1.3) * chosen[f - ahead])
            most = min(n for n in [*MODEL.tree_counts(), 40] if n >= min(most, 40))
            booster = lgb.train(parameters, alone, most)
            grid = TrainingWindows.of(walk_folds).grid
            total = past.copy()
            for dates, lost in losses:
                # What fold f may know: the past test dates that it trains on, or would but for its window.
                total += lost[np.isin(dates, grid[grid <= fold.train[-1]])].sum(axis=0)
            n = min(most, MODEL.tree_counts()[int(np.argmin(total))])
            chosen.append(n)
            grown.append(most)
            assert walk.fits[f].chosen == {"trees": n}
            X, rows = data.rows_to_forecast(fold.test)
            result = np.full((len(fold.test), 8), np.nan)
            result[rows.date - fold.test[0], rows.asset] = booster.predict(X, num_iteration=n)
            result = result - row_mean(result)[:, None] if relative else result
            np.testing.assert_allclose(walk.raw[fold.test], result, atol=1e-12)
            X, y, rows = data.training(fold.test)
            if len(y):
                each = [loss(booster, min(n, most), X, y, rows, relative) for n in MODEL.tree_counts()]
                losses.append((rows.date, np.stack(each, axis=1)))
    assert sorted(asked) == sorted([40, 40, *grown])
    assert (grown[0] < 40) == (first < 40)


def loss(booster, n, X, y, rows, relative):
    """Return the weighted squared error of each row."""
    error = y - booster.predict(X, num_iteration=n)
    w = np.ones(len(y)) if rows.weight is None else rows.weight
    if relative:
        for date in np.unique(rows.date):
            some = rows.date == date
            error[some] -= np.average(error[some], weights=w[some])
    return w * error**2


def test_what_comes_later_changes_no_bit():
    data = panel_data()
    whole = walk_forward(MODEL, "trees", data, folds())
    for cut in (66, 90):
        noisy = panel_data()
        noisy.X[cut + 1 :] = 7.0
        noisy.y[cut - 1 :] = 5.0
        noise = walk_forward(MODEL, "trees", noisy, folds())
        np.testing.assert_array_equal(noise.raw[: cut + 1], whole.raw[: cut + 1])
        short = Dataset(
            data.X[: cut + 1],
            np.where(data.ends[: cut + 1, None] > cut, np.nan, data.y[: cut + 1]),
            data.ends[: cut + 1],
            data.usable[: cut + 1],
            data.names,
            False,
        )
        cut_off = walk_forward(MODEL, "trees", short, folds(cut + 1))
        np.testing.assert_array_equal(cut_off.raw, whole.raw[: cut + 1])


def test_the_number_of_threads_changes_no_bit(monkeypatch):
    monkeypatch.setattr(boosting_walk, "AHEAD", 3)
    monkeypatch.setattr(boosting_walk, "FEWEST", 3)
    result = []
    for threads in (1, 2, 4):
        result.append(walk_forward(MODEL, "trees", panel_data(), folds(), executor=Threads(threads)).raw)
    np.testing.assert_array_equal(result[0], result[1])
    np.testing.assert_array_equal(result[0], result[2])


def test_a_feature_that_starts_late_is_binned_anew_and_used():
    walk = walk_forward(MODEL, "trees", panel_data(), folds())
    assert walk.fits[2].importance[3] == 0
    assert walk.fits[-1].importance[3] > 0.2


def test_features_that_never_met_in_the_first_window_are_kept_apart():
    """LightGBM bundles features of which no two differ from zero in one row, and later rows break that."""
    rng = np.random.default_rng(5)
    data = panel_data(n_dates=120)
    X = np.zeros((120, 8, 4))
    X[:60, :, :3] = np.eye(10)[rng.integers(0, 10, (60, 8))][:, :, :3]
    X[60:, :, :3] = rng.random((60, 8, 3)) < 0.5
    y = X @ np.array([1.0, -2.0, 4.0, 0.0])
    model = Boosting(
        rebin=1.0, max_trees=200, learning_rate=0.1, feature_fraction=1.0, min_rows_in_leaf=2, l2=0.0
    )
    known = np.ones((120, 8), dtype=bool)
    rolling = WalkForward(data.ends, first_test=50, refit_every=8, window=25).folds()
    walk = walk_forward(model, "trees", Dataset(X, y, data.ends, known, data.names, False), rolling)
    result, truth = walk.raw[rolling[-1].test], y[rolling[-1].test]
    assert ((result - truth) ** 2).mean() < 0.01 * truth.var()


def test_the_last_description_predicts_the_last_fold():
    data = panel_data()
    walk = walk_forward(MODEL, "trees", data, folds())
    booster = lgb.Booster(model_str=walk.last["booster"])
    assert booster.num_trees() == walk.fits[-1].chosen["trees"]
    fold = folds()[-1]
    X, rows = data.rows_to_forecast(fold.test)
    np.testing.assert_allclose(booster.predict(X), walk.raw[rows.date, rows.asset], atol=1e-12)


def test_nested_choices_and_odd_windows_go_through_the_plain_loop():
    data = panel_data()
    nested = Boosting(selection="nested", max_trees=20, min_rows_in_leaf=10)
    walk = walk_forward(nested, "trees", data, folds()[:2])
    slow = walk_plain(nested, "trees", data, folds()[:2])
    np.testing.assert_array_equal(walk.raw, slow.raw)
    train = np.r_[np.arange(10), np.arange(20, 40)]
    odd = (Fold(train, np.arange(60, 70), train + 2), *folds()[3:])
    assert np.isfinite(walk_forward(MODEL, "trees", data, odd).raw[60:68, 0]).all()


def test_no_usable_row_is_an_error():
    data = panel_data()
    empty = Dataset(data.X, np.full_like(data.y, np.nan), data.ends, data.usable, data.names, False)
    with pytest.raises(TrainingError, match="no usable training row before the test at row 50"):
        walk_forward(MODEL, "trees", empty, folds())


def test_threads_may_predict_with_one_fitted_model_and_get_the_bits_of_the_walk():
    data = panel_data()
    X, y, rows = data.training(np.arange(100))
    model = MODEL.fit(X, y, rows)
    assert len(model.stages_) > 3
    expected = model.predict_stages(model.booster_, X, model.n_trees_)[:, -1]
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda _: model.predict(X), range(400))
        assert all(np.array_equal(answer, expected) for answer in answers)

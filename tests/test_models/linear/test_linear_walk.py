"""The fast walk-forward of linear models against scikit-learn refitted at each fold, and against the plain loop."""

import numpy as np
import pytest
from sklearn import linear_model
from sklearn.preprocessing import StandardScaler

from models.dataset import Dataset
from models.dispatch import walk_forward
from models.errors import TrainingError
from models.linear.candidates import Window
from models.linear.regression import ElasticNet, Lasso, Ridge
from models.target import row_mean
from models.walk_forward.design import Design
from models.walk_forward.moments import demean_by_date
from models.walk_forward.plain_walk import walk_plain
from models.walk_forward.standardise import Standardiser
from models.walk_forward.windows import TrainingWindows, split_stretches
from validation.folds.walk_forward import Fold, WalkForward

PEERS = {
    "ridge": (Ridge, lambda a: linear_model.Ridge(alpha=a, fit_intercept=False)),
    "lasso": (Lasso, lambda a: linear_model.Lasso(a, fit_intercept=False, tol=1e-14, max_iter=10**6)),
    "elastic_net": (
        ElasticNet,
        lambda a: linear_model.ElasticNet(a, l1_ratio=0.5, fit_intercept=False, tol=1e-14, max_iter=10**6),
    ),
}


def panel_data(n_dates=160, n_assets=7, k=6, seed=0, relative=False, weight=False, horizon=3):
    """Features with holes, one that starts late and one that never varies, a ragged universe."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_dates, n_assets, k)) @ rng.normal(size=(k, k)) + 2.0
    y = 0.3 * (X[:, :, 0] - 2) + rng.normal(size=(n_dates, n_assets)) + 0.4
    X[rng.random(X.shape) < 0.03] = np.nan
    X[:70, :, 1] = np.nan
    X[:, :, 2] = 7.0
    X[5, 0, 3] = 1e6
    usable = np.ones((n_dates, n_assets), dtype=bool)
    usable[:60, 1] = False
    usable[100:, 2] = False
    y[-horizon:] = np.nan
    if relative:
        y = y - row_mean(np.where(usable, y, np.nan))[:, None]
    names = tuple(f"f{i}" for i in range(k))
    weights = rng.uniform(0.5, 2, y.shape) if weight else None
    return Dataset(X, y, np.arange(n_dates) + horizon, usable, names, relative, weights)


def folds(n=160, first=60, every=9, window=None, step=1):
    ends = np.arange(n) + 3
    return WalkForward(ends, first_test=first, refit_every=every, window=window, every=step).folds()


def weights_of(rows, half_life):
    share = np.ones(len(rows.date)) if rows.weight is None else rows.weight.copy()
    return share if half_life is None else share * 2.0 ** (rows.date / half_life)


def plain_design(data, dates, scaler, within, half_life):
    X, y, rows = data.training(dates)
    Z, w = scaler.transform(X), weights_of(rows, half_life)
    return (
        (demean_by_date(Z, rows.date, w), demean_by_date(y, rows.date, w), w, rows)
        if within
        else (Z, y, w, rows)
    )


def refitted(peer, penalty, Z, y, w, within):
    """Return coefficients and intercept of scikit-learn's model of standardised columns."""
    scaling = StandardScaler(with_mean=not within).fit(Z, sample_weight=w)
    level = 0.0 if within else np.average(y, weights=w)
    scale = np.sqrt(np.average((Z - (0 if within else scaling.mean_)) ** 2, axis=0, weights=w))
    some = scale > 1e-6
    A = ((Z - (0 if within else scaling.mean_)) / np.where(some, scale, 1.0))[:, some]
    b = np.zeros(Z.shape[1])
    b[some] = peer(penalty).fit(A, y - level, sample_weight=w * len(w) / w.sum()).coef_ / scale[some]
    return b, level - (0.0 if within else scaling.mean_ @ b)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize(
    ("within", "window", "half_life", "step"),
    [
        (False, None, None, 1),
        (True, None, None, 2),
        (False, 40, None, 1),
        (True, 35, 20.0, 1),
        (False, None, 30.0, 3),
    ],
)
def test_every_fold_equals_scikit_learn_refitted(name, within, window, half_life, step):
    make, peer = PEERS[name]
    data = panel_data(relative=within, weight=half_life is not None)
    walk_folds = folds(window=window, step=step)
    model = make(within, n_penalties=6, half_life=half_life)
    walk = walk_forward(model, name, data, walk_folds)
    done = 0
    for scaler, members in split_stretches(data, TrainingWindows.of(walk_folds)):
        for f in members:
            fold, fit = walk_folds[f], walk.fits[f]
            Z, y, w, _ = plain_design(data, fold.train, scaler, within, half_life)
            b, a = refitted(peer, fit.chosen["penalty"], Z, y, w, within)
            X, rows = data.rows_to_forecast(fold.test)
            result = np.full((len(fold.test), 7), np.nan)
            result[rows.date - fold.test[0], rows.asset] = scaler.transform(X) @ b + a
            result = result - row_mean(result)[:, None] if within else result
            np.testing.assert_allclose(walk.raw[fold.test], result, rtol=0, atol=1e-8)
            assert fit.n_rows == len(y)
            done += 1
    assert done == len(walk_folds)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("within", [True, False])
def test_the_penalty_is_the_best_of_the_matured_past(name, within):
    """Recompute the losses of every penalty on every past test date with scikit-learn."""
    make, peer = PEERS[name]
    data = panel_data(relative=within)
    walk_folds = folds()
    model = make(within, n_penalties=5)
    walk = walk_forward(model, name, data, walk_folds)
    grids, past = [], []
    for scaler, members in split_stretches(data, TrainingWindows.of(walk_folds)):
        for f in members:
            fold = walk_folds[f]
            Z, y, w, _ = plain_design(data, fold.train, scaler, within, None)
            scaled = Z / np.where(Z.std(axis=0) > 1e-6, Z.std(axis=0), np.inf)
            if name == "ridge":
                grid = len(y) * np.logspace(3, -3, 5)
            else:
                q = np.abs(
                    (scaled - (0 if within else scaled.mean(axis=0))).T @ (y - y.mean()) / len(y)
                ).max()
                grid = q / model.l1_ratio * np.logspace(0, -2, 5)
            grids.append(grid)
            T, t, _, rows = plain_design(data, fold.test, scaler, within, None)
            losses = []
            for penalty in grid:
                b, a = refitted(peer, penalty, Z, y, w, within)
                losses.append((t - T @ b - a) ** 2)
            past.append((rows.date, np.array(losses)))
    before = losses_inside(model, data, walk_folds[0])
    for f, fold in enumerate(walk_folds):
        matured = sum(
            (loss[:, data.ends[date] < fold.test[0]].sum(axis=1) for date, loss in past[:f]), np.zeros(5)
        )
        assert walk.fits[f].chosen["penalty"] == pytest.approx(grids[f][np.argmin(before + matured)])


def losses_inside(model, data, fold):
    """Return the squared errors in blocks inside a training window, as `fit` computes them."""
    X, _, _ = data.training(fold.train)
    plain = Design(data, 7, Standardiser().fit(X), model.within_dates)
    window = Window(plain, fold.train, 0, wide=False)
    grid = window.candidates(model, 0, len(fold.train), window.moments(0, len(fold.train))).settings
    return window.inner_losses(model, grid, 0, len(fold.train), fold.train_ends, model.inner_splits)


@pytest.mark.parametrize("name", PEERS)
@pytest.mark.parametrize("within", [True, False])
def test_nested_selection_equals_the_plain_loop(name, within):
    """Windows that share less than half their dates are conditioned anew at each fold, as the plain loop does."""
    data = panel_data(relative=within)
    walk_folds = folds(every=20, window=30)
    model = PEERS[name][0](within, selection="nested", n_penalties=8)
    fast = walk_forward(model, name, data, walk_folds)
    slow = walk_plain(model, name, data, walk_folds)
    np.testing.assert_allclose(fast.raw, slow.raw, rtol=0, atol=1e-8)
    for a, b in zip(fast.fits, slow.fits, strict=True):
        assert a.chosen == pytest.approx(b.chosen)
        np.testing.assert_allclose(a.importance, b.importance, atol=1e-8)


@pytest.mark.parametrize("selection", ["past", "nested"])
def test_more_features_than_rows(selection):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3, 200))
    y = X[:, :, 0] + 0.1 * rng.normal(size=(60, 3))
    data = Dataset(X, y, np.arange(60) + 1, np.ones((60, 3), bool), tuple(map(str, range(200))), False)
    some = WalkForward(data.ends, first_test=30, refit_every=10, window=20).folds()
    for model in (Ridge(selection=selection, n_penalties=5), Lasso(selection=selection, n_penalties=5)):
        walk = walk_forward(model, "wide", data, some)
        for scaler, members in split_stretches(data, TrainingWindows.of(some)):
            for f in members:
                A, t, _ = data.training(some[f].train)
                Z = scaler.transform(A)
                peer = PEERS["ridge" if isinstance(model, Ridge) else "lasso"][1]
                b, a = refitted(peer, walk.fits[f].chosen["penalty"], Z, t, np.ones(len(t)), False)
                result = scaler.transform(X[some[f].test].reshape(-1, 200)) @ b + a
                np.testing.assert_allclose(walk.raw[some[f].test].ravel(), result, atol=1e-6)


@pytest.mark.parametrize("selection", ["past", "nested"])
@pytest.mark.parametrize("window", [None, 40])
@pytest.mark.parametrize("name", PEERS)
def test_what_comes_later_changes_no_bit(name, window, selection):
    data = panel_data()
    model = PEERS[name][0](selection=selection, n_penalties=6)
    whole = walk_forward(model, name, data, folds(window=window))
    for cut in (75, 91, 118):
        noisy = panel_data()
        noisy.X[cut + 1 :] = np.random.default_rng(9).normal(size=noisy.X[cut + 1 :].shape)
        noisy.y[cut - 2 :] = 5.0
        noise = walk_forward(model, name, noisy, folds(window=window))
        short = Dataset(
            data.X[: cut + 1],
            np.where(data.ends[: cut + 1, None] > cut, np.nan, data.y[: cut + 1]),
            data.ends[: cut + 1],
            data.usable[: cut + 1],
            data.names,
            False,
        )
        ends = np.arange(cut + 1) + 3
        kept = WalkForward(ends, first_test=60, refit_every=9, window=window).folds()
        cut_off = walk_forward(model, name, short, kept)
        np.testing.assert_array_equal(noise.raw[: cut + 1], whole.raw[: cut + 1])
        np.testing.assert_array_equal(cut_off.raw, whole.raw[: cut + 1])
        for a, b in zip(cut_off.fits, whole.fits, strict=False):
            assert a.chosen == b.chosen
            np.testing.assert_array_equal(a.importance, b.importance)


def test_float32_features_are_used_as_they_are():
    data = panel_data()
    single = Dataset(data.X.astype(np.float32), data.y, data.ends, data.usable, data.names, False)
    double = Dataset(single.X.astype(np.float64), data.y, data.ends, data.usable, data.names, False)
    np.testing.assert_array_equal(
        walk_forward(Ridge(), "a", single, folds()).raw, walk_forward(Ridge(), "a", double, folds()).raw
    )


def test_stretches_are_renewed_by_doubling_and_when_a_feature_comes_up():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3, 2))
    everywhere = np.ones((200, 3), bool)
    data = Dataset(X, X[:, :, 0], np.arange(200) + 1, everywhere, ("a", "b"), False)
    some = WalkForward(data.ends, first_test=21, refit_every=20).folds()  # windows of 20, 40, ... dates
    members = [m for _, m in split_stretches(data, TrainingWindows.of(some))]
    assert members == [[0, 1], [2, 3, 4, 5], [6, 7, 8]], "20 and 40 dates; 60 to 120; 140 to 180"
    X[:75, :, 1] = np.nan
    late = [m for _, m in split_stretches(data, TrainingWindows.of(some))]
    assert late == [[0, 1], [2], [3, 4, 5, 6, 7], [8]], "the fourth window has 5 of its 80 dates with b"
    rolling = WalkForward(data.ends, first_test=41, refit_every=10, window=40).folds()
    X[:] = rng.normal(size=X.shape)
    assert next(m for _, m in split_stretches(data, TrainingWindows.of(rolling))) == [0, 1, 2], (
        "overlaps of 40, 30 and 20"
    )


def test_a_feature_that_starts_late_is_used_soon():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 5, 2))
    y = X[:, :, 1] + 0.1 * rng.normal(size=(200, 5))
    X[:110, :, 1] = np.nan
    data = Dataset(X, y, np.arange(200) + 1, np.ones((200, 5), bool), ("a", "b"), False)
    some = WalkForward(data.ends, first_test=80, refit_every=10).folds()
    walk = walk_forward(Ridge(), "ridge", data, some)
    assert walk.fits[3].importance[1] == 0
    assert walk.fits[5].importance[1] > 0.9, "20 of 130 dates"


def test_windows_that_are_no_slices_go_through_the_plain_loop():
    data = panel_data()
    ends = data.ends
    train = np.r_[np.arange(0, 30), np.arange(50, 80)]
    odd = [Fold(train, np.arange(90, 100), ends[train]), *folds(first=100)]
    assert TrainingWindows.of(odd) is None
    fast = walk_forward(Ridge(), "ridge", data, odd)
    np.testing.assert_array_equal(fast.raw, walk_plain(Ridge(), "ridge", data, odd).raw)


def test_no_usable_row_is_an_error():
    data = panel_data()
    empty = Dataset(data.X, np.full_like(data.y, np.nan), data.ends, data.usable, data.names, False)
    with pytest.raises(TrainingError, match="no usable training row before the test at row 60"):
        walk_forward(Ridge(), "ridge", empty, folds())


def test_a_half_life_too_short_for_the_walk_is_an_error():
    with pytest.raises(TrainingError, match=r"half_life is 0\.1 dates, but the walk spans"):
        walk_forward(Ridge(half_life=0.1), "ridge", panel_data(), folds())


def test_progress_is_told():
    result = []
    walk_forward(
        Ridge(), "ridge", panel_data(), folds(every=30), lambda done, total: result.append((done, total))
    )
    assert result == [(1, 4), (2, 4), (3, 4), (4, 4)]

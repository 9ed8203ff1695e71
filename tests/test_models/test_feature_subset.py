"""A model that sees some of the features: the bits of a walk on a dataset that has only these."""

import numpy as np
import pytest
from bits import assert_same_bits
from plain_models import Means

from models.boosting.model import Boosting
from models.dataset import Dataset
from models.dispatch import walk_forward
from models.errors import TrainingError
from models.linear.regression import ElasticNet, Lasso, Ridge
from models.linear.univariate import Univariate
from models.parallel.executors import Processes, Threads
from models.tuning.search_space import Range
from models.tuning.tuned import Tuned
from models.walk_forward.plain_walk import walk_plain
from models.walk_forward.subset import find_columns
from validation.folds.walk_forward import WalkForward

N, K = 130, 7
SEEN = (5, 0, 2)
"""Columns in the order in which a user names them, which is not that of the data."""
NAMES = tuple(f"f{k}" for k in SEEN)
TREES = Boosting(max_trees=20, learning_rate=0.2, min_rows_in_leaf=10, feature_fraction=0.6, rebin=0.8)
MODELS = {
    "ridge": Ridge(n_penalties=8, half_life=40.0),
    "nested": Ridge(n_penalties=4, selection="nested"),
    "lasso": Lasso(n_penalties=8),
    "elastic_net": ElasticNet(n_penalties=8),
    "univariate": Univariate(),
    "median": Univariate(combine="median"),
    "dmspe": Univariate(combine="dmspe"),
    "trees": TREES,
    "nested trees": Boosting(max_trees=12, min_rows_in_leaf=10, selection="nested"),
    "plain": Means(),
    "tuned": Tuned(Ridge(n_penalties=4), {"half_life": Range(12.0, 60.0)}, trials=3, every=40),
    "tuned trees": Tuned(TREES, {"num_leaves": Range(2, 12, whole=True)}, trials=3),
}


def panel_data(n_dates=N, dtype=np.float64):
    """A ragged panel with holes; two of the features start late, one of them among those that are seen."""
    rng = np.random.default_rng(8)
    X = rng.normal(size=(N, 6, K))
    y = 0.3 * X[:, :, 0] - 0.4 * X[:, :, 5] + 0.8 * X[:, :, 1] + rng.normal(size=(N, 6))
    X[rng.random(X.shape) < 0.03] = np.nan
    X[:75, :, 2:4] = np.nan
    usable = rng.random((N, 6)) < 0.95
    ends = np.arange(n_dates) + 2
    y = np.where(ends[:, None] < n_dates, y[:n_dates], np.nan)
    names = tuple(f"f{k}" for k in range(K))
    return Dataset(X[:n_dates].astype(dtype), y, ends, usable[:n_dates], names, False, None)


def only(data):
    """Build a dataset that has only these columns, without the code that is tested."""
    columns = sorted(SEEN)
    X = np.empty((*data.X.shape[:2], len(columns)), data.X.dtype)
    for place, k in enumerate(columns):
        X[:, :, place] = data.X[:, :, k]
    return Dataset(
        X, data.y, data.ends, data.usable, tuple(f"f{k}" for k in columns), data.relative, data.weight
    )


def folds(n_dates=N, window=None):
    return WalkForward(np.arange(n_dates) + 2, first_test=45, refit_every=7, window=window).folds()


def assert_same_walk(found, alone):
    """Compare a walk among all features with one whose dataset has only those that are seen."""
    assert_same_bits(found.raw, alone.raw, "raw")
    assert found.last == alone.last
    assert len(found.fits) == len(alone.fits) > 10
    for a, b in zip(found.fits, alone.fits, strict=True):
        assert (a.first_test, a.n_rows, dict(a.chosen)) == (b.first_test, b.n_rows, dict(b.chosen))
        assert a.importance.shape == (K,)
        assert_same_bits(a.importance[sorted(SEEN)], b.importance, "importance")
        assert not np.delete(a.importance, SEEN).any()
    assert_same_bits(found.untuned, alone.untuned, "untuned")
    assert [(t.params, t.loss, t.pruned) for t in found.trials] == [
        (t.params, t.loss, t.pruned) for t in alone.trials
    ]


@pytest.mark.parametrize("window", [None, 40])
@pytest.mark.parametrize("name", MODELS)
def test_a_walk_has_the_bits_of_one_on_a_dataset_with_only_these_columns(name, window):
    data, walk_folds = panel_data(), folds(window=window)
    found = walk_forward(MODELS[name], "m", data, walk_folds, features=NAMES)
    alone = walk_forward(MODELS[name], "m", only(data), walk_folds)
    assert_same_walk(found, alone)
    if name != "plain":
        whole = walk_forward(MODELS[name], "m", data, walk_folds)
        assert (whole.raw != found.raw)[np.isfinite(whole.raw)].any(), "the others would have a say"
        assert found.last["features"] == ["f0", "f2", "f5"]


@pytest.mark.parametrize("name", ["ridge", "median", "trees"])
def test_the_plain_loop_agrees_too(name):
    data, walk_folds = panel_data(), folds()
    columns = find_columns(data, NAMES)
    found = walk_plain(MODELS[name], "m", data.select(columns), walk_folds)
    assert_same_bits(found, walk_plain(MODELS[name], "m", only(data), walk_folds), "plain")


@pytest.mark.parametrize("name", ["ridge", "univariate", "trees", "nested trees"])
def test_the_order_of_the_names_does_not_matter_and_all_names_are_no_choice(name):
    data, walk_folds = panel_data(), folds()
    one = walk_forward(MODELS[name], "m", data, walk_folds, features=NAMES)
    assert_same_bits(walk_forward(MODELS[name], "m", data, walk_folds, features=NAMES[::-1]), one, "order")
    whole = walk_forward(MODELS[name], "m", data, walk_folds)
    assert_same_bits(walk_forward(MODELS[name], "m", data, walk_folds, features=data.names), whole, "all")


@pytest.mark.parametrize("name", ["ridge", "elastic_net", "nested", "univariate", "trees", "plain"])
def test_going_on_from_fewer_dates_gives_the_bits_of_a_whole_walk(name):
    before = None
    for n_dates in (53, 64, 91, N):
        data, walk_folds = panel_data(n_dates), folds(n_dates)
        whole = walk_forward(MODELS[name], "m", data, walk_folds, features=NAMES)
        before = walk_forward(MODELS[name], "m", data, walk_folds, previous=before, features=NAMES)
        assert_same_bits(before.raw, whole.raw, f"{n_dates} dates")
        assert_same_bits(
            [fit.importance for fit in before.fits],
            [fit.importance for fit in whole.fits],
            f"{n_dates} dates",
        )


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_selected_columns_keep_their_values_their_precision_and_the_data(dtype):
    data = panel_data(dtype=dtype)
    before = data.X.copy()
    selected = data.select(find_columns(data, NAMES))
    assert selected.names == ("f0", "f2", "f5")
    assert selected.X.flags.c_contiguous, "sums over features depend on the order of memory"
    assert_same_bits(selected.X, only(data).X, "X")
    assert selected.y is data.y
    assert_same_bits(data.X, before, "the data itself")


@pytest.mark.parametrize("executor", [Threads(1), Threads(3), Processes(2)], ids=["one", "three", "loky"])
def test_any_executor_gives_the_same_bits(executor):
    data, walk_folds = panel_data(), folds()
    with executor:
        found = walk_forward(MODELS["nested trees"], "m", data, walk_folds, executor=executor, features=NAMES)
    alone = walk_forward(MODELS["nested trees"], "m", only(data), walk_folds)
    assert_same_bits(found.raw, alone.raw, "raw")


def test_an_unknown_name_and_no_name_are_refused():
    with pytest.raises(
        TrainingError, match=r"'f11' is no feature of the data; did you mean 'f1'\?; known: f0"
    ):
        walk_forward(Ridge(), "m", panel_data(), folds(), features=["f1", "f11"])
    with pytest.raises(TrainingError, match="expected one name at least"):
        walk_forward(Ridge(), "m", panel_data(), folds(), features=[])

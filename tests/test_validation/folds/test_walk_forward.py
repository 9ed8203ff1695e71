"""Folds against literal rows, and against the one rule: no training label may overlap the test."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_windows import label_ends, overlapping, weekdays
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict, cross_val_score

from validation.errors import LeakError, ScheduleError
from validation.folds.walk_forward import Fold, WalkForward, inner_folds


def ends(n, horizon):
    return np.arange(n) + horizon


def test_expanding_folds_by_hand():
    folds = WalkForward(ends(10, 1), first_test=4, refit_every=3).folds()
    assert [f.train.tolist() for f in folds] == [[0, 1, 2], [0, 1, 2, 3, 4, 5]]
    assert [f.test.tolist() for f in folds] == [[4, 5, 6], [7, 8, 9]]


def test_rolling_window_keeps_the_last_dates():
    folds = WalkForward(ends(10, 1), first_test=6, refit_every=2, window=3).folds()
    assert [f.train.tolist() for f in folds] == [[2, 3, 4], [4, 5, 6]]


def test_embargo_adds_to_the_purge():
    (fold,) = WalkForward(ends(10, 2), first_test=8, refit_every=5, embargo=3).folds()
    # label of row t ends at t + 2; t + 2 + 3 < 8
    assert fold.train.tolist() == [0, 1, 2]


def test_folds_by_literal_dates():
    day, until = weekdays("2024-01-01", "2024-02-09", horizon=5, execution_lag=1)
    first = day.tolist().index("2024-01-17")
    tight, wide = (
        WalkForward(until, first_test=first, refit_every=10, embargo=embargo).folds() for embargo in (0, 2)
    )
    assert [day[f.test[0]] for f in tight] == ["2024-01-17", "2024-01-31"]
    # Decided on the 8th, traded on the 9th, sold on the 16th.
    assert [day[f.train[-1]] for f in tight] == ["2024-01-08", "2024-01-22"]
    # Decided on the 4th, sold on the 12th: the 15th and the 16th lie between.
    assert [day[f.train[-1]] for f in wide] == ["2024-01-04", "2024-01-18"]


def test_sampling_counts_from_the_first_training_row():
    (fold,) = WalkForward(ends(20, 1), first_test=15, refit_every=5, first_train=4, every=3).folds()
    assert fold.train.tolist() == [4, 7, 10, 13]


def test_a_leaking_fold_cannot_exist():
    with pytest.raises(LeakError, match="row 3, which ends at row 5"):
        Fold(np.array([2, 3]), np.array([5, 6]), np.array([4, 5]))


@given(
    n=st.integers(30, 120),
    horizon=st.integers(1, 12),
    embargo=st.integers(0, 6),
    refit=st.integers(1, 20),
    every=st.integers(1, 5),
    window=st.none() | st.integers(1, 30),
)
def test_no_training_label_reaches_its_test(n, horizon, embargo, refit, every, window):
    walk = WalkForward(
        ends(n, horizon), first_test=25, refit_every=refit, embargo=embargo, every=every, window=window
    )
    seen = []
    for fold in walk.folds():
        assert fold.train_ends.max() + embargo < fold.test[0]
        np.testing.assert_array_equal(fold.train_ends, fold.train + horizon)
        seen += fold.test.tolist()
    assert seen == list(range(25, n)), "each date is tested exactly once"


@given(data=st.data(), refit=st.integers(1, 20), embargo=st.integers(0, 6), first_train=st.integers(0, 4))
@settings(deadline=None)
def test_no_label_windows_overlap_and_nothing_is_dropped_in_vain(data, refit, embargo, first_train):
    n, first = 40, 25
    until = data.draw(label_ends(n))
    walk = WalkForward(until, first_test=first, refit_every=refit, embargo=embargo, first_train=first_train)
    late = until + embargo >= first
    if late[first_train:first].all():
        with pytest.raises(ScheduleError, match="start the test later"):
            walk.folds()
        return
    tested = []
    for fold in walk.folds():
        assert not overlapping(fold.train, fold.test, until)
        start = fold.test[0]
        between = [start - until[s] - 1 for s in range(n)]
        assert fold.train.tolist() == [s for s in range(first_train, start) if between[s] >= embargo]
        # Dates that were tested are trained on later, but not before their labels have ended.
        again = fold.train[np.isin(fold.train, tested)]
        assert (until[again] < start).all()
        tested += fold.test.tolist()
    assert tested == list(range(first, n))


def test_it_is_a_scikit_learn_splitter():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = X @ [1.0, -1.0] + rng.normal(size=60)
    walk = WalkForward(ends(60, 2), first_test=30, refit_every=10)
    scores = cross_val_score(LinearRegression(), X, y, cv=walk)
    assert len(scores) == walk.get_n_splits() == 3
    model = LinearRegression().fit(X[:28], y[:28])
    assert scores[0] == pytest.approx(model.score(X[30:40], y[30:40]))
    with pytest.raises(ValueError, match="partitions"):
        cross_val_predict(LinearRegression(), X, y, cv=walk)


def test_stacked_rows_are_split_by_their_date():
    dates = np.repeat(np.arange(20), 3)
    X, y = np.arange(60.0)[:, None], np.arange(60.0)
    walk = WalkForward(ends(20, 1), first_test=10, refit_every=10)
    ((train, test),) = walk.split(X, y, groups=dates)
    assert set(dates[train]) == set(range(9))
    assert set(dates[test]) == set(range(10, 20))
    assert len(cross_val_score(LinearRegression(), X, y, groups=dates, cv=walk)) == 1


def test_rows_that_are_not_dates_need_groups():
    with pytest.raises(ScheduleError, match="pass groups"):
        next(WalkForward(ends(20, 1), first_test=10, refit_every=5).split(np.zeros((60, 1))))


@pytest.mark.parametrize("groups", [np.arange(60) - 1, np.arange(60) // 2])
def test_groups_that_are_not_rows_are_refused(groups):
    with pytest.raises(ScheduleError, match=r"rows of the 20 dates, 0 to 19, but (-1|20)"):
        next(WalkForward(ends(20, 1), first_test=10, refit_every=5).split(np.zeros((60, 1)), groups=groups))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"first_test": 0, "refit_every": 1}, "first_test is row 0"),
        ({"first_test": 99, "refit_every": 1}, "expected 1 to 19"),
        ({"first_test": 5, "refit_every": 0}, "at least 1"),
        ({"first_test": 5, "refit_every": 1, "window": 0}, "at least 1"),
        ({"first_test": 5, "refit_every": 1, "embargo": -1}, "at least 0"),
    ],
)
def test_impossible_schedules_are_refused(options, message):
    with pytest.raises(ScheduleError, match=message):
        WalkForward(ends(20, 1), **options)


def test_nothing_left_to_train_on_says_so():
    with pytest.raises(ScheduleError, match="start the test later"):
        WalkForward(ends(20, 6), first_test=5, refit_every=5).folds()


def test_a_label_that_ends_before_it_starts_is_refused():
    with pytest.raises(ScheduleError, match="before its own date"):
        WalkForward(np.arange(20) - 1, first_test=5, refit_every=5)


def test_inner_folds_by_hand():
    dates = np.arange(100, 120)
    folds = inner_folds(dates, dates + 2, 2)
    assert [f.test.tolist() for f in folds] == [list(range(110, 115)), list(range(115, 120))]
    assert [f.train[-1] for f in folds] == [107, 112]


def test_inner_folds_of_too_few_dates_are_none():
    assert inner_folds(np.array([3]), np.array([4]), 4) == ()

"""Combinatorial folds against literal rows, and against every pair of label windows."""

from itertools import combinations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from label_windows import label_ends, overlap, overlapping, weekdays
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import cross_val_predict, cross_val_score

from validation.errors import LeakError, ScheduleError
from validation.folds.combinatorial import CombinatorialPurged, PurgedFold


def ends(n, horizon):
    return np.arange(n) + horizon


def test_folds_by_hand():
    folds = CombinatorialPurged(ends(20, 2), n_groups=4, n_test_groups=2, embargo=1).folds()
    assert [(f.test[0], f.test[5], f.train.tolist()) for f in folds] == [
        (0, 5, [13, 14, 15, 16, 17, 18, 19]),  # the label of row 9 ends at 11, row 12 is under embargo
        (0, 10, [18, 19]),  # rows 5-7 follow the first block too closely, 8 and 9 reach into the second
        (0, 15, [8, 9, 10, 11, 12]),
        (5, 10, [0, 1, 2, 18, 19]),
        (5, 15, [0, 1, 2]),
        (10, 15, [0, 1, 2, 3, 4, 5, 6, 7]),
    ]


def test_folds_by_literal_dates():
    day, until = weekdays("2024-01-01", "2024-02-09", horizon=5, execution_lag=1)
    fold = CombinatorialPurged(until[:27], n_groups=3, n_test_groups=1, embargo=2).folds()[1]
    assert day[fold.test[[0, -1]]].tolist() == ["2024-01-12", "2024-01-24"]
    # Decided on the 3rd, traded on the 4th, sold on the 11th. The last label of the test, decided on January 24, ends
    # on February 1; the 2nd and the 5th are under embargo.
    assert day[fold.train].tolist() == ["2024-01-01", "2024-01-02", "2024-01-03", "2024-02-06"]


@given(data=st.data(), n_groups=st.integers(2, 6), embargo=st.integers(0, 6), first_row=st.integers(0, 5))
@settings(max_examples=150, deadline=None)
def test_no_label_windows_overlap_and_nothing_is_dropped_in_vain(data, n_groups, embargo, first_row):
    n = data.draw(st.integers(20, 45))
    until = data.draw(label_ends(n))
    k = data.draw(st.integers(1, n_groups - 1))
    cv = CombinatorialPurged(until, n_groups=n_groups, n_test_groups=k, embargo=embargo, first_row=first_row)
    try:
        folds = cv.folds()
    except ScheduleError:
        folds = ()  # labels or embargo leave nothing to train on: the oracle below must agree
    wanted = []
    for choice in combinations(np.array_split(np.arange(first_row, n), n_groups), k):
        test = np.concatenate(choice)
        late = {s for block in choice for s in range(block[-1] + 1, max(until[block]) + embargo + 1)}
        others = [s for s in range(first_row, n) if s not in test and s not in late]
        wanted.append(([s for s in others if not any(overlap(s, t, until) for t in test)], test.tolist()))
    if not folds:
        assert any(not train for train, _ in wanted)
        return
    assert [(f.train.tolist(), f.test.tolist()) for f in folds] == wanted
    assert not any(overlapping(f.train, f.test, until) for f in folds)
    tested = np.bincount(np.concatenate([f.test for f in folds]), minlength=n)
    assert (tested[first_row:] == comb(n_groups - 1, k - 1)).all()
    assert not tested[:first_row].any()


@given(data=st.data())
@settings(deadline=None)
def test_a_fold_exists_if_and_only_if_no_pair_of_windows_overlaps(data):
    until = data.draw(label_ends(25))
    side = np.array(data.draw(st.lists(st.sampled_from([0, 0, 0, 1, 2]), min_size=25, max_size=25)))
    train, test = np.flatnonzero(side == 1), np.flatnonzero(side == 2)
    if not (len(train) and len(test)):
        return
    if overlapping(train, test, until):
        with pytest.raises(LeakError, match="overlap test labels"):
            PurgedFold(train, test, until[train], until[test])
    else:
        assert len(PurgedFold(train, test, until[train], until[test]).train) == len(train)


def test_a_fold_names_the_first_label_that_overlaps():
    with pytest.raises(LeakError, match=r"2 training labels .* row 3, which ends at row 5"):
        PurgedFold(np.array([2, 3, 7]), np.array([5, 6]), np.array([4, 5, 9]), np.array([7, 8]))
    with pytest.raises(LeakError, match="1 training labels"):  # of the first test label, not of the nearest
        PurgedFold(np.array([6]), np.array([2, 3]), np.array([7]), np.array([9, 4]))
    with pytest.raises(ScheduleError, match="got 0 and 1"):
        PurgedFold(np.array([], dtype=int), np.array([5]), np.array([], dtype=int), np.array([6]))


def test_paths_are_those_of_the_book():
    cv = CombinatorialPurged(ends(60, 1), n_groups=6, n_test_groups=2)
    assert cv.get_n_splits() == 15
    assert cv.n_paths == 5
    # Lopez de Prado (2018), section 12.4.1: path 1 is (G1,S1) (G2,S1) (G3,S2) (G4,S3) (G5,S4) (G6,S5).
    assert (cv.paths()[0] + 1).tolist() == [1, 1, 2, 3, 4, 5]
    assert (cv.paths()[1] + 1).tolist() == [2, 6, 6, 7, 8, 9]


@given(n_groups=st.integers(2, 7), data=st.data())
@settings(max_examples=30, deadline=None)
def test_each_forecast_is_in_one_path(n_groups, data):
    k = data.draw(st.integers(1, n_groups - 1))
    cv = CombinatorialPurged(ends(80, 1), n_groups=n_groups, n_test_groups=k, first_row=3)
    forecasts = [
        np.stack([np.full(len(fold.test), 1000.0 * f), fold.test], axis=1)
        for f, fold in enumerate(cv.folds())
    ]
    paths = cv.assemble_paths(forecasts)
    assert paths.shape == (cv.n_paths, 80, 2)
    assert np.isnan(paths[:, :3]).all()
    assert (paths[:, 3:, 1] == np.arange(3, 80)).all(), "each forecast is at its date"
    used = sorted(map(tuple, paths[:, 3:].reshape(-1, 2)))
    assert used == sorted(tuple(row) for result in forecasts for row in result)


def test_forecasts_of_other_dates_are_refused():
    cv = CombinatorialPurged(ends(30, 1), n_groups=3, n_test_groups=1)
    with pytest.raises(
        ScheduleError, match=r"test \[10, 10, 10\] dates, but the forecasts are for \[10, 9\]"
    ):
        cv.assemble_paths([np.zeros(10), np.zeros(9)])


def test_it_is_a_scikit_learn_splitter():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = X @ [1.0, -1.0] + rng.normal(size=60)
    cv = CombinatorialPurged(ends(60, 2), n_groups=4, n_test_groups=2, embargo=1)
    scores = cross_val_score(LinearRegression(), X, y, cv=cv)
    assert len(scores) == cv.get_n_splits() == 6
    model = LinearRegression().fit(X[33:], y[33:])
    assert scores[0] == pytest.approx(model.score(X[:30], y[:30]))
    with pytest.raises(ValueError, match="partitions"):
        cross_val_predict(LinearRegression(), X, y, cv=cv)
    once = CombinatorialPurged(ends(60, 2), n_groups=4, n_test_groups=1)
    result = cross_val_predict(LinearRegression(), X, y, cv=once)
    by_hand = [LinearRegression().fit(X[f.train], y[f.train]).predict(X[f.test]) for f in once.folds()]
    np.testing.assert_allclose(result, once.assemble_paths(by_hand)[0])


def test_stacked_rows_are_split_by_their_date():
    dates = np.tile(np.arange(20), 3)  # asset after asset
    cv = CombinatorialPurged(ends(20, 1), n_groups=4, n_test_groups=1)
    X, y = np.arange(60.0)[:, None], np.arange(60.0)
    for (train, test), fold in zip(cv.split(X, y, groups=dates), cv.folds(), strict=True):
        assert sorted(dates[train]) == sorted(fold.train.tolist() * 3)
        assert sorted(dates[test]) == sorted(fold.test.tolist() * 3)
    assert len(cross_val_score(LinearRegression(), X, y, groups=dates, cv=cv)) == 4
    with pytest.raises(ScheduleError, match="pass groups"):
        next(cv.split(X))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_groups": 4, "n_test_groups": 4}, "less than n_groups"),
        ({"n_groups": 4, "n_test_groups": 0}, "got 0, 4, 0 and 0"),
        ({"n_groups": 4, "n_test_groups": 1, "embargo": -1}, "at least 0"),
        ({"n_groups": 4, "n_test_groups": 1, "first_row": -1}, "at least 0"),
        (
            {"n_groups": 4, "n_test_groups": 1, "first_row": 17},
            "4 groups cannot be made of the 3 dates from row 17",
        ),
    ],
)
def test_impossible_splits_are_refused(options, message):
    with pytest.raises(ScheduleError, match=message):
        CombinatorialPurged(ends(20, 1), **options)


def test_nothing_left_to_train_on_says_so():
    with pytest.raises(ScheduleError, match=r"start at rows 0, 10: .* take fewer groups"):
        CombinatorialPurged(ends(20, 4), n_groups=4, n_test_groups=2, embargo=3).folds()

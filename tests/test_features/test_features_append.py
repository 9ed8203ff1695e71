"""Matrices in tiles, in blocks and in parts: the same bits as computed in one go, feature by feature."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from causality import first_difference
from plain_build import compute_plainly
from synthetic import make_panel

from features.appending import append_dates
from features.building import build_matrix
from features.catalogue import catalogue
from features.engine import build
from features.engine.resolution import make_recipe
from features.kernels.rolling import ewm_mean, rolling_max, running_max
from features.library.returns import wealth
from features.spec import FeatureError, FeatureSpec

CATALOGUE = catalogue()
MONTHLY = make_panel("monthly", 160, 80, seed=3)
DAILY = make_panel("daily", 1500, 7, seed=4)


def spec(name, kernel, inputs=("returns",), lookback=0, stage="asset"):
    return FeatureSpec(name, stage, lookback, "fraction", inputs, "Text.", kernel)


def assert_same(matrix, expected):
    assert set(matrix.names) == set(expected)
    for name, column in expected.items():
        column = column if column.ndim == 2 else np.repeat(column[:, None], matrix.values.shape[1], axis=1)
        difference = first_difference(
            name, column.astype(matrix.values.dtype), matrix.column(name), len(column)
        )
        assert difference is None, difference


def kinds_of(panel, specs=CATALOGUE, deep=()):
    recipe = build.arrange(make_recipe(panel, tuple(specs), (), specs), panel, deep)
    return {step.name: step.kind for step in recipe.steps}


def small_blocks(monkeypatch, together=8):
    """Many tiles and many blocks, also of small panels."""
    monkeypatch.setattr(build, "TOGETHER", together)
    monkeypatch.setattr(build, "WORKING_BYTES", 0)
    monkeypatch.setattr(build, "WORKING_SHARE", 0.0)
    monkeypatch.setattr(build, "TILE_BYTES", 0)
    monkeypatch.setattr(build, "DATES_BYTES", 0)


@pytest.mark.parametrize("workers", [1, 3])
def test_tiles_give_what_one_go_gives(workers):
    matrix = build_matrix(MONTHLY, workers=workers)
    assert set(kinds_of(MONTHLY).values()) == {"series", "tile", "whole", "rows"}
    assert_same(matrix, compute_plainly(MONTHLY))


@pytest.mark.parametrize("panel", [MONTHLY, DAILY], ids=["monthly", "daily"])
def test_small_blocks_give_what_one_go_gives(panel, monkeypatch):
    small_blocks(monkeypatch, together=5)
    matrix = build_matrix(panel, workers=2)
    assert matrix.history.deep == frozenset()
    assert_same(matrix, compute_plainly(panel))


@pytest.mark.parametrize("n_assets", [1, 6, 70])
@pytest.mark.parametrize("kind", ["monthly", "daily"])
def test_appended_is_built(kind, n_assets):
    panel = make_panel(kind, 200 if kind == "monthly" else 1400, n_assets, seed=n_assets)
    whole = build_matrix(panel)
    rng = np.random.default_rng(n_assets)
    n_dates = len(panel.dates)
    # Few assets are one tile, more are several.
    cuts = (
        [0, 1, 2, n_dates - 1, *rng.integers(3, n_dates - 1, 4)]
        if n_assets < 10
        else [n_dates // 2, n_dates - 1]
    )
    for cut in cuts:
        before = build_matrix(panel.as_of(panel.dates[cut - 1]) if cut else empty(panel))
        after = append_dates(before, panel)
        assert after.recomputed == ()
        assert after.names == whole.names
        assert first_difference(f"from {cut}", whole.values, after.values, n_dates) is None
        assert first_difference(f"until {cut}", whole.values, before.values, cut) is None
        np.testing.assert_array_equal(after.common, whole.common)
        assert after.history.__getstate__()["digests"] == whole.history.__getstate__()["digests"]


def empty(panel):
    return panel.as_of(panel.dates[0] - (panel.dates[1] - panel.dates[0]))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("panel", [MONTHLY, DAILY], ids=["monthly", "daily"])
def test_one_date_at_a_time(panel, dtype):
    start = len(panel.dates) - 15
    matrix = build_matrix(panel.as_of(panel.dates[start - 1]), dtype=dtype)
    for date in panel.dates[start:]:
        matrix = append_dates(matrix, panel.as_of(date))
        assert matrix.recomputed == ()
    whole = build_matrix(panel, dtype=dtype)
    assert matrix.values.dtype == dtype
    assert first_difference("values", whole.values, matrix.values, len(panel.dates)) is None


def test_appending_twice_to_one_matrix_keeps_all_three_apart():
    first = build_matrix(DAILY.as_of(DAILY.dates[-3]))
    kept = first.values.copy()
    one = append_dates(first, DAILY.as_of(DAILY.dates[-2]))
    returns = DAILY.returns.copy()
    returns[-2:] *= 0.5
    other = replace(DAILY, returns=returns)
    two = append_dates(first, other)
    assert first_difference("first", kept, first.values, len(kept)) is None
    assert first_difference("one", build_matrix(DAILY).values, one.values, len(one.values)) is None
    assert first_difference("two", build_matrix(other).values, two.values, len(two.values)) is None
    assert append_dates(first, DAILY.as_of(DAILY.dates[-3])).values.shape == first.values.shape


def test_stored_matrix_goes_on():
    panel = MONTHLY.as_of(MONTHLY.dates[-5])
    stored = pickle.loads(pickle.dumps(build_matrix(panel, extra=2)))
    assert not stored.values.flags.writeable
    appended = append_dates(stored, MONTHLY)
    assert first_difference("values", build_matrix(MONTHLY).values, appended.values, 160) is None
    assert appended.join_columns(np.zeros((160, 2))).shape[2] == len(stored.names) + 2


PLANTED = {
    "understated": spec("understated", lambda returns: rolling_max(returns, 40), lookback=2),
    "recursion_in_a_window": spec(
        "recursion_in_a_window", lambda returns: rolling_max(wealth(returns), 5), lookback=5
    ),
    "row_number": spec("row_number", lambda returns: returns * 0 + np.arange(len(returns))[:, None]),
    "made_of_it": spec("made_of_it", lambda row_number: row_number * 2, ("row_number",)),
    "honest": spec("honest", lambda returns: rolling_max(returns, 12), lookback=12),
    "recursive": spec("recursive", lambda returns: running_max(returns) + ewm_mean(returns, 3.0)),
    "of_the_market": spec(
        "of_the_market",
        lambda market, returns: returns + ewm_mean(market, 4.0)[:, None],
        ("market", "returns"),
    ),
    "across": spec(
        "across", lambda returns: returns - np.nanmean(returns, axis=1)[:, None], stage="cross_section"
    ),
    "made_of_across": spec(
        "made_of_across",
        lambda across: -across,
        ("across",),
    ),
    "one_value": spec("one_value", lambda returns: np.isfinite(returns).sum(axis=1), stage="market"),
    "of_one_value": spec(
        "of_one_value", lambda one_value, returns: returns * one_value[:, None], ("one_value", "returns")
    ),
    "needs_company": spec(
        "needs_company",
        lambda returns: np.sort(np.nan_to_num(returns), axis=1)[:, 7].repeat(1),
        stage="market",
    ),
    "needs_a_past": spec("needs_a_past", lambda returns: returns + 0 * np.nan_to_num(returns[20])),
    "needs_a_past_for_all": spec(
        "needs_a_past_for_all",
        lambda returns: returns[:, 0] + 0 * np.nan_to_num(returns[20, 0]),
        stage="market",
    ),
    "lagged_across": spec(
        "lagged_across",
        lambda returns: np.vstack([returns[:1] * np.nan, returns[:-1]]) * np.isfinite(returns),
        stage="cross_section",
    ),
    "recursive_across": spec(
        "recursive_across", lambda returns: ewm_mean(np.nan_to_num(returns), 2.0), stage="cross_section"
    ),
}
WRONG = {
    "needs_a_past",
    "needs_a_past_for_all",
    "understated",
    "recursion_in_a_window",
    "row_number",
    "lagged_across",
}


@pytest.mark.filterwarnings("ignore:Mean of empty slice")
@pytest.mark.parametrize("blocks", [False, True])
def test_planted_features_are_right_whatever_lookback_they_declare(blocks, monkeypatch):
    if blocks:
        small_blocks(monkeypatch)
    expected = compute_plainly(MONTHLY, PLANTED)
    whole = build_matrix(MONTHLY, catalogue=PLANTED)
    assert_same(whole, expected)
    kinds = kinds_of(MONTHLY, PLANTED, whole.history.deep)
    assert {kinds[name] for name in ("across", "made_of_across", "of_one_value")} == {"whole"}
    assert {kinds[name] for name in ("honest", "recursive", "of_the_market")} == {"tile"}
    matrix = build_matrix(MONTHLY.as_of(MONTHLY.dates[-10]), catalogue=PLANTED)
    for row in (-8, -2, -1):
        matrix = append_dates(matrix, MONTHLY.as_of(MONTHLY.dates[row]), PLANTED)
        assert WRONG | {"made_of_it"} <= set(matrix.recomputed)
        assert not {"honest", "recursive", "of_the_market", "one_value", "of_one_value"} & set(
            matrix.recomputed
        )
    assert_same(matrix, expected)


def test_feature_of_which_the_past_changes_is_refused(monkeypatch):
    leak = {"leak": spec("leak", lambda returns: returns - np.nan_to_num(returns).mean(axis=0))}
    matrix = build_matrix(MONTHLY.as_of(MONTHLY.dates[-2]), catalogue=leak)
    with pytest.raises(FeatureError, match="'leak': the value of a past date is another when later dates"):
        append_dates(matrix, MONTHLY, leak)
    common = {"leak": spec("leak", lambda market: market - market.mean(), ("market",))}
    matrix = build_matrix(MONTHLY.as_of(MONTHLY.dates[-2]), catalogue=common)
    with pytest.raises(FeatureError, match="'leak': the value of a past date"):
        append_dates(matrix, MONTHLY, common)
    small_blocks(monkeypatch)
    with pytest.raises(FeatureError, match="'leak': the value of a past date"):
        build_matrix(MONTHLY, catalogue=leak)


@pytest.mark.parametrize("stored", [False, True])
def test_other_past_is_refused(stored):
    names = ["return_1", "term_spread", "volume_ratio_1_12", "cash_yield"]
    matrix = build_matrix(MONTHLY.as_of(MONTHLY.dates[-2]), include=names)
    matrix = pickle.loads(pickle.dumps(matrix)) if stored else matrix
    append_dates(matrix, MONTHLY)
    macro = MONTHLY.macro["aaa_yield"]
    others = {
        "returns": {"returns": np.where(np.arange(160)[:, None] == 50, 0.01, MONTHLY.returns)},
        "volume": {"volume": MONTHLY.volume * 2},
        "cash": {"cash": np.where(np.arange(160) == 3, 0.01, MONTHLY.cash)},
        "aaa_yield": {"macro": {**MONTHLY.macro, "aaa_yield": replace(macro, values=macro.values * 2)}},
        "dates": {"dates": MONTHLY.dates - (MONTHLY.dates[1] - MONTHLY.dates[0])},
    }
    for name, parts in others.items():
        with pytest.raises(FeatureError, match=f"{name} up to row 158 is not what the matrix was made from"):
            append_dates(matrix, replace(MONTHLY, **parts))
    with pytest.raises(FeatureError, match="new: B; gone: A00"):
        append_dates(matrix, replace(MONTHLY, assets=("B", *MONTHLY.assets[1:])))
    with pytest.raises(FeatureError, match="has 100 dates, the matrix has 159"):
        append_dates(matrix, MONTHLY.as_of(MONTHLY.dates[99]))
    with pytest.raises(FeatureError, match=r"the features changed \(return_1\)"):
        append_dates(matrix, MONTHLY, {**CATALOGUE, "return_1": replace(CATALOGUE["return_1"], lookback=2)})
    with pytest.raises(FeatureError, match="'term_spread' cannot be computed"):
        append_dates(matrix, replace(MONTHLY, macro={}))
    returns = MONTHLY.returns.copy()
    returns[-1, 0] = -1.5
    with pytest.raises(FeatureError, match=r"return of A00 on 2003-04-30 is -1\.5"):
        append_dates(matrix, replace(MONTHLY, returns=returns))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_matrix_in_a_file_is_the_same_and_grows(dtype, tmp_path, monkeypatch):
    path = tmp_path / "matrix.npy"
    small_blocks(monkeypatch, together=20)
    matrix = build_matrix(MONTHLY.as_of(MONTHLY.dates[-4]), dtype=dtype, out=path)
    old = matrix.values.copy()
    matrix_after = append_dates(append_dates(matrix, MONTHLY.as_of(MONTHLY.dates[-3])), MONTHLY)
    whole = build_matrix(MONTHLY, dtype=dtype).values
    assert first_difference("values", whole, matrix_after.values, 160) is None
    assert first_difference("before", old, matrix.values, len(old)) is None
    with pytest.raises(FeatureError, match="holds 160 dates, the matrix has 157: build it again"):
        append_dates(matrix, MONTHLY)
    stored = pickle.loads(pickle.dumps(matrix_after))
    del matrix, matrix_after
    np.testing.assert_array_equal(np.load(path, mmap_mode="r"), whole)
    np.testing.assert_array_equal(stored.values, whole)


def test_single_precision_is_rounded_once():
    double, single = build_matrix(MONTHLY), build_matrix(MONTHLY, dtype=np.float32)
    assert single.values.dtype == np.float32
    np.testing.assert_array_equal(single.values, double.values.astype(np.float32))
    huge = {"huge": spec("huge", lambda returns: returns * 0 + 1e39)}
    assert np.isfinite(build_matrix(MONTHLY, catalogue=huge).values).any()
    with pytest.raises(FeatureError, match="'huge' is infinite for A00 on 1990-01-31"):
        build_matrix(MONTHLY, catalogue=huge, dtype=np.float32)
    with pytest.raises(FeatureError, match="dtype is int64, expected float64 or float32"):
        build_matrix(MONTHLY, dtype=int)


def test_reserved_columns_are_filled_without_a_copy_once():
    plain = build_matrix(DAILY)
    matrix = build_matrix(DAILY, extra=3)
    assert first_difference("values", plain.values, matrix.values, len(DAILY.dates)) is None
    extra = np.random.default_rng(0).normal(size=(len(DAILY.dates), 3))
    expected = np.concatenate((plain.values, np.repeat(extra[:, None], 7, axis=1)), axis=2)
    first = matrix.join_columns(extra)
    assert np.shares_memory(first, matrix.values)
    second = matrix.join_columns(extra * 2)
    assert not np.shares_memory(second, matrix.values)
    narrow = build_matrix(DAILY, extra=1).join_columns(extra[:, None, :] * np.ones((1, 7, 1)))
    for X in (
        first,
        narrow,
        plain.join_columns(extra),
        pickle.loads(pickle.dumps(matrix)).join_columns(extra),
    ):
        np.testing.assert_array_equal(X, expected)
        assert not X.flags.writeable
    np.testing.assert_array_equal(second[:, :, -3:], 2 * expected[:, :, -3:])


def test_infinite_value_is_named_in_any_tile(monkeypatch):
    small_blocks(monkeypatch)
    where = MONTHLY.returns == MONTHLY.returns[140, 79]
    assert where.sum() == 1
    for name, stage in (("tiled", "asset"), ("dated", "cross_section"), ("whole", "market")):
        bad = {
            name: spec(name, lambda returns: returns / ~(returns == MONTHLY.returns[140, 79]), stage=stage)
        }
        with pytest.raises(FeatureError, match=f"'{name}' is infinite for A79 on 2001-09-30"):
            build_matrix(MONTHLY, catalogue=bad)


@pytest.mark.parametrize("in_file", [False, True])
def test_failed_append_leaves_the_matrix_as_it_was(in_file, tmp_path):
    def moody(returns):
        if len(returns) != 159:
            raise ValueError("not today")
        return returns + 0.0

    specs = {"moody": spec("moody", moody)}
    path = tmp_path / "matrix.npy" if in_file else None
    matrix = build_matrix(MONTHLY.as_of(MONTHLY.dates[-2]), catalogue=specs, out=path)
    with pytest.raises(FeatureError, match="'moody' failed: ValueError: not today"):
        append_dates(matrix, MONTHLY, specs)
    calm = {"moody": spec("moody", lambda returns: returns + 0.0)}
    after = append_dates(matrix, MONTHLY, calm)
    assert in_file or after.buffer is matrix.buffer
    np.testing.assert_array_equal(after.values[:, :, 0], MONTHLY.returns)
    assert not in_file or np.array_equal(np.load(path), after.values, equal_nan=True)

"""FeatureMatrix: shapes, warm-up, listings, what is left out, and what is refused."""

from dataclasses import replace

import numpy as np
import pytest
from synthetic import make_panel

import features.spec as spec_module
from features.building import build_matrix
from features.catalogue import catalogue
from features.spec import STAGES, FeatureError, FeatureSpec, feature

COMBINED = ("KSFT", "RESI", "CNTN", "CNTD", "IMXD", "SUMN", "SUMD", "VSUMN", "VSUMD")
PANEL = make_panel("monthly", 150, 6, seed=5)


def one(name, kernel, inputs=("returns",), lookback=0, stage="asset"):
    return {name: FeatureSpec(name, stage, lookback, "fraction", inputs, "Text.", kernel)}


def test_default_is_every_feature():
    matrix = build_matrix(PANEL)
    assert matrix.names == tuple(catalogue())
    assert matrix.values.shape == (150, 6, len(matrix.names))
    assert matrix.values.dtype == np.float64
    assert matrix.values.flags.c_contiguous
    assert not matrix.values.flags.writeable
    assert matrix.missing == {}
    assert set(matrix.stages) == set(STAGES)
    assert not np.isinf(matrix.values).any()
    assert all(np.isfinite(matrix.values[:, :, k]).any() for k in range(len(matrix.names)))


def test_common_columns_are_common_and_asset_columns_end_with_the_listing():
    matrix = build_matrix(PANEL)
    for k, name in enumerate(matrix.names):
        column = matrix.column(name)
        if matrix.common[k]:
            assert matrix.stages[k] in ("market", "macro")
            np.testing.assert_array_equal(column, np.repeat(column[:, :1], 6, axis=1))
        else:
            assert matrix.stages[k] in ("asset", "bar", "cross_section")
            assert np.isnan(column[~PANEL.listed]).all(), name


def test_warm_adds_up_along_the_chain_and_nothing_is_there_before():
    matrix = build_matrix(PANEL)
    warm = dict(zip(matrix.names, matrix.warm, strict=True))
    assert warm["return_1"] == 0
    assert warm["return_12"] == 11
    assert warm["reversal_1"] == 11
    assert warm["reversal_1"] == warm["volatility_12"]
    assert warm["beta_36"] == 35
    assert warm["residual_momentum_12_1_z"] == 35 + 11
    assert warm["core_inflation_change_6"] == 11 + 5
    assert (warm["MA20"], warm["ROC20"], warm["SUMD20"], warm["IMXD20"]) == (19, 20, 20, 19)
    assert warm["macd_signal_9"] == 25 + 8
    for name in matrix.names:
        assert np.isnan(matrix.column(name)[: warm[name]]).all(), name
    daily = build_matrix(make_panel("daily", 300, 2), include=["return_12", "return_1_z", "MA20"])
    assert daily.warm == (251, 19, 20)


def test_full_panel_is_full_from_warm_on():
    panel = make_panel("monthly", 150, 4, late=False, deaths=False, holes=False, macro=False)
    matrix = build_matrix(panel)
    for name, warm in zip(matrix.names, matrix.warm, strict=True):
        assert np.isfinite(matrix.column(name)[warm:]).all(), name


def test_subset_equals_the_whole_and_keeps_the_order():
    whole = build_matrix(PANEL)
    part = build_matrix(
        PANEL, include=["cross_section", "return_1", "market"], exclude=["beta_36_z", "cash_yield"]
    )
    assert part.names == tuple(
        name
        for name, stage in zip(whole.names, whole.stages, strict=True)
        if (stage in ("cross_section", "market") or name == "return_1")
        and name not in ("beta_36_z", "cash_yield")
    )
    for name in part.names:
        np.testing.assert_array_equal(part.column(name), whole.column(name))


def test_an_asset_does_not_change_the_own_features_of_another():
    whole = build_matrix(PANEL, include=["asset"])
    alone = build_matrix(
        replace(
            PANEL,
            assets=PANEL.assets[2:3],
            returns=PANEL.returns[:, 2:3],
            volume=PANEL.volume[:, 2:3],
            **{name: prices[:, 2:3] for name, prices in PANEL.bars.items()},
        ),
        include=["asset"],
    )
    np.testing.assert_array_equal(alone.values, whole.values[:, 2:3])


def test_what_the_panel_lacks_is_left_out_with_a_reason():
    bare = replace(PANEL, macro={"aaa_yield": PANEL.macro["aaa_yield"]}, volume=None)
    matrix = build_matrix(bare)
    assert "term_spread" in matrix.names
    assert matrix.missing["volume_ratio_1_12"] == "the panel has no volume"
    assert matrix.missing["credit_spread"].startswith("the panel has no macro series 'baa_yield'")
    assert matrix.missing["credit_spread_change_3"].startswith("it needs credit_spread, and the panel has no")
    assert set(matrix.missing) | set(matrix.names) == set(catalogue())
    assert not set(matrix.missing) & set(matrix.names)
    with pytest.raises(
        FeatureError, match="'oil_return_3' cannot be computed: the panel has no macro series 'wti'"
    ):
        build_matrix(bare, include=["asset", "oil_return_3"])
    with pytest.raises(FeatureError, match="'volume_ratio_1_12' cannot be computed: the panel has no volume"):
        build_matrix(bare, include=["volume_ratio_1_12"])
    with pytest.raises(FeatureError, match="no feature 'credit_spread': the panel has no macro series"):
        matrix.column("credit_spread")


def test_panel_that_can_give_nothing():
    with pytest.raises(FeatureError, match="can give no feature: the panel has no macro series"):
        build_matrix(replace(PANEL, macro={}), include=["macro"], exclude=["term_spread"])


def test_unknown_column_is_suggested():
    with pytest.raises(FeatureError, match="did you mean 'return_12'"):
        build_matrix(PANEL, include=["return_12"]).column("return_13")


def test_user_defined_feature_shows_up(monkeypatch):
    catalogue()
    monkeypatch.setattr(spec_module, "_CATALOGUE", dict(spec_module._CATALOGUE))

    @feature(stage="asset", lookback=2, unit="fraction")
    def oil_times_return(return_1, wti):
        """Return times the oil price, which only this panel has."""
        return return_1 * wti[:, None]

    matrix = build_matrix(PANEL)
    assert "oil_times_return" in matrix.names
    np.testing.assert_array_equal(
        matrix.column("oil_times_return")[60],
        build_matrix(PANEL, include=["return_1"]).column("return_1")[60]
        * PANEL.macro["wti"].at(PANEL.dates)[60],
    )
    assert "wti" in build_matrix(replace(PANEL, macro={})).missing["oil_times_return"]


@pytest.mark.parametrize(
    ("kernel", "message"),
    [
        (lambda returns: returns[1:], r"'bad' has shape \(149, 6\), expected \(150, 6\) in stage asset"),
        (lambda returns: returns.mean(), r"'bad' has shape \(\)"),
        (lambda returns: returns.T, r"shape \(6, 150\)"),
        (lambda returns: np.where(returns == returns[7, 0], np.inf, 0.0), "infinite for A00 on 1990-08-31"),
        (lambda returns: returns[:, 0], r"'bad' has shape \(150,\), expected \(150, 6\) in stage asset"),
        (lambda returns: returns.nonsense, "'bad' failed: AttributeError"),
        (lambda returns: np.add(returns, 1, out=returns), "'bad' failed: ValueError.*read-only"),
        (lambda returns: "text", "'bad' failed: ValueError"),
    ],
)
def test_bad_kernel_is_named(kernel, message):
    with pytest.raises(FeatureError, match=message):
        build_matrix(PANEL, catalogue=one("bad", kernel))


def test_bad_values_of_all_assets_are_named():
    bad = {"bad": replace(one("bad", lambda returns: 1 / np.zeros(150))["bad"], stage="market")}
    with pytest.raises(FeatureError, match="infinite on 1990-01-31"):
        build_matrix(PANEL, catalogue=bad)
    bad = {"bad": replace(bad["bad"], kernel=lambda returns: returns[1:, 0])}
    with pytest.raises(
        FeatureError, match=r"shape \(149,\), expected \(150, 6\) or \(150,\) in stage market"
    ):
        build_matrix(PANEL, catalogue=bad)


def test_infinity_where_nobody_looks_is_harmless():
    matrix = build_matrix(
        PANEL, catalogue=one("late", lambda returns: np.where(np.isfinite(returns), returns, np.inf))
    )
    np.testing.assert_array_equal(matrix.column("late"), PANEL.returns)


def test_impossible_return_is_named():
    returns = PANEL.returns.copy()
    returns[9, 0] = -1.5
    with pytest.raises(FeatureError, match=r"return of A00 on 1990-10-31 is -1\.5, expected"):
        build_matrix(replace(PANEL, returns=returns))


def test_inputs_are_what_they_are_said_to_be():
    seen = {}

    def spy(returns, log_returns, excess, level, market, cash, volume, month, wti):
        seen.update(locals())
        return returns

    names = ("returns", "log_returns", "excess", "level", "market", "cash", "volume", "month", "wti")
    build_matrix(PANEL, catalogue=one("spy", spy, names))
    there = PANEL.listed
    np.testing.assert_allclose(seen["log_returns"][there], np.log1p(PANEL.returns[there]))
    np.testing.assert_array_equal(seen["excess"], PANEL.returns - PANEL.cash[:, None])
    np.testing.assert_array_equal(np.isfinite(seen["level"]), there)
    filled = np.where(there, PANEL.returns, 0.0)
    np.testing.assert_allclose(seen["level"][149, 0], np.prod(1 + filled[:, 0]))
    np.testing.assert_array_equal(seen["wti"], PANEL.macro["wti"].at(PANEL.dates))
    assert seen["month"] == 1


@pytest.mark.parametrize(("n_dates", "n_assets"), [(1, 1), (1, 5), (5, 1), (40, 2)])
@pytest.mark.parametrize("kind", ["monthly", "daily"])
def test_small_panels(kind, n_dates, n_assets):
    panel = make_panel(kind, n_dates, n_assets)
    assert build_matrix(panel).values.shape == (n_dates, n_assets, len(catalogue()))


def test_no_date_at_all():
    empty = PANEL.as_of(PANEL.dates[0] - (PANEL.dates[1] - PANEL.dates[0]))
    assert build_matrix(empty).values.shape == (0, 6, len(catalogue()))


def test_asset_that_is_never_listed_is_empty_and_changes_nothing():
    returns = np.column_stack([PANEL.returns, np.full(150, np.nan)])
    volume = np.column_stack([PANEL.volume, np.full(150, np.nan)])
    bars = {name: np.column_stack([prices, np.full(150, np.nan)]) for name, prices in PANEL.bars.items()}
    wider = build_matrix(
        replace(PANEL, assets=(*PANEL.assets, "ghost"), returns=returns, volume=volume, **bars)
    )
    narrow = build_matrix(PANEL)
    for k, name in enumerate(narrow.names):
        np.testing.assert_allclose(
            wider.column(name)[:, :6], narrow.column(name), rtol=1e-9, atol=1e-12, err_msg=name
        )
        assert narrow.common[k] or np.isnan(wider.column(name)[:, 6]).all()


@pytest.mark.parametrize(("kind", "n_dates", "n_assets"), [("monthly", 700, 10), ("daily", 3000, 8)])
def test_no_column_is_a_linear_combination_of_others(kind, n_dates, n_assets):
    panel = make_panel(kind, n_dates, n_assets, seed=8, late=False, deaths=False, holes=False)
    # Qlib's Alpha158 holds sums of its own columns, which docs/features.md lists.
    matrix = build_matrix(
        panel, exclude=[name for name in catalogue() if name.rstrip("0123456789") in COMBINED]
    )
    X = matrix.values.reshape(-1, len(matrix.names))
    X = X[np.isfinite(X).all(axis=1)]
    assert len(X) > 1000
    X = np.column_stack([np.ones(len(X)), (X - X.mean(axis=0)) / X.std(axis=0)])
    eigenvalues, vectors = np.linalg.eigh(X.T @ X / len(X))
    worst = np.array(["constant", *matrix.names])[np.argsort(-np.abs(vectors[:, 0]))[:6]]
    assert eigenvalues[0] > 1e-6, f"condition {eigenvalues[-1] / eigenvalues[0]:.2g}, among {list(worst)}"

"""Alpha158: every feature against a plain reading of Qlib's expression, with and without holes; and the edges."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from arch.data import nasdaq
from qlib_expressions import BAR, EXPRESSIONS, ROLLING, WINDOWS, WITHOUT_UNITS, evaluate
from synthetic import make_panel

from features.building import build_matrix
from features.catalogue import catalogue

LOOKS_BACK_ONE_MORE = {"ROC", "CORD", "CNTP", "CNTN", "CNTD", "SUMP", "SUMN", "SUMD", "WVMA"} | {
    "VSUMP",
    "VSUMN",
    "VSUMD",
}


def rough(n_dates, n_assets, seed, hole):
    """Bars at random, without trend, holes apart, ties now and then, moves of all sizes."""
    rng = np.random.default_rng(seed)
    panel = make_panel(
        "daily", n_dates, n_assets, seed=seed, late=False, deaths=False, holes=False, macro=False
    )
    gone = rng.uniform(size=panel.returns.shape) < hole
    bars = {name: np.where(gone, np.nan, np.round(prices, 1)) for name, prices in panel.bars.items()}
    volume = np.where(gone, np.nan, np.round(panel.volume))
    return replace(panel, returns=np.where(gone, np.nan, panel.returns), volume=volume, **bars)


def fields(panel, asset):
    return {name: values[:, asset] for name, values in (panel.bars | {"volume": panel.volume}).items()}


def warm_rows(name):
    family = name.rstrip("0123456789")
    if name in BAR:
        return 0
    return int(name[len(family) :]) - 1 + (family in LOOKS_BACK_ONE_MORE)


def test_there_are_158_and_they_are_the_names_of_qlib():
    assert len(EXPRESSIONS) == 158
    modules = {name for name, spec in catalogue().items() if "alpha158" in spec.kernel.__module__}
    assert modules == set(EXPRESSIONS)


PANELS = {"full": rough(130, 2, 3, 0.0), "holes": rough(130, 2, 4, 0.08)}


@functools.cache
def matrix_of(kind):
    return build_matrix(PANELS[kind], include=["bar"])


@pytest.mark.parametrize("kind", PANELS)
@pytest.mark.parametrize("name", EXPRESSIONS)
def test_feature_is_what_qlib_says(name, kind):
    panel, matrix = PANELS[kind], matrix_of(kind)
    column = matrix.column(name)
    assert matrix.warm[matrix.names.index(name)] == warm_rows(name)
    for asset in range(2):
        expected = evaluate(WITHOUT_UNITS[name], fields(panel, asset))
        expected[~panel.listed[:, asset]] = np.nan
        expected[: warm_rows(name)] = np.nan
        assert np.isfinite(expected).mean() > 0.4
        np.testing.assert_allclose(column[:, asset], expected, rtol=1e-9, atol=1e-12)
        # What Qlib adds to a volume of some ten thousands is one part in as many, and 1e-12 is nothing beside a price.
        qlib = evaluate(EXPRESSIONS[name], fields(panel, asset))[warm_rows(name) :]
        close = {"rtol": 0, "atol": 1e-4} if name.startswith("CORR") else {"rtol": 1e-9, "atol": 1e-12}
        got = column[warm_rows(name) :, asset]
        np.testing.assert_allclose(got[np.isfinite(got)], qlib[np.isfinite(got)], **close)


@pytest.mark.parametrize("d", WINDOWS)
def test_sums_of_other_columns_are_those_that_the_documentation_lists(d):
    matrix = matrix_of("holes")

    def column(family):
        return matrix.column(f"{family}{d}")

    def same(left, right):
        np.testing.assert_allclose(left, right, rtol=0, atol=1e-10)

    for two in ("", "2"):
        body, up, down = (matrix.column(f"{name}{two}") for name in ("KMID", "KUP", "KLOW"))
        same(matrix.column(f"KSFT{two}"), body - up + down)
    same(column("IMXD"), column("IMAX") - column("IMIN"))
    same(column("CNTD"), column("CNTP") - column("CNTN"))
    for kind in ("", "V"):
        same(column(f"{kind}SUMN"), 1 - column(f"{kind}SUMP"))
        same(column(f"{kind}SUMD"), column(f"{kind}SUMP") - column(f"{kind}SUMN"))
    full = matrix_of("full")
    middle = full.column(f"MA{d}") + (d - 1) / 2 * full.column(f"BETA{d}")
    same(full.column(f"RESI{d}"), 1 - middle)


def test_holes_are_there_and_are_filled_by_nobody():
    gone = ~PANELS["holes"].listed
    assert 10 < gone.sum() < 40
    assert not np.isnan(PANELS["holes"].close[~gone]).any()
    matrix = matrix_of("holes")
    assert np.isnan(matrix.values[gone]).all()


@pytest.mark.parametrize("name", EXPRESSIONS)
def test_a_later_adjustment_changes_nothing(name):
    # A split after the end multiplies all prices so far and divides the volumes; a vendor may leave these as they are.
    panel = make_panel("daily", 120, 2, seed=6, macro=False)
    bars = {bar: 0.25 * prices for bar, prices in panel.bars.items()}
    before = build_matrix(panel, include=[name]).column(name)
    for factor in (1.0, 4.0):
        after = build_matrix(replace(panel, volume=factor * panel.volume, **bars), include=[name]).column(
            name
        )
        np.testing.assert_allclose(after, before, rtol=1e-9, atol=1e-12)


def test_prices_that_do_not_move_give_no_infinity():
    flat = np.full((80, 2), 10.0)
    panel = make_panel("daily", 80, 2, late=False, deaths=False, holes=False, macro=False)
    still = replace(
        panel,
        returns=np.zeros((80, 2)),
        volume=flat,
        **dict.fromkeys(("open", "high", "low", "close", "vwap"), flat),
    )
    matrix = build_matrix(still, include=list(EXPRESSIONS))
    last = dict(zip(matrix.names, matrix.values[-1, 0], strict=True))
    unknown = {name for name, value in last.items() if np.isnan(value)}
    # There is no correlation with what does not move.
    assert unknown == {f"{family}{d}" for family in ("CORR", "CORD", "RSQR") for d in WINDOWS}
    for name in ("KMID2", "KUP2", "RSV20", "SUMP5", "SUMN5", "VSUMP60", "WVMA10", "STD30"):
        assert last[name] == 0.0, name
    assert last["RANK20"] == 0.525
    assert last["IMAX20"] == 0.05


def test_a_day_without_volume_is_missing_where_it_divides():
    volume = PANELS["full"].volume.copy()
    volume[100, 0] = 0.0
    matrix = build_matrix(replace(PANELS["full"], volume=volume), include=["bar"])
    for name in ("VMA5", "VSTD60"):
        assert np.isnan(matrix.column(name)[100, 0])
        assert np.isfinite(matrix.column(name)[99:102, 1]).all()
    expected = evaluate(WITHOUT_UNITS["VMA20"], {"volume": volume[:, 0]})
    np.testing.assert_allclose(matrix.column("VMA20")[101:, 0], expected[101:], rtol=1e-9)
    # One growth of the volume cannot be told, the others of the window can.
    assert np.isfinite(matrix.column("CORD5")[100:106, 0]).all()


def test_without_volume_or_vwap_the_others_remain():
    matrix = build_matrix(replace(PANELS["full"], volume=None, vwap=None), include=["bar"])
    lost = {name for name in EXPRESSIONS if "$volume" in EXPRESSIONS[name] or "$vwap" in EXPRESSIONS[name]}
    assert len(lost) == 8 * 5 + 1
    assert set(matrix.missing) == lost | {"illiquidity_ratio_20_60"}
    assert matrix.missing["VWAP0"] == "the panel has no vwap"
    assert matrix.missing["VSUMD5"] == "it needs VSUMP5, and the panel has no volume"


def test_real_index_has_values_where_qlib_has_them():
    frame = nasdaq.load().iloc[:400]
    columns = {
        name: frame[name.title()].to_numpy()[:, None] for name in ("open", "high", "low", "close", "volume")
    }
    returns = np.vstack([[np.nan], columns["close"][1:] / columns["close"][:-1] - 1])
    panel = replace(
        make_panel("daily", len(frame), 1, macro=False),
        dates=frame.index,
        returns=returns,
        vwap=None,
        **columns,
    )
    matrix = build_matrix(panel, include=["bar"])
    for name in ("KSFT", "RESI30", "RSQR60", "QTLD20", "IMXD10", "CORR60", "WVMA20", "VSUMD5"):
        expected = evaluate(WITHOUT_UNITS[name], {key: values[:, 0] for key, values in columns.items()})
        expected[: max(warm_rows(name), 1)] = np.nan
        np.testing.assert_allclose(matrix.column(name)[:, 0], expected, rtol=1e-9, atol=1e-12, err_msg=name)
    assert set(ROLLING) == {name.rstrip("0123456789") for name in set(EXPRESSIONS) - set(BAR)}

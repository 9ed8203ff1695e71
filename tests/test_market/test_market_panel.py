"""Panel: the past alone, and a digest that tells any two apart."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from market.errors import IntegrityError
from market.macro import MacroSeries
from market.panel import BARS, Panel

DATES = pd.date_range("2020-01-31", periods=6, freq="ME")


def macro(**changes):
    observed = pd.date_range("2019-12-31", periods=5, freq="ME")
    parts = {
        "name": "cpi",
        "values": np.arange(5.0),
        "observed_at": observed,
        "known_at": observed + pd.Timedelta(days=21),
        "max_age_days": 70,
    }
    return MacroSeries(**(parts | changes))


def build(**changes):
    rng = np.random.default_rng(0)
    parts = {
        "name": "p",
        "dates": DATES,
        "assets": ("A", "B"),
        "returns": rng.normal(size=(6, 2)),
        "cash": rng.normal(size=6),
        "market": rng.normal(size=6),
        "periods_per_year": 12,
        "volume": rng.uniform(size=(6, 2)),
        **{name: rng.lognormal(size=(6, 2)) for name in BARS},
        "macro": {"cpi": macro()},
    }
    return Panel(**(parts | changes))


def test_as_of_keeps_what_is_known_at_the_close():
    panel = build()
    past = panel.as_of(pd.Timestamp("2020-03-31"))
    assert past.dates.tolist() == DATES[:3].tolist()
    assert past.assets == panel.assets
    for name in ("returns", "cash", "market", "volume", *BARS):
        np.testing.assert_array_equal(getattr(past, name), getattr(panel, name)[:3])
    # December's to February's figures are out by March 21; March's comes on April 21.
    assert past.macro["cpi"].values.tolist() == [0.0, 1.0, 2.0]


def test_as_of_between_closes_and_before_the_first():
    panel = build()
    assert len(panel.as_of(pd.Timestamp("2020-03-30")).dates) == 2
    assert len(panel.as_of(pd.Timestamp("2019-01-01")).dates) == 0


def test_as_of_is_blind_to_the_future():
    panel, cut = build(), pd.Timestamp("2020-03-31")
    noise = np.random.default_rng(1)
    changed = {}
    for name in ("returns", "cash", "market", "volume", *BARS):
        values = getattr(panel, name).copy()
        values[3:] = noise.lognormal(size=values[3:].shape)
        changed[name] = values
    values = np.arange(5.0)
    values[3:] = noise.normal(size=2)
    other = replace(panel, **changed, macro={"cpi": macro(values=values)})
    assert other.digest() != panel.digest()
    assert other.as_of(cut).digest() == panel.as_of(cut).digest()
    assert panel.as_of(DATES[-1]).as_of(cut).digest() == panel.as_of(cut).digest()


@pytest.mark.parametrize("name", ["returns", "cash", "market", "volume", *BARS])
def test_digest_changes_with_any_value(name):
    panel = build()
    for position in range(getattr(panel, name).size):
        values = getattr(panel, name).copy()
        values.flat[position] = np.nextafter(values.flat[position], np.inf)
        assert replace(panel, **{name: values}).digest() != panel.digest()


@pytest.mark.parametrize(
    "changes",
    [
        {"name": "q"},
        {"assets": ("A", "C")},
        {"assets": ("B", "A")},
        {"periods_per_year": 52},
        {"volume": None},
        {"vwap": None},
        {"open": None},
        {"macro": {}},
        {"dates": DATES + pd.Timedelta(days=1)},
        {"macro": {"other": macro(name="other")}},
        {"macro": {"cpi": macro(values=[0.0, 1.0, 2.0, 3.0, 4.5])}},
        {"macro": {"cpi": macro(max_age_days=71)}},
        {"macro": {"cpi": macro(known_at=macro().known_at + pd.Timedelta(days=1))}},
        {"macro": {"cpi": macro(observed_at=macro().observed_at - pd.Timedelta(days=1))}},
    ],
)
def test_digest_changes_with_any_part(changes):
    assert build(**changes).digest() != build().digest()


def test_digest_tells_which_bar_is_which():
    panel = build()
    assert replace(panel, open=panel.high, high=panel.open).digest() != panel.digest()
    assert replace(panel, open=None).digest() != replace(panel, open=None, low=None, high=panel.low).digest()


def test_cut_takes_the_same_rows_of_everything():
    panel = build()
    cut = panel.select_rows(slice(2, 5))
    assert cut.dates.tolist() == DATES[2:5].tolist()
    for name in ("returns", "cash", "market", "volume", *BARS):
        np.testing.assert_array_equal(getattr(cut, name), getattr(panel, name)[2:5])
    bare = build(volume=None, **dict.fromkeys(BARS))
    assert bare.bars == {}
    assert bare.select_rows(slice(3)).bars == {}


def test_digest_is_the_same_for_the_same():
    assert build().digest() == build().digest()
    assert build(dates=DATES.as_unit("ns")).digest() == build().digest()


def test_macro_ages():
    series = macro()
    dates = pd.DatetimeIndex(
        ["2020-01-20", "2020-01-21", "2020-05-20", "2020-05-21", "2020-07-09", "2020-07-10"]
    )
    np.testing.assert_array_equal(series.at(dates), [np.nan, 0.0, 3.0, 4.0, 4.0, np.nan])


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"returns": np.zeros((5, 2))}, r"returns has shape \(5, 2\), expected \(6, 2\)"),
        ({"cash": np.zeros(5)}, "cash has shape"),
        ({"dates": DATES[::-1]}, "strictly increasing"),
        ({"assets": ("A", "A")}, "unique"),
        ({"returns": np.full((6, 2), np.inf)}, "infinite"),
        ({"vwap": np.ones((6, 3))}, r"vwap has shape \(6, 3\)"),
        ({"low": np.zeros((6, 2))}, "low holds what is no price"),
        ({"high": np.full((6, 2), np.inf)}, "high holds what is no price"),
    ],
)
def test_a_panel_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(IntegrityError, match=message):
        build(**changes)


@pytest.mark.parametrize(
    "changes, message",
    [
        ({"values": np.arange(4.0)}, "differ in length"),
        ({"known_at": macro().observed_at - pd.Timedelta(days=1)}, "known before"),
        ({"known_at": macro().known_at[::-1]}, "not sorted"),
    ],
)
def test_a_macro_series_with_impossible_clocks_is_refused(changes, message):
    with pytest.raises(IntegrityError, match=message):
        macro(**changes)


def test_arrays_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        build().returns[0, 0] = 1.0


def test_listed():
    returns = np.zeros((6, 2))
    returns[:2, 1] = np.nan
    assert build(returns=returns).listed[:, 1].tolist() == [False, False, True, True, True, True]

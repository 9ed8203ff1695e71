"""Traded prices beside adjusted ones: read from a column or a second file, and used by no feature."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from features.building import build_matrix
from market.counterfactual import replace_future
from market.errors import IntegrityError, SourceError
from market.load import load_panel
from market.readers.prices import FileSettings

N = 300
DATES = pd.bdate_range("2020-01-01", periods=N)
NAMES = ("A", "B", "C")


def make_prices(seed=0):
    """Return traded prices of three assets, with a split of B and dividends of A, and adjusted ones."""
    rng = np.random.default_rng(seed)
    total = np.cumprod(1 + rng.normal(0.0003, 0.01, (N, 3)), axis=0) * [50, 80, 20]
    factor = np.ones((N, 3))
    factor[:150, 1] = 0.5  # one share became two
    for row in (60, 120, 180, 240):
        factor[:row, 0] *= 0.99
    return total / factor, total


def write_long(path, traded, adjusted, **columns):
    rows = [
        {"date": f"{DATES[t]:%Y-%m-%d}", "asset": name, "adj_close": repr(float(adjusted[t, n])),
         "close": repr(float(traded[t, n])), **{key: float(v[t, n]) for key, v in columns.items()}}
        for t in range(N) for n, name in enumerate(NAMES)
    ]  # fmt: skip
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def write_wide(path, values, names=NAMES):
    pd.DataFrame(values, DATES, list(names)).rename_axis("date").to_csv(path)
    return path


def load(path, traded, **options):
    return load_panel("prices", path=path, settings=FileSettings(traded=traded), **options)


def test_a_column_of_a_long_file(tmp_path):
    traded, adjusted = make_prices()
    panel, findings = load(write_long(tmp_path / "p.csv", traded, adjusted), "close")
    np.testing.assert_array_equal(panel.traded, traded[1:])
    np.testing.assert_allclose(panel.returns, adjusted[1:] / adjusted[:-1] - 1, rtol=1e-12)
    assert not [f for f in findings if f.severity != "note"]
    without = load(tmp_path / "p.csv", None)[0]
    assert without.traded is None
    assert without.digest() == panel.digest(), "no result depends on traded prices"


def test_a_second_wide_file(tmp_path):
    traded, adjusted = make_prices()
    path = write_wide(tmp_path / "adjusted.csv", adjusted)
    other = write_wide(tmp_path / "traded.csv", traded[:, ::-1], NAMES[::-1])
    panel, _ = load(path, {"path": other})
    np.testing.assert_array_equal(panel.traded, traded[1:])


def test_bars_of_one_asset(tmp_path):
    traded, adjusted = make_prices()
    table = pd.DataFrame({"Date": DATES, "Close": traded[:, 0], "Adj Close": adjusted[:, 0]})
    table.to_csv(tmp_path / "KO.csv", index=False)
    panel, _ = load(tmp_path / "KO.csv", "Close")
    np.testing.assert_array_equal(panel.traded[:, 0], traded[1:, 0])


@pytest.mark.parametrize("row", [5, 150, 298])
def test_an_early_reading_is_the_beginning_of_the_whole(tmp_path, row):
    traded, adjusted = make_prices()
    path = write_wide(tmp_path / "adjusted.csv", adjusted)
    other = write_wide(tmp_path / "traded.csv", traded)
    early = load(path, {"path": other}, known_by=DATES[row])[0]
    np.testing.assert_array_equal(early.traded, load(path, {"path": other})[0].as_of(DATES[row]).traded)
    assert len(early.traded) == row


def test_another_future_leaves_traded_prices_before_it(tmp_path):
    panel = load(write_long(tmp_path / "p.csv", *make_prices()), "close")[0]
    other = replace_future(panel, 100)
    np.testing.assert_array_equal(other.traded[:101], panel.traded[:101])
    assert (other.traded[101:] != panel.traded[101:]).any()
    np.testing.assert_array_equal(replace_future(replace(panel, traded=None), 100).returns, other.returns)


@pytest.mark.parametrize("factor", [0.5, 0.125, 4.0])
def test_a_later_split_changes_no_feature(tmp_path, factor):
    """The vendor multiplies the adjusted past of B by a number (a power of two: rounding stays)."""
    traded, adjusted = make_prices()
    volume = np.random.default_rng(1).lognormal(10, 1, traded.shape)
    later = adjusted * np.where(np.arange(3) == 1, factor, 1.0)
    one = load(write_long(tmp_path / "one.csv", traded, adjusted, volume=volume), "close")[0]
    two = load(write_long(tmp_path / "two.csv", traded, later, volume=volume), "close")[0]
    np.testing.assert_array_equal(one.returns, two.returns)
    np.testing.assert_array_equal(one.traded, two.traded)
    a, b = (build_matrix(panel, ["asset", "market", "cross_section", "bar"]) for panel in (one, two))
    assert a.names == b.names
    np.testing.assert_array_equal(a.values, b.values)


def test_no_feature_sees_traded_prices(tmp_path):
    panel = load(write_long(tmp_path / "p.csv", *make_prices()), "close")[0]
    other = replace(panel, traded=panel.traded[::-1])
    for stages in (["asset", "market", "cross_section"], ["bar"]):
        np.testing.assert_array_equal(build_matrix(panel, stages).values, build_matrix(other, stages).values)


@pytest.mark.parametrize(
    "traded, error, message",
    [
        ("clse", SourceError, "no column 'clse' of traded prices .data.traded.; did you mean 'close'"),
        ({"path": "gone.csv"}, SourceError, r"gone\.csv"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, traded, error, message):
    path = write_long(tmp_path / "p.csv", *make_prices())
    with pytest.raises(error, match=message):
        load(path, traded)


def test_a_column_of_a_wide_file_is_refused(tmp_path):
    path = write_wide(tmp_path / "p.csv", make_prices()[1])
    with pytest.raises(SourceError, match=r"this file has one column per asset; .* traded: \{path: FILE\}"):
        load(path, "A")


def test_other_assets_and_impossible_prices_are_refused(tmp_path):
    traded, adjusted = make_prices()
    path = write_wide(tmp_path / "p.csv", adjusted)
    with pytest.raises(SourceError, match="no traded price of any asset"):
        load(path, {"path": write_wide(tmp_path / "o.csv", traded, ("X", "Y", "Z"))})
    traded[7, 2] = 0.0
    with pytest.raises(IntegrityError, match="traded price of 'C' at 2020-01-10 is 0, expected more than 0"):
        load(path, {"path": write_wide(tmp_path / "o.csv", traded)})


def test_suspicious_traded_prices_are_named(tmp_path):
    traded, adjusted = make_prices()
    path = write_wide(tmp_path / "p.csv", adjusted)
    traded[20, 0] = np.nan
    swapped = traded[:, [0, 2, 1]]
    findings = load(path, {"path": write_wide(tmp_path / "o.csv", swapped)})[1]
    text = " ".join(f.message for f in findings if f.severity == "warning")
    assert "1 price without a traded price, the first of 'A' at 2020-01-29" in text
    assert "traded and adjusted price of 'B' differ by" in text
    assert "price of 'A' differ" not in text
    same = load(path, {"path": path})[1]
    assert "they show no dividend and no split" in " ".join(f.message for f in same)


def test_returns_and_packaged_sources_take_none():
    with pytest.raises(SourceError, match="takes no traded"):
        load_panel("stocks", settings=FileSettings(traded="close"))

"""Bars: read from long files, brought to the unit of adjusted closes, and refused when they cannot be."""

import numpy as np
import pandas as pd
import pytest
from arch.data import nasdaq, sp500

from market.checks.bars import check_bars
from market.errors import IntegrityError
from market.frequency import DAILY
from market.load import load_panel
from market.panel import BARS
from market.readers.prices import FileSettings
from market.values.bars import adjust_bars
from market.values.table import Table

HEAD = "date,asset,open,high,low,close,adj_close,vwap,volume\n"
# B splits two for one on the third day: its earlier adjusted closes are half of what was paid.
ROWS = (
    "2020-01-01,A,10,12,9,11,11,10.5,100\n2020-01-01,B,100,104,98,100,50,101,10\n"
    "2020-01-02,A,11,13,11,12,12,12.5,110\n2020-01-02,B,100,108,99,104,52,103,20\n"
    "2020-01-03,A,12,12,10,11,11,11,120\n2020-01-03,B,52,54,51,53,53,52,60\n"
)


@pytest.fixture
def panel_of(tmp_path):
    def read(text, **options):
        path = tmp_path / "bars.csv"
        path.write_text(text)
        return load_panel("prices", path=path, settings=FileSettings(**options))

    return read


def test_bars_take_the_unit_of_the_adjusted_close(panel_of):
    panel, findings = panel_of(HEAD + ROWS)
    assert findings == ()
    np.testing.assert_allclose(panel.returns, [[1 / 11, 2 / 50], [-1 / 12, 1 / 52]], rtol=1e-12)
    np.testing.assert_array_equal(panel.open, [[11, 50], [12, 52]])
    np.testing.assert_array_equal(panel.high, [[13, 54], [12, 54]])
    np.testing.assert_array_equal(panel.low, [[11, 49.5], [10, 51]])
    np.testing.assert_array_equal(panel.close, [[12, 52], [11, 53]])
    np.testing.assert_array_equal(panel.vwap, [[12.5, 51.5], [11, 52]])
    # 20 old shares are 40 of today's: the money that was traded stays.
    np.testing.assert_array_equal(panel.volume, [[110, 40], [120, 60]])


def test_without_an_adjusted_close_bars_are_taken_as_they_are(panel_of):
    text = (HEAD + ROWS).replace("adj_close", "comment")
    panel, _ = panel_of(text)
    np.testing.assert_array_equal(panel.close[:, 0], [12, 11])
    np.testing.assert_array_equal(panel.open, [[11, 100], [12, 52]])
    np.testing.assert_array_equal(panel.volume, [[110, 20], [120, 60]])


def test_bars_without_a_close_are_in_the_unit_of_the_price(panel_of):
    text = HEAD.replace("close,adj_close", "comment,price") + ROWS
    panel, _ = panel_of(
        text.replace(",100,104,98,100,50,101,", ",50,52,49,,50,50.5,").replace("100,108,99", "50,54,49")
    )
    np.testing.assert_array_equal(panel.open, [[11, 50], [12, 52]])
    np.testing.assert_array_equal(panel.close, [[12, 52], [11, 53]])


def test_bars_that_are_not_there_are_none(panel_of):
    panel, _ = panel_of("date,asset,price\n2020-01-01,A,10\n2020-01-02,A,11\n")
    assert list(panel.bars) == ["close"]
    wide, _ = panel_of("date,A,B\n2020-01-01,10,5\n2020-01-02,11,6\n")
    assert wide.bars == {}
    partly, _ = panel_of(
        "date,asset,close,high,open\n2020-01-01,A,10,11,10\n2020-01-02,A,11,12,\n2020-01-03,A,10,11,10\n"
    )
    assert set(partly.bars) == {"close", "high", "open"}
    np.testing.assert_array_equal(partly.open, [[np.nan], [10]])


def test_bars_of_a_file_of_returns_are_left_alone(panel_of):
    text = "date,asset,return,open,close\n2020-01-01,A,0.01,5,6\n2020-01-02,A,0.02,6,7\n"
    assert panel_of(text, values="returns")[0].bars == {}


def test_the_market_is_no_asset_and_has_no_bars(panel_of):
    panel, _ = panel_of(HEAD + ROWS, market="B")
    assert panel.assets == ("A",)
    assert all(prices.shape == (2, 1) for prices in panel.bars.values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "11,13,11,12",
            "11,10,11,12",
            r"column 'A', 2020-01-02: high 10 is below low 11",
        ),
        ("52,54,51", "0,54,51", r"column 'B', 2020-01-03: open is 0, expected a price above 0"),
        ("52,54,51", "52,inf,51", r"column 'B', 2020-01-03: high is inf"),
        ("52,54,51", "52,54,-51", r"column 'B', 2020-01-03: low is -51"),
        (",12.5,110", ",-1,110", r"column 'A', 2020-01-02: vwap is -1"),
        (",104,52", ",-104,52", r"column 'B', 2020-01-02: close is -104"),
        (",52,60", ",52,-60", r"column 'B', 2020-01-03: volume is -60"),
    ],
)
def test_impossible_bars_are_fatal_with_asset_and_date(panel_of, old, new, message):
    assert old in ROWS
    with pytest.raises(IntegrityError, match=message):
        panel_of(HEAD + ROWS.replace(old, new))


def test_prices_outside_of_the_bar_are_told_in_the_numbers_of_the_file(panel_of):
    _, findings = panel_of(HEAD + ROWS.replace("100,108,99,104,52,103", "98.5,108,99,109,54.5,98"))
    assert [(f.check, f.severity, f.asset, str(f.date.date())) for f in findings] == [
        (f"{name} outside of the bar", "warning", "B", "2020-01-02") for name in ("open", "close", "vwap")
    ]
    assert findings[0].message.endswith("open 98.5 is not between low 99 and high 108")


def test_rounding_is_no_finding():
    dates = pd.bdate_range("2020-01-01", periods=2)
    prices = np.array([[1.0], [2.0]])
    table = Table("x.csv", dates, ("A",), prices, "prices", DAILY)
    close = {"high": prices, "low": prices * (1 + 1e-9), "close": prices * (1 + 2e-9)}
    assert list(check_bars(table, close)) == []
    assert len(list(check_bars(table, close | {"low": prices * (1 + 1e-5)}))) == 2


def test_adjusting_keeps_ratios_within_rows_and_the_closes():
    rng = np.random.default_rng(0)
    bars = {name: rng.lognormal(size=(50, 3)) for name in BARS}
    closes = rng.lognormal(size=(50, 3))
    closes[7, 1] = np.nan
    out, factor = adjust_bars(bars, closes)
    np.testing.assert_array_equal(out["close"], closes)
    there = np.isfinite(closes)
    for name in BARS:
        np.testing.assert_allclose(
            (out[name] / out["close"])[there], (bars[name] / bars["close"])[there], rtol=1e-14
        )
        assert np.isnan(out[name][7, 1])
    np.testing.assert_allclose((bars["close"] * factor)[there], closes[there], rtol=1e-14)


def test_real_indices_are_without_findings_about_bars(tmp_path):
    frames = {"SP500": sp500.load(), "NASDAQ": nasdaq.load()}
    table = pd.concat([frame.assign(asset=name) for name, frame in frames.items()]).reset_index()
    path = tmp_path / "indices.parquet"
    table.to_parquet(path)
    panel, findings = load_panel("prices", path=path)
    assert not [f for f in findings if "bar" in f.check or "high" in f.check]
    assert panel.returns.shape == (5030, 2)
    np.testing.assert_array_equal(panel.high[:, 1], frames["SP500"]["High"].to_numpy()[1:])
    # October 15, 2008: the S&P 500 opened at 994.60 and fell to 903.99.
    row = panel.dates.get_loc("2008-10-15")
    sp = panel.assets.index("SP500")
    assert [round(float(x[row, sp]), 2) for x in (panel.open, panel.low)] == [994.60, 903.99]

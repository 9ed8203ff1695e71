"""Facts of the packaged sources, and what is known when."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from market.errors import SourceError
from market.load import load_panel
from market.readers.packaged.datasets import load_daily_bills, load_macro
from market.readers.packaged.files import read_packaged


@pytest.fixture(scope="module")
def industries():
    return load_panel("industries")[0]


@pytest.fixture(scope="module")
def stocks():
    return load_panel("stocks")


def test_industries(industries):
    assert industries.returns.shape == (819, 12)
    assert industries.assets[0] == "NoDur"
    assert industries.assets[-1] == "Other"
    assert industries.dates[0] == pd.Timestamp("1949-01-31")
    assert industries.dates[-1] == pd.Timestamp("2017-03-31")
    assert industries.periods_per_year == 12
    assert industries.month == 1
    assert np.isfinite(industries.returns).all()


def test_industries_are_dated_at_the_end_of_the_month_they_describe(industries):
    assert industries.dates.is_month_end.all()
    assert (np.diff(industries.dates.to_period("M").asi8) == 1).all()
    # October 1987 is the month of the crash: a stamp a month off would miss it.
    crash = industries.dates.get_loc(pd.Timestamp("1987-10-31"))
    assert industries.market[crash] == pytest.approx(-0.2324 + 0.0060)
    assert industries.market[crash] == industries.market[400:500].min()


def test_industries_first_row(industries):
    assert industries.returns[0, 0] == pytest.approx(0.0367, abs=1e-15)
    assert industries.returns[0, 3] == pytest.approx(-0.0383, abs=1e-15)
    assert industries.cash[0] == 0.0010
    assert industries.market[0] == pytest.approx(0.0023 + 0.0010)


def test_industries_are_clean():
    assert load_panel("industries")[1] == ()


def test_macro_names_units_and_clocks(industries):
    assert set(industries.macro) == {"aaa_yield", "baa_yield", "core_cpi", "wti"}
    aaa, wti = industries.macro["aaa_yield"], industries.macro["wti"]
    assert aaa.values[0] == pytest.approx(0.0535)
    assert aaa.observed_at[0] == pd.Timestamp("1919-01-31")
    assert aaa.known_at[0] == pd.Timestamp("1919-02-03")  # January 31 was a Friday
    assert wti.observed_at[0] == pd.Timestamp("1986-01-02")
    assert wti.known_at[0] == pd.Timestamp("1986-01-09")
    assert np.isfinite(wti.values).all()
    for series in industries.macro.values():
        assert (series.known_at > series.observed_at).all()


@pytest.mark.parametrize(
    "name, date, value",
    [
        # Yields of May 1990 were 9.47 and 10.41 %; those of June, 9.26 and 10.22 %, are known on July 2.
        ("aaa_yield", "1990-06-30", 0.0947),
        ("aaa_yield", "1990-07-01", 0.0947),
        ("aaa_yield", "1990-07-02", 0.0926),
        ("baa_yield", "1990-06-30", 0.1041),
        # Core CPI of May 1990 was 134.4, known on June 21; before that it is April's 134.0.
        ("core_cpi", "1990-06-20", 134.0),
        ("core_cpi", "1990-06-21", 134.4),
        ("core_cpi", "1990-06-30", 134.4),
    ],
)
def test_macro_is_seen_after_its_release_only(industries, name, date, value):
    seen = industries.macro[name].at(pd.DatetimeIndex([date]))[0]
    assert seen == pytest.approx(value, abs=1e-9)


def test_oil_is_seen_a_week_late(industries):
    wti = industries.macro["wti"]
    seen = wti.at(pd.DatetimeIndex(["1986-01-08", "1986-01-09", "1986-01-10", "1986-01-12", "1986-01-13"]))
    np.testing.assert_array_equal(seen, [np.nan, 25.56, 26.00, 26.00, 26.53])


def test_no_macro_value_is_seen_in_the_month_it_describes(industries):
    for name in ("aaa_yield", "baa_yield", "core_cpi"):
        series = industries.macro[name]
        newest = series.known_at.searchsorted(industries.dates, side="right") - 1
        late = newest >= 0
        assert (series.observed_at[newest[late]] < industries.dates[late]).all()


def test_macro_ends_instead_of_standing_still():
    ended = pd.DatetimeIndex(["2030-01-31"])
    assert all(np.isnan(series.at(ended)[0]) for series in load_macro().values())


def test_macro_does_not_expire_within_its_life():
    months = pd.date_range("1990-01-31", "2018-11-30", freq="ME")
    for series in load_macro().values():
        assert np.isfinite(series.at(months)).all(), series.name


def test_stocks(stocks):
    panel, _ = stocks
    assert panel.returns.shape == (8312, 20)
    assert panel.assets[:3] == ("AAPL", "AMD", "BAC")
    assert panel.dates[0] == pd.Timestamp("1990-01-03")
    assert panel.dates[-1] == pd.Timestamp("2022-12-28")
    assert panel.periods_per_year == 252
    assert panel.month == 21
    assert dict(panel.macro) == {}
    assert panel.returns[0, 0] == pytest.approx(0.266 / 0.264 - 1)
    assert panel.returns[0, 3] == pytest.approx(0.161 / 0.144 - 1)
    assert panel.market[0] == pytest.approx(358.76 / 359.69 - 1)
    assert panel.market[-1] == pytest.approx(3783.22 / 3829.25 - 1)
    assert np.isfinite(panel.returns).all()
    assert np.isfinite(panel.market).all()


def test_stocks_say_what_is_wrong_with_them(stocks):
    notes = " ".join(stocks[0].notes)
    assert "survivorship" in notes
    assert "without dividends" in notes
    assert "2018-11" in notes


def test_stocks_findings_are_few_and_not_fatal(stocks):
    findings = stocks[1]
    assert 0 < len(findings) < 20
    assert {finding.severity for finding in findings} <= {"warning", "note"}
    assert any(f.check == "calendar gap" and f.date == pd.Timestamp("2001-09-17") for f in findings)


def test_daily_cash_compounds_to_the_bill(stocks):
    panel, _ = stocks
    june = (panel.dates.year == 1990) & (panel.dates.month == 6)  # a month of 21 trading days
    assert june.sum() == 21
    assert np.prod(1 + panel.cash[june]) - 1 == pytest.approx(0.0063, abs=1e-12)
    assert len(set(panel.cash[june])) == 1


def test_daily_cash_ends_with_its_file():
    cash = load_daily_bills(pd.DatetimeIndex(["2018-11-30", "2018-12-03", "2022-12-28"]))
    assert cash[0] == pytest.approx(1.0018 ** (1 / 21) - 1)
    assert cash[1:].tolist() == [0.0, 0.0]


def test_daily_cash_does_not_know_how_long_its_month_will_be():
    days = pd.bdate_range("1995-01-02", "1995-12-29")
    whole = load_daily_bills(days)
    for n in (1, 10, 100):
        np.testing.assert_array_equal(load_daily_bills(days[:n]), whole[:n])


def test_the_two_files_of_bills_agree(industries):
    """The monthly bill of one package against the other's, on the months that both hold."""
    daily = (1 + load_daily_bills(industries.dates)) ** 21 - 1
    np.testing.assert_allclose(daily, industries.cash, atol=1.1e-4)


def test_loading_imports_no_heavy_package():
    code = (
        "import sys; from market.load import load_panel;"
        "[load_panel(source) for source in ('industries', 'stocks', 'classes')];"
        "print([m for m in ('skfolio', 'cvxpy', 'linearmodels', 'arch', 'statsmodels') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_package_that_is_missing_or_other_is_named(monkeypatch):
    with pytest.raises(
        SourceError, match="package 'no_such_package', which holds the data, is not installed"
    ):
        read_packaged("no_such_package", "a.csv")
    with pytest.raises(SourceError, match=r"package 'arch' does not hold data/none\.csv"):
        read_packaged("arch", "data/none.csv")

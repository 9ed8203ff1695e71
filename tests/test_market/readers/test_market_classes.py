"""The panel of asset classes, and the returns of bonds from their yields."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.load import load_panel
from market.readers.packaged.files import read_packaged
from market.readers.packaged.par_bonds import compute_par_bond_returns


def revalue(bought, sold, years, periods_per_year, coupons_per_year):
    """Discount each payment that is left after one step of a bond bought at par."""
    coupons = round(years * coupons_per_year)
    step = 1 / periods_per_year
    worth = 0.0
    for number in range(1, coupons + 1):
        left = number / coupons_per_year - step
        payment = bought / coupons_per_year + (1 if number == coupons else 0)
        worth += payment / (1 + sold / coupons_per_year) ** (coupons_per_year * left)
    return worth - 1


@pytest.fixture(scope="module")
def classes():
    return load_panel("classes")


@given(
    st.floats(0.0001, 0.5),
    st.floats(0.0001, 0.5),
    st.integers(1, 40),
    st.sampled_from([(12, 2), (12, 1), (12, 12), (4, 4), (252, 2), (1, 1)]),
)
def test_the_formula_equals_the_value_of_all_payments(bought, sold, years, steps):
    periods, coupons = steps
    returns = compute_par_bond_returns(np.array([bought, sold]), years, periods, coupons)
    assert np.isnan(returns[0])
    expected = revalue(bought, sold, years, periods, coupons)
    assert returns[1] == pytest.approx(expected, rel=1e-10, abs=1e-12)


def test_an_unchanged_yield_is_earned():
    returns = compute_par_bond_returns(np.full(13, 0.06), 20, 12)
    np.testing.assert_allclose(np.prod(1 + returns[1:]), 1.03**2, rtol=1e-14)


def test_a_rise_of_the_yield_costs_the_duration():
    rise = 1e-6
    returns = compute_par_bond_returns(np.array([0.05, 0.05 + rise]), 20, 12)
    modified = (1 - 1.025**-40) / 0.05  # of a par bond with half-yearly coupons
    carry = 1.025 ** (1 / 6) - 1
    assert returns[1] - carry == pytest.approx(-(modified - 1 / 12) * rise, rel=2e-2)


def test_published_annual_returns_of_baa_bonds():
    """Damodaran's table of returns by year: a Baa bond with ten years left at the end of the year, annual coupons."""
    published = {
        2008: -5.07, 2009: 23.33, 2010: 8.35, 2011: 12.58, 2012: 10.12,
        2013: -1.06, 2014: 10.38, 2015: -0.70, 2016: 10.37, 2017: 9.72,
    }  # fmt: skip
    data = read_packaged("arch", "data/default/default.csv.gz")
    dates = pd.DatetimeIndex(pd.to_datetime(data["Date"]))
    december = dates.month == 12
    returns = compute_par_bond_returns(data["BAA"].to_numpy()[december] / 100, 11, 1, 1)
    ours = dict(zip(dates.year[december], np.round(100 * returns, 2), strict=True))
    assert {year: ours[year] for year in published} == published


def test_an_unknown_yield_gives_no_return():
    returns = compute_par_bond_returns(np.array([0.05, np.nan, 0.05, 0.05]), 20, 12)
    assert np.isnan(returns).tolist() == [True, True, True, False]


@pytest.mark.parametrize(
    "yields, years, periods, coupons, message",
    [
        ([0.05, 0.0], 20, 12, 2, "yields must be above 0"),
        ([0.05, -0.01], 20, 12, 2, "yields must be above 0"),
        ([0.05, 0.05], 0.3, 12, 2, "hold 0.6 coupons, expected a whole number"),
        ([0.05, 0.05], 0, 12, 2, "hold 0 coupons"),
        ([0.05, 0.05], 20, 1, 2, "a coupon would be paid within a step"),
    ],
)
def test_impossible_bonds_are_refused(yields, years, periods, coupons, message):
    with pytest.raises(ValueError, match=message):
        compute_par_bond_returns(np.array(yields), years, periods, coupons)


def test_classes(classes):
    panel, _ = classes
    assert panel.assets == ("USEquity", "SmallValue", "LargeGrowth", "AAABonds", "BAABonds", "Oil")
    assert panel.returns.shape == (819, 6)
    assert panel.dates[0] == pd.Timestamp("1949-01-31")
    assert panel.dates[-1] == pd.Timestamp("2017-03-31")
    assert panel.dates.is_month_end.all()
    assert panel.periods_per_year == 12
    assert np.isfinite(panel.returns[:, :5]).all()
    assert set(panel.macro) == {"aaa_yield", "baa_yield", "core_cpi", "wti"}


def test_equity_and_cash_are_those_of_the_industries(classes):
    panel, industries = classes[0], load_panel("industries")[0]
    np.testing.assert_array_equal(panel.returns[:, 0], industries.market)
    np.testing.assert_array_equal(panel.cash, industries.cash)
    assert panel.returns[0, 1:3].tolist() == [0.0435, 0.0076]  # S1V5 and S5V1 of 1949-01


def test_bonds_are_dated_at_the_end_of_the_month_of_their_yields(classes):
    panel, _ = classes
    # Means of yields: 2008-11 6.12 % AAA and 9.21 % BAA, 2008-12 5.05 % and 8.43 %.
    row = panel.dates.get_loc(pd.Timestamp("2008-12-31"))
    assert panel.returns[row, 3] == pytest.approx(revalue(0.0612, 0.0505, 20, 12, 2))
    assert panel.returns[row, 4] == pytest.approx(revalue(0.0921, 0.0843, 20, 12, 2))
    assert panel.returns[row, 3] > 0.1


def test_oil_changes_from_the_last_quote_of_a_month_to_the_next(classes):
    panel, _ = classes
    oil = panel.returns[:, 5]
    first = panel.dates.get_loc(pd.Timestamp("1986-02-28"))
    assert np.isnan(oil[:first]).all()
    assert np.isfinite(oil[first:]).all()
    quotes = read_packaged("arch", "data/wti/wti.csv.gz").set_index("Date")["DCOILWTICO"]
    assert oil[first] == pytest.approx(float(quotes["2/28/1986"]) / float(quotes["1/31/1986"]) - 1)
    # The last day of May 1999 was a holiday: the month ends with the quote of the 28th.
    may = panel.dates.get_loc(pd.Timestamp("1999-05-31"))
    assert oil[may] == pytest.approx(float(quotes["5/28/1999"]) / float(quotes["4/30/1999"]) - 1)


def test_bonds_are_close_to_long_corporate_bonds_of_the_literature():
    """The SBBI yearbook gives long corporate bonds, 1926 to 2018, a mean of 6.3 % and a volatility of 8.4 % a year."""
    data = read_packaged("arch", "data/default/default.csv.gz")
    years = pd.DatetimeIndex(pd.to_datetime(data["Date"])).year
    returns = compute_par_bond_returns(data["AAA"].to_numpy() / 100, 20, 12)
    annual = (1 + pd.Series(returns)).groupby(years).prod().loc[1926:2018] - 1
    assert annual.mean() == pytest.approx(0.063, abs=0.006)
    assert annual.std() == pytest.approx(0.084, abs=0.006)


def test_notes_state_what_is_approximate(classes):
    notes = " ".join(classes[0].notes)
    for text in (
        "par bond of 20 years",
        "means over a month",
        "execution_lag 1",
        "spot price",
        "Working, 1960",
    ):
        assert text in notes
    rows = classes[0].returns[:, 3:5]
    for name, column in zip(("AAABonds", "BAABonds"), rows.T, strict=True):
        assert f"{pd.Series(column).autocorr(1):.2f} ({name})" in notes


def test_means_leave_no_autocorrelation_beyond_one_month(classes):
    """So a decision at t that trades in the next month, `execution_lag` 1, gains nothing from stale means."""
    for column in classes[0].returns[:, 3:5].T:
        series = pd.Series(column)
        assert series.autocorr(1) > 0.25
        assert abs(series.autocorr(2)) < 2 / np.sqrt(len(series))


@pytest.mark.parametrize("date", ["1951-06-30", "1990-06-15", "1990-06-30"])
def test_an_early_reading_is_the_beginning_of_the_whole(classes, date):
    date = pd.Timestamp(date)
    early, whole = load_panel("classes", known_by=date)[0], classes[0].as_of(date)
    columns = [whole.assets.index(name) for name in early.assets]
    np.testing.assert_array_equal(early.returns, whole.returns[:, columns])
    np.testing.assert_array_equal(early.market, whole.market)
    np.testing.assert_array_equal(early.cash, whole.cash)
    assert early.dates.equals(whole.dates)
    for name, series in early.macro.items():
        np.testing.assert_array_equal(series.values, whole.macro[name].values)
    if len(early.assets) == len(whole.assets):
        assert early.digest() == whole.digest()
    measured = next(note for note in early.notes if "Working" in note)
    assert ("from 1949-01 to 1990" in measured) == (date.year == 1990)

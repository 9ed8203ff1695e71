"""Cash: what a column of it may hold, what each step then earns, and what is refused with the right conversion."""

import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.cash import MEANINGS, CashColumn, check_cash
from market.errors import DataError, IntegrityError
from market.sources import load

YEAR = {"ME": 12, "W-FRI": 52, "B": 252}


def fund_and_dates(freq, n, rates):
    """Return the dates and the price of a fund that earns these rates a year, each from its row to the next."""
    dates = pd.date_range("2003-01-01", periods=n, freq=freq)
    days = np.diff(dates.to_numpy().astype("datetime64[D]").astype(int))
    steps = (1 + rates[:-1]) ** (days / 365.25)
    return dates, np.concatenate([[1.0], np.cumprod(steps)])


def column_of(kind, dates, price, rates):
    """Return what a file of this kind would hold of the fund, by arithmetic of its own."""
    step = pd.Series(price).pct_change().fillna(0.0).to_numpy()
    holds = {
        "returns": step,
        "percent": 100 * step,
        "prices": 91.5 * price,
        "annual": rates,
        "annual_percent": 100 * rates,
    }
    return holds[kind]


def findings(column, dates, freq, **options):
    return list(check_cash("x.csv", dates, column, YEAR[freq], **options))


rates_of_cash = st.floats(0.012, 0.07).flatmap(
    lambda level: st.just(level + 0.004 * np.sin(np.arange(300) / 40.0))
)


@pytest.mark.parametrize("freq", YEAR)
@pytest.mark.parametrize("kind", MEANINGS)
@settings(max_examples=20, deadline=None)
@given(rates=rates_of_cash)
def test_each_kind_gives_what_the_fund_earned(kind, freq, rates):
    dates, price = fund_and_dates(freq, 300, rates)
    column = CashColumn("BIL", column_of(kind, dates, price, rates), kind, stated=True)
    earned = column.returns(dates, YEAR[freq])
    np.testing.assert_allclose(earned[1:], price[1:] / price[:-1] - 1, rtol=1e-9, atol=1e-14)
    assert findings(column, dates, freq, used=slice(1, None)) == []


@pytest.mark.parametrize("freq", YEAR)
@pytest.mark.parametrize("kind", [kind for kind in MEANINGS if kind != "returns"])
@settings(max_examples=20, deadline=None)
@given(rates=rates_of_cash)
def test_what_is_no_step_return_is_fatal_and_the_advice_mends_it(kind, freq, rates):
    dates, price = fund_and_dates(freq, 300, rates)
    column = CashColumn("BIL", column_of(kind, dates, price, rates))
    (finding,) = findings(column, dates, freq)
    assert finding.severity == "fatal"
    assert "x.csv: column 'BIL' is named as cash" in finding.message
    offers = re.findall(r"cash: \{column: BIL, values: (\w+)\}", finding.message)
    assert kind in offers
    if kind == "prices":
        assert offers[0] == "prices"
    for offer in set(offers) - {"returns"}:
        as_offered = CashColumn("BIL", column.values, offer, stated=True)
        assert findings(as_offered, dates, freq, used=slice(1, None)) == []


@pytest.mark.parametrize("freq", YEAR)
def test_step_returns_named_as_something_else_are_fatal_too(freq):
    dates, price = fund_and_dates(freq, 300, np.full(300, 0.04))
    step = column_of("returns", dates, price, np.full(300, 0.04))
    (finding,) = findings(CashColumn("rf", np.maximum(step, 1e-6), "prices", True), dates, freq)
    assert finding.severity == "fatal"


def test_real_rates_are_believed():
    months = pd.date_range("1979-01-31", periods=60, freq="ME")
    dear = np.full(60, 0.012)  # 14 % a year, as in 1981
    assert findings(CashColumn("RF", dear, "returns", stated=True), months, "ME") == []
    (asked,) = findings(CashColumn("RF", dear), months, "ME")
    assert "what cash did earn: write cash: {column: RF, values: returns}" in asked.message
    for usual in (0.0, 0.00001, -0.0005, 0.004, 0.008):
        assert findings(CashColumn("RF", np.full(60, usual)), months, "ME") == []


def test_percentages_of_years_without_interest_are_found():
    dates = pd.date_range("2009-01-01", periods=2000, freq="B")
    percent = np.where(np.arange(2000) > 1500, 0.006, 0.0)  # the median is 0
    (finding,) = findings(CashColumn("RF", percent), dates, "B")
    assert "write cash: {column: RF, values: percent}" in finding.message


def test_an_asset_or_a_counter_is_no_cash():
    rng = np.random.default_rng(0)
    dates = pd.date_range("2003-01-01", periods=300, freq="B")
    stock = 50 * np.cumprod(1 + rng.normal(0, 0.01, 300))
    for values in (stock, np.arange(1.0, 301.0), rng.lognormal(10, 1, 300)):
        (finding,) = findings(CashColumn("S", values), dates, "B")
        assert finding.severity == "fatal"
        assert "values: prices" not in finding.message
        (finding,) = findings(CashColumn("S", values, "returns", stated=True), dates, "B")
        assert "Expected the return of one step" in finding.message


def test_a_hole_in_the_price_of_cash_loses_nothing():
    dates = pd.date_range("2020-01-31", periods=5, freq="ME")
    price = np.array([100.0, np.nan, 100.4, 100.6, np.nan])
    column = CashColumn("BIL", price, "prices", stated=True)
    np.testing.assert_allclose(column.returns(dates, 12), [np.nan, 0.0, 0.004, 100.6 / 100.4 - 1, np.nan])


def test_missing_cash_names_the_dates_that_have_it():
    dates = pd.date_range("2020-01-31", periods=6, freq="ME")
    late = np.array([np.nan, np.nan, 0.001, 0.001, 0.001, np.nan])
    (finding,) = findings(CashColumn("rf", late), dates, "ME")
    assert "missing at 2020-01-31 (3 such dates)" in finding.message
    assert "set data.start: 2020-03-31 and data.end: 2020-05-31" in finding.message
    assert findings(CashColumn("rf", late), dates, "ME", used=slice(2, 5)) == []
    (finding,) = findings(CashColumn("rf", np.array([0.001, np.nan, 0.001])), dates[:3], "ME")
    assert "fill the cells" in finding.message


# whole files


@pytest.fixture
def file(tmp_path):
    def write(**columns):
        n = len(next(iter(columns.values())))
        table = pd.DataFrame(columns, index=pd.date_range("2015-01-31", periods=n, freq="ME"))
        table.rename_axis("date").to_csv(tmp_path / "x.csv")
        return tmp_path / "x.csv"

    return write


def test_cash_from_a_price_in_a_file_of_prices_and_of_returns(file):
    n = np.arange(40)
    bill = 100 * 1.002**n
    asset = 50 * 1.01**n
    panel, _ = load("prices", path=file(A=asset, BIL=bill), cash="BIL", cash_values="prices")
    assert panel.assets == ("A",)
    np.testing.assert_allclose(panel.cash, 0.002, atol=1e-12)
    with pytest.raises(IntegrityError, match=r"values: prices"):
        load("prices", path=file(A=asset, BIL=bill), cash="BIL")
    returns = np.where(n % 2, 0.02, -0.01)
    path = file(A=returns, rate=np.full(40, 2.5), B=returns)
    panel, _ = load("prices", path=path, values="returns", cash="rate", cash_values="annual_percent")
    assert panel.cash.max() == pytest.approx(1.025 ** (31 / 365.25) - 1)


def test_a_market_may_hold_the_other_kind_of_values(file):
    n = np.arange(40)
    level, moves = 50 * 1.01**n, np.where(n % 2, 0.02, -0.01)
    panel, _ = load("prices", path=file(A=level, M=moves), market="M", market_values="returns")
    np.testing.assert_allclose(panel.market, moves[1:], atol=1e-12)
    panel, _ = load(
        "prices", path=file(A=moves, M=level), values="returns", market="M", market_values="prices"
    )
    assert np.isnan(panel.market[0])
    np.testing.assert_allclose(panel.market[1:], 0.01, atol=1e-12)


def test_cash_that_is_known_later_needs_a_later_start(file):
    n = np.arange(40)
    rf = np.where(n < 10, np.nan, 0.001)
    path = file(A=50 * 1.01**n, rf=rf)
    with pytest.raises(DataError, match=r"set data\.start: 2015-11-30"):
        load("prices", path=path, cash="rf")
    panel, _ = load("prices", path=path, cash="rf", start=pd.Timestamp("2015-11-30").date())
    assert np.isfinite(panel.cash).all()

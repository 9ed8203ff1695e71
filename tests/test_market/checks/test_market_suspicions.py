"""Suspicions: each planted fault is found, in its place, and clean panels raise no alarm."""

import numpy as np
import pandas as pd
import pytest

from market.checks.suspicions.copies import _compare
from market.checks.suspicions.suspicions import check_suspicions
from market.checks.value_kind import infer_value_kind
from market.frequency import DAILY, EVERY_DAY, MONTHLY
from market.values.table import Table

FREQ = {DAILY: "B", MONTHLY: "ME", EVERY_DAY: "D"}


def clean_returns(rows=1000, columns=8, seed=0):
    """Returns with a common factor, fat tails and clusters of volatility."""
    rng = np.random.default_rng(seed)
    size = 0.01 * np.exp(np.cumsum(rng.normal(0, 0.05, (rows, 1)), axis=0).clip(-1, 1))
    common = rng.standard_t(4, (rows, 1)) / np.sqrt(2)
    own = rng.standard_t(4, (rows, columns)) / np.sqrt(2)
    return (size * (0.7 * common + 0.7 * own)).clip(-0.5, 1.0)


def make_table(returns, *, frequency=DAILY, dates=None, start="2003-01-01"):
    prices = 50 * np.cumprod(1 + returns, axis=0)
    return as_table(prices, frequency=frequency, dates=dates, start=start)


def as_table(values, *, frequency=DAILY, dates=None, start="2003-01-01", kind="prices"):
    if dates is None:
        dates = pd.date_range(start, periods=len(values), freq=FREQ[frequency])
    names = tuple(f"A{n}" for n in range(values.shape[1]))
    return Table("x.csv", dates, names, np.array(values), kind, frequency)


def find(table, volume=None):
    found = list(check_suspicions(table, volume))
    assert all(finding.severity == "warning" and finding.fix for finding in found)
    return [(finding.check, finding.asset) for finding in found]


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("frequency", [DAILY, MONTHLY, EVERY_DAY], ids=lambda f: f.name)
def test_a_clean_panel_raises_no_alarm(seed, frequency):
    assert find(make_table(clean_returns(600, 9, seed), frequency=frequency)) == []


@pytest.mark.parametrize("shift", [1, 2, 3, 5])
def test_a_shifted_copy_is_found(shift):
    returns = clean_returns()
    returns[shift:, 6] = returns[:-shift, 2]
    found = list(check_suspicions(make_table(returns), None))
    (copy,) = [finding for finding in found if finding.check == "shifted copy"]
    assert copy.asset == "A6"
    assert f"'A2' {shift} rows earlier" in copy.message


def test_a_copy_with_rounding_is_a_duplicate_and_a_fund_of_the_same_index_is_none():
    returns = clean_returns()
    rng = np.random.default_rng(1)
    returns[:, 5] = returns[:, 1] + rng.normal(0, 2e-5, len(returns))
    assert find(make_table(returns)) == [("duplicate asset", "A5")]
    returns[:, 5] = returns[:, 1] + rng.normal(0, 5e-4, len(returns))
    assert find(make_table(returns)) == []


@pytest.mark.parametrize("shift", [0, 1, 2, 3, 5])
def test_copies_among_many_columns_are_those_of_all_correlations(shift):
    returns = clean_returns(252, 60) + np.random.default_rng(2).normal(0, 0.01, (252, 300))[:, :60]
    rng = np.random.default_rng(3)
    largest = 0.001 if shift else 0.0004  # so that some correlations are above the limit, and some below
    for copy in range(40, 60):
        noise = rng.normal(0, largest * (copy - 40) / 20, 252 - shift)
        returns[shift:, copy] = returns[: 252 - shift, copy - 30] + noise
    least = 0.999 if shift else 0.9999
    lead, follow = returns[: 252 - shift], returns[shift:]
    likeness = np.corrcoef(lead.T, follow.T)[:60, 60:]
    first, second = np.nonzero(likeness >= least)
    expected = {(a, b) for a, b in zip(first, second, strict=True) if (a < b if shift == 0 else a != b)}
    assert 3 < len(expected) < 20, "some are near enough, and some are not"
    found = {(a, b) for apart, a, b, _ in _compare(returns) if apart == shift}
    assert found == expected


def test_a_copy_that_lists_late_is_found():
    returns = clean_returns(1500)
    prices = 50 * np.cumprod(1 + returns, axis=0)
    prices[:700, 4] = np.nan
    prices[700:, 4] = 3 * prices[700:, 0]
    assert find(as_table(prices)) == [("duplicate asset", "A4")]


def test_persistent_columns_are_no_shifted_copies():
    rng = np.random.default_rng(0)
    level = 0.0001 + np.cumsum(rng.normal(0, 1e-8, (800, 3)), axis=0)
    returns = np.hstack([clean_returns(800, 5), level])
    assert [check for check, _ in find(make_table(returns))] == []


@pytest.mark.parametrize("factor", [100, 0.01, 1000, 0.001])
def test_a_change_of_unit_is_found_where_it_happens(factor):
    prices = 50 * np.cumprod(1 + clean_returns(), axis=0)
    prices[400:, 3] *= factor
    table = as_table(prices)
    (finding,) = check_suspicions(table, None)
    assert (finding.check, finding.asset, finding.date) == ("unit change", "A3", table.dates[400])


def test_currencies_that_became_the_euro_are_found():
    prices = 50 * np.cumprod(1 + clean_returns(start := 900, 6), axis=0)
    dates = pd.date_range("1997-01-01", periods=start, freq="B")
    at = int(dates.searchsorted(pd.Timestamp("1999-01-04")))
    prices[at:, :2] /= 1.95583
    found = find(as_table(prices, dates=dates))
    assert found == [("currency change", "A0"), ("currency change", "A1")]


def test_a_tick_that_reverts_is_found_and_a_crash_is_none():
    returns = clean_returns()
    prices = 50 * np.cumprod(1 + returns, axis=0)
    bad = prices.copy()
    bad[500, 2] *= 1.5
    assert find(as_table(bad)) == [("bad tick", "A2")]
    crash = prices.copy()
    crash[500] *= 0.7  # all assets fall and come back
    assert find(as_table(crash)) == []
    fall = prices.copy()
    fall[500:, 2] *= 0.7  # one falls and stays
    assert find(as_table(fall)) == []


def test_a_tick_in_the_last_row_is_not_known_to_revert():
    prices = 50 * np.cumprod(1 + clean_returns(), axis=0)
    prices[-1, 2] *= 1.5
    assert find(as_table(prices)) == []


def test_rows_at_weekends_are_found_and_a_six_day_week_is_none():
    table = make_table(clean_returns(300))
    saturday = pd.Timestamp("2003-03-01")
    at = int(table.dates.searchsorted(saturday))
    values = np.insert(table.values, at, table.values[at - 1], axis=0)
    dates = table.dates.insert(at, saturday)
    (finding,) = check_suspicions(as_table(values, dates=dates), None)
    assert finding.check == "rows on rare days"
    assert finding.date == saturday
    assert "1 of them repeat" in finding.message
    assert "data.calendar: weekdays" in finding.fix
    six = pd.date_range("2003-01-01", periods=700, freq="D")
    six = six[six.day_of_week < 6]
    assert find(make_table(clean_returns(len(six)), dates=six)) == []


def test_carried_holidays_are_found_unless_chance_explains_them():
    returns = clean_returns()
    returns[[100, 350, 600]] = 0.0
    assert find(make_table(returns)) == [("carried holiday", None)]
    rare = clean_returns(1000, 3)
    rare[np.random.default_rng(0).random(rare.shape) < 0.4] = 0.0  # seldom traded
    assert find(make_table(rare)) == []


def test_a_move_without_volume_is_found_and_an_index_without_volumes_is_none():
    table = make_table(clean_returns())
    volume = np.full(table.values.shape, 1e5)
    volume[300, 4] = 0
    volume[:, 5] = 0
    assert abs(table.returns[300, 4]) > 0.001
    assert find(table, volume) == [("untraded move", "A4")]


def test_stocks_of_which_none_ends_are_survivors():
    stocks = 4 * clean_returns(2600, 20)
    table = make_table(stocks.clip(-0.5, 0.5))
    assert find(table) == [("survivors only", None)]
    values = table.values.copy()
    values[2000:, 7] = np.nan
    assert find(as_table(values)) == []
    assert find(make_table(clean_returns(2600, 20) / 2)) == [], "indices do not end"


@pytest.mark.parametrize(("shift", "words"), [(-1, "a row too early"), (1, "a row too late")])
def test_a_misdated_column_is_found(shift, words):
    rng = np.random.default_rng(2)
    common = rng.normal(0, 0.01, (800, 1))
    returns = common + rng.normal(0, 0.004, (800, 8))
    returns[:, 3] = np.roll(returns[:, 3], shift)
    (finding,) = check_suspicions(make_table(returns), None)
    assert (finding.check, finding.asset) == ("misdated column", "A3")
    assert words in finding.message


def test_time_zones_are_no_misdating():
    rng = np.random.default_rng(3)
    common = rng.normal(0, 0.01, 900)
    here = common[1:, None] + rng.normal(0, 0.006, (899, 4))
    # Half of the news of a day reaches the markets that close earlier a day later.
    there = (0.5 * common[1:] + 0.5 * common[:-1])[:, None] + rng.normal(0, 0.006, (899, 4))
    assert find(make_table(np.hstack([here, there]))) == []


# what a file holds


@pytest.mark.parametrize("seed", range(5))
def test_prices_fractions_and_percent_are_told_apart(seed):
    returns = clean_returns(300, 4, seed)
    assert infer_value_kind(as_table(50 * np.cumprod(1 + returns, axis=0)))[0] == "prices"
    assert infer_value_kind(as_table(returns))[0] == "returns"
    assert infer_value_kind(as_table(100 * returns))[0] == "percent_returns"
    coded = 100 * returns
    coded[5, 2] = -99.99
    assert infer_value_kind(as_table(coded))[0] == "percent_returns"


def test_a_sentiment_and_one_negative_price_are_no_returns():
    rng = np.random.default_rng(0)
    level = np.cumsum(rng.normal(0, 0.1, (500, 1)), axis=0)
    assert infer_value_kind(as_table(level - level.mean()))[0] == "prices"
    oil = 20 + rng.normal(0, 1, (60, 1))
    oil[30] = -37.6
    assert infer_value_kind(as_table(oil))[0] == "prices"


def test_dividends_are_no_returns():
    dividends = np.zeros((200, 2))
    dividends[::60] = 0.5
    assert infer_value_kind(as_table(dividends))[0] == "prices"

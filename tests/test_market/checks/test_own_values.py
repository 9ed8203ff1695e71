"""Checks of series: zeros that stand for no value, stamps of months read as days, and no alarm for honest ones."""

import numpy as np
import pandas as pd
import pytest

from market.checks.own_data.checks import check_own_data
from market.checks.own_data.delays import check_delays
from market.checks.own_data.values import check_constant, check_zeros
from market.macro import MacroSeries
from market.panel import Panel
from market.readers.dated.lags import add_lag, parse_lag

MONTHS = pd.date_range("1960-01-31", periods=400, freq="ME")


def monthly(values, transform="level"):
    dates = MONTHS[: len(values)]
    return MacroSeries("x", np.asarray(values, dtype=float), dates, dates, 93, transform, 1)


def walk(seed=0, n=400):
    return 50 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0.002, 0.01, n)))


def test_zeros_for_missing_values_are_named():
    values = walk()
    values[390:] = 0.0
    (found,) = check_zeros("div", monthly(values))
    assert found.date == MONTHS[390]
    assert "10 of its 400 values are exactly 0, the first of 1992-07-31" in found.message
    assert "na_values: [0]" in found.message
    values = walk()
    values[:5] = 0.0
    assert len(list(check_zeros("div", monthly(values)))) == 1


@pytest.mark.parametrize(
    "values",
    [
        walk(),
        np.random.default_rng(0).poisson(3, 400),  # counts
        np.random.default_rng(0).normal(size=400).round(1),  # any sign
        np.tile([0.0] * 5 + [1.0] * 7, 33),  # states
        np.maximum(
            np.cumsum(np.random.default_rng(2).normal(0, 0.1, 400)).round(2), 0
        ),  # rates at their bound
        np.zeros(400),
    ],
)
def test_honest_zeros_are_not_named(values):
    assert list(check_zeros("x", monthly(values))) == []


def test_a_value_that_is_revised_to_zero_is_judged_by_its_last_vintage():
    values = walk()
    known = MONTHS + pd.Timedelta(days=10)
    first = pd.DataFrame({"observed": MONTHS, "known": known, "value": values})
    again = first.iloc[[200]].assign(known=first["known"].iloc[200] + pd.Timedelta(days=40), value=0.0)
    rows = pd.concat([first, again]).sort_values(["known", "observed"])
    series = MacroSeries(
        "x",
        rows["value"].to_numpy(),
        pd.DatetimeIndex(rows["observed"]),
        pd.DatetimeIndex(rows["known"]),
        93,
        "level",
        1,
    )
    (found,) = check_zeros("x", series)
    assert "1 of its 400 values" in found.message


def test_a_pegged_price_is_noted():
    values = np.concatenate([np.full(200, 35.0), walk(n=200)])
    (found,) = check_constant("gold", monthly(values))
    assert (found.severity, found.date) == ("note", MONTHS[0])
    assert "does not change for 200 observations from 1960-01-31 on" in found.message
    assert list(check_constant("gold", monthly(walk()))) == []


def test_averages_of_months_that_are_dated_at_their_first_day_are_named_beside_daily_prices():
    rng = np.random.default_rng(4)
    days = pd.bdate_range("1990-01-01", periods=4000)
    market = rng.normal(0.0003, 0.01, 4000)
    panel = Panel("daily", days, ("a",), market[:, None], np.zeros(4000), market, 252.0)
    price = pd.Series(100 * np.cumprod(1 + market), index=days)
    means = price.groupby(days.to_period("M")).mean()
    starts, ends = means.index.start_time.normalize(), means.index.end_time.normalize()

    def find(dates):
        dates = pd.DatetimeIndex(dates).as_unit("us")
        series = MacroSeries("avg", means.to_numpy(), dates, dates, 93, "level", 1)
        whole = Panel(
            "daily", days, ("a",), market[:, None], np.zeros(4000), market, 252.0, macro={"avg": series}
        )
        return [each.message for each in check_own_data(whole, ["avg"], ())]

    assert panel.month == 21
    (message,) = find(starts)
    assert "the market's return of the month that follows each new value" in message
    assert find(ends) == []


TRADING = pd.DatetimeIndex(pd.date_range("1990-01-31", "2009-12-31", freq="BME"))
"""Last weekdays of months."""


def clocks(lag, period=1):
    ends = pd.date_range("1989-01-31", "2009-12-31", freq=f"{period}ME" if period > 1 else "ME")
    known = add_lag(ends, parse_lag(lag), period)
    return ends[known.notna()], known[known.notna()]


def delays(lag, period=1):
    """Return by how many rows each value is late, counted from the row of the month that it describes."""
    ends, known = clocks(lag, period)
    inside = (ends >= pd.Timestamp("1990-01-01")) & (known <= TRADING[-1])
    month = TRADING.to_period("M").searchsorted(ends[inside].to_period("M"))
    return TRADING.searchsorted(known[inside]) - month


@pytest.mark.parametrize(
    ("lag", "period", "fixes"),
    [
        ("1 month", 1, ("21 days", "36 days")),
        ("2 months", 1, ("51 days", "67 days")),
        ("1 observation", 1, ("21 days", "36 days")),
        ("1 quarter", 3, ("81 days", "98 days")),
        ("1 year", 12, ("351 days", "377 days")),
        ("0 days", 1, ("5 days",)),
    ],
)
def test_a_lag_that_ends_with_a_month_has_advice_that_gives_the_same_delay_at_each_row(lag, period, fixes):
    ends, known = clocks(lag, period)
    (found,) = check_delays(TRADING, {"x": (ends, known), "y": (ends, known)})
    assert found.severity == "note"
    late = [day for day in known if day not in TRADING and TRADING[0] < day < TRADING[-1]]
    assert f"'x', 'y': the lag ends on the last day of a month, and {len(late)} months" in found.message
    assert found.date == late[0]
    assert len(set(delays(lag, period))) == 2
    assert all(f"lag: {fix}" in found.fix for fix in fixes)
    for fix in fixes:
        assert len(set(delays(fix, period))) == 1
        assert list(check_delays(TRADING, {"x": clocks(fix, period)})) == []
    assert min(delays(fixes[-1], period)) >= min(delays(lag, period)) + 1  # never earlier than declared


def test_a_lag_that_ends_with_a_month_is_as_long_at_each_row_of_calendar_months():
    assert (
        list(check_delays(pd.date_range("1990-01-31", "2009-12-31", freq="ME"), {"x": clocks("1 month")}))
        == []
    )
    firsts = pd.date_range("1990-01-01", "2009-12-01", freq="MS")  # always a row later
    assert list(check_delays(firsts, {"x": clocks("1 month")})) == []
    assert list(check_delays(TRADING[:5], {"x": clocks("1 month")})) == []

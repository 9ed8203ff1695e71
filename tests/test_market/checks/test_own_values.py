"""Checks of series: zeros that stand for no value, stamps of months read as days, and no alarm for honest ones."""

import numpy as np
import pandas as pd
import pytest

from market.checks.own_data.checks import check_own_data
from market.checks.own_data.values import check_constant, check_zeros
from market.macro import MacroSeries
from market.panel import Panel

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

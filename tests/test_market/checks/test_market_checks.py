"""Every check: what it finds, how it grades, what it says; and what it leaves alone."""

import json

import numpy as np
import pandas as pd
import pytest

from market.checks.anomalies import check_anomalies, check_magnitude
from market.checks.cash import check_cash
from market.checks.integrity import check_impossible
from market.errors import IntegrityError
from market.findings import Finding, raise_if_fatal
from market.frequency import DAILY, EVERY_DAY, MONTHLY, WEEKLY
from market.text.dates import check_order
from market.values.table import Table

FREQ = {DAILY: "B", WEEKLY: "W-FRI", MONTHLY: "ME", EVERY_DAY: "D"}


def walk(rows=100, columns=1, seed=0, scale=0.01):
    """Prices without anything odd."""
    steps = np.random.default_rng(seed).uniform(-scale, scale, (rows, columns))
    return 100 * np.cumprod(1 + steps, axis=0)


def table(values, *, frequency=DAILY, kind="prices", dates=None, start="2020-01-01"):
    values = np.asarray(values, dtype=float)
    values = values[:, None] if values.ndim == 1 else values
    if dates is None:
        dates = pd.date_range(start, periods=len(values), freq=FREQ[frequency])
    names = tuple("ABCDEFGHIJ"[: values.shape[1]])
    return Table("x.csv", dates, names, values, kind, frequency)


def odd(values, **options):
    return list(check_anomalies(table(values, **options)))


def magnitudes(returns):
    return list(check_magnitude(table(returns, kind="returns", frequency=MONTHLY)))


def only(findings):
    assert len(findings) == 1, findings
    return findings[0]


def named(findings, check):
    return [finding for finding in findings if finding.check == check]


@pytest.mark.parametrize("frequency", list(FREQ))
def test_a_clean_table_has_no_findings(frequency):
    prices = walk(300, 4)
    assert odd(prices, frequency=frequency, start="2020-01-15") == []
    assert list(check_impossible(table(prices, frequency=frequency))) == []


# order


def test_duplicate_dates_are_fatal():
    dates = pd.DatetimeIndex(["2020-01-01", "2020-01-02", "2020-01-02", "2020-01-03", "2020-01-03"])
    finding = only(list(check_order("x.csv", dates)))
    assert (finding.check, finding.severity, finding.date) == ("duplicate dates", "fatal", dates[1])
    assert "x.csv: date 2020-01-02 occurs more than once" in finding.message
    assert "(2 such rows)" in finding.message


def test_unsorted_dates_are_fatal_and_the_row_is_named():
    dates = pd.DatetimeIndex(["2020-01-01", "2020-01-03", "2020-01-02"])
    finding = only(list(check_order("x.csv", dates)))
    assert (finding.severity, finding.date) == ("fatal", dates[2])
    assert "data row 3 is dated 2020-01-02, before the row above it (2020-01-03)" in finding.message


def test_newest_first_is_noted():
    assert only(list(check_order("x.csv", pd.DatetimeIndex(["2020-01-02", "2020-01-01"])))).severity == "note"


@pytest.mark.parametrize("dates", [[], ["2020-01-01"], ["2020-01-01", "2020-01-02"]])
def test_sorted_dates_are_fine(dates):
    assert list(check_order("x.csv", pd.DatetimeIndex(dates))) == []


# impossible values


def test_infinity_is_fatal():
    prices = walk(5, 2)
    prices[3, 1] = np.inf
    finding = only(list(check_impossible(table(prices))))
    assert (finding.severity, finding.asset, finding.date) == ("fatal", "B", pd.Timestamp("2020-01-06"))
    assert finding.message == "x.csv: column 'B', 2020-01-06: expected a number, found inf"


@pytest.mark.parametrize("price", [0.0, -37.63])
def test_a_price_of_nothing_or_less_is_fatal(price):
    prices = walk(5)
    prices[[1, 3]] = price
    finding = only(list(check_impossible(table(prices))))
    assert (finding.check, finding.severity) == ("non-positive price", "fatal")
    assert f"column 'A', 2020-01-02: price is {price:g}, expected more than 0" in finding.message
    assert finding.message.endswith("(2 such dates)")


def test_minus_infinity_is_one_finding_not_two():
    assert only(list(check_impossible(table([1.0, -np.inf, 2.0])))).check == "infinite value"


@pytest.mark.parametrize("value", [-1.0, -1.5])
def test_losing_everything_is_fatal_in_returns(value):
    finding = only(list(check_impossible(table([0.01, value, 0.02], kind="returns"))))
    assert (finding.check, finding.severity) == ("impossible return", "fatal")
    assert f"return is {value:g}, expected more than -1" in finding.message
    assert "percent" not in finding.message


def test_impossible_returns_that_look_like_percent_say_so():
    finding = only(list(check_impossible(table([1.2, -2.5, 0.9], kind="returns"))))
    assert "look like percent: set data.values: percent_returns" in finding.message


def test_negative_and_zero_returns_are_fine():
    assert list(check_impossible(table([0.0, -0.99, 0.02], kind="returns"))) == []


def test_an_empty_column_is_fatal():
    prices = walk(5, 2)
    prices[:, 0] = np.nan
    finding = only(list(check_impossible(table(prices))))
    assert (finding.check, finding.severity, finding.asset) == ("empty column", "fatal", "A")


def test_settle_raises_the_first_fatal_and_counts_the_others():
    prices = walk(5, 3)
    prices[2] = [np.inf, 0.0, -1.0]
    with pytest.raises(IntegrityError, match=r"column 'A'.*found inf \(2 more fatal findings\)$"):
        raise_if_fatal(check_impossible(table(prices)))


def test_settle_returns_what_is_not_fatal():
    note = Finding("c", "note", None, None, "m")
    assert raise_if_fatal(iter([note])) == (note,)
    with pytest.raises(IntegrityError, match=r"^bad$"):
        raise_if_fatal([note, Finding("c", "fatal", None, None, "bad")])


# calendar


def test_long_holidays_are_no_gap_and_closed_exchanges_are():
    dates = pd.bdate_range("2001-01-01", "2001-12-31")
    easter = dates[~dates.isin(["2001-04-13", "2001-04-16"])]
    assert odd(walk(len(easter)), dates=easter) == []
    closed = easter[(easter < "2001-09-11") | (easter > "2001-09-14")]
    finding = only(odd(walk(len(closed)), dates=closed))
    assert (finding.check, finding.severity, finding.asset) == ("calendar gap", "warning", None)
    assert finding.date == pd.Timestamp("2001-09-17")
    assert "the longest of 4 weekdays between 2001-09-10 and 2001-09-17" in finding.message


@pytest.mark.parametrize("frequency, unit", [(MONTHLY, "months"), (WEEKLY, "weeks"), (EVERY_DAY, "days")])
def test_missing_units_are_gaps(frequency, unit):
    dates = pd.date_range("2020-01-15", periods=40, freq=FREQ[frequency]).delete([5, 20, 21])
    finding = only(odd(walk(37), dates=dates, frequency=frequency))
    assert finding.message.startswith("x.csv: 2 gaps")
    assert f"the longest of 2 {unit}" in finding.message


def test_months_stamped_at_their_start_are_doubted():
    finding = only(odd(walk(30), dates=pd.date_range("2020-01-01", periods=30, freq="MS"), frequency=MONTHLY))
    assert (finding.check, finding.severity) == ("month start", "warning")


# life


def test_holes_late_starts_and_early_ends():
    prices = walk(10, 3)
    prices[:2, 0] = np.nan
    prices[8:, 1] = np.nan
    prices[[4, 6], 2] = np.nan
    late, early, hole = (
        named(odd(prices), check) for check in ("starts late", "ends early", "missing value")
    )
    assert [(f.asset, f.severity, f.date) for f in late] == [("A", "note", pd.Timestamp("2020-01-03"))]
    assert [(f.asset, f.severity, f.date) for f in early] == [("B", "note", pd.Timestamp("2020-01-10"))]
    assert [(f.asset, f.severity, f.date) for f in hole] == [("C", "warning", pd.Timestamp("2020-01-07"))]
    assert "(2 such dates)" in only(hole).message
    assert len(odd(prices)) == 3


# stale runs


@pytest.mark.parametrize("frequency, k", [(DAILY, 8), (WEEKLY, 4), (MONTHLY, 3)])
def test_unchanged_prices_are_stale_from_k_on(frequency, k):
    prices = walk(60)
    prices[20 : 20 + k] = prices[20]
    assert odd(prices, frequency=frequency) == []
    prices[20 + k] = prices[20]
    finding = only(odd(prices, frequency=frequency))
    assert (finding.check, finding.severity, finding.asset) == ("stale run", "warning", "A")
    assert finding.date == table(prices, frequency=frequency).dates[21]
    assert f"unchanged for {k} observations (1 such run of {k} or more, the longest {k})" in finding.message


def test_stale_runs_of_one_asset_are_one_finding():
    returns = np.full(60, 0.01)
    returns[10:20] = 0.0
    returns[30:42] = 0.0
    returns[50:53] = 0.0
    finding = only(odd(returns, kind="returns"))
    assert "unchanged for 10 observations (2 such runs of 8 or more, the longest 12)" in finding.message


def test_a_hole_does_not_hide_a_stale_run():
    prices = walk(60)
    prices[20:32] = prices[20]
    prices[25] = np.nan
    assert "unchanged for 10 observations" in only(named(odd(prices), "stale run")).message


# splits and moves


@pytest.mark.parametrize("n", [1.5, 2, 3, 4, 5, 10])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_planted_split_is_found_whatever_the_day_did(n, direction):
    for seed in range(5):
        prices = walk(60, seed=seed, scale=0.02)
        prices[30:] *= n ** float(direction)
        finding = only(odd(prices))
        assert (finding.check, finding.severity) == ("possible split", "warning")
        assert finding.date == table(prices).dates[30]


def test_a_split_amid_others_is_found_and_a_crash_of_all_is_none():
    prices = walk(60, 5)
    prices[30:] /= 1.5
    assert {finding.check for finding in odd(prices)} == {"implausible move"}
    prices = walk(60, 5)
    prices[30:, 2] /= 1.5
    assert only(odd(prices)).asset == "C"


def test_a_large_move_that_is_no_split_is_implausible():
    prices = walk(60)
    prices[30:] *= 0.57
    finding = only(odd(prices))
    assert (finding.check, finding.severity) == ("implausible move", "warning")
    assert "return of -43% in one daily step" in finding.message


def test_monthly_data_is_not_searched_for_splits():
    prices = walk(60)
    prices[30:] /= 2.0
    assert odd(prices, frequency=MONTHLY) == []
    prices[30:] /= 2.0
    assert only(odd(prices, frequency=MONTHLY)).check == "implausible move"


def test_percent_is_suspected():
    returns = np.where(np.arange(50) % 2, 0.9, -0.6)
    finding = only(named(odd(returns, kind="returns", frequency=MONTHLY), "percent"))
    assert finding.severity == "warning"
    assert "expected fractions, not percent" in finding.message
    assert named(odd(np.where(np.arange(50) % 2, 0.09, -0.06), kind="returns"), "percent") == []


# cash


def test_cash_must_be_whole():
    dates = pd.date_range("2020-01-31", periods=3, freq="ME")
    assert list(check_cash("x.csv", dates, np.array([0.001, 0.0, -0.0005]))) == []
    missing = only(list(check_cash("x.csv", dates, np.array([0.001, np.nan, np.nan]))))
    assert missing.severity == "fatal"
    assert (
        "x.csv: 2020-02-29: cash return is nan, expected a fraction above -1 (2 such dates)"
        in missing.message
    )
    late = only(list(check_cash("x.csv", dates, np.array([np.nan, 0.001, 0.001]))))
    assert "set data.start: 2020-02-29" in late.message


def test_findings_go_into_json():
    finding = Finding("stale run", "warning", "A", pd.Timestamp("2020-01-02"), "text")
    assert json.loads(json.dumps(finding.as_dict())) == {
        "check": "stale run", "severity": "warning", "asset": "A", "date": "2020-01-02", "message": "text", "fix": "",
    }  # fmt: skip
    assert Finding("c", "note", None, None, "m").as_dict()["date"] is None


def test_one_asset_one_row():
    assert odd([1.0]) == []
    assert odd([np.nan, 1.0]) != []


# magnitudes


def test_returns_and_volatilities_that_no_asset_has_are_fatal():
    rng = np.random.default_rng(0)
    returns = 0.05 * rng.normal(size=(60, 4))
    assert magnitudes(returns) == []
    absurd = returns.copy()
    absurd[20, 2] = 1e6
    finding = only(magnitudes(absurd))
    assert (finding.severity, finding.asset) == ("fatal", "C")
    assert "return of +1e+06 in one step, expected at most 1000" in finding.message
    assert f"{finding.date:%Y-%m-%d}" in finding.message
    absurd[21, 2] = np.inf
    assert "2 such dates" in only(magnitudes(absurd)).message


def test_returns_in_percent_are_fatal_by_their_volatility():
    rng = np.random.default_rng(0)
    percent = np.clip(5 * rng.normal(size=(60, 4)), -0.99, None)
    finding = only(magnitudes(percent))
    assert finding.severity == "fatal"
    assert "volatility of the median column" in finding.message
    assert "look like percent, expected fractions" in finding.message
    assert magnitudes(percent[:10]) == [], "too few returns to say"
    one = np.column_stack([percent[:, 0], 0.05 * rng.normal(size=(60, 3))])
    assert magnitudes(one) == [], "one wild asset is possible"

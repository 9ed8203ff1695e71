"""Rows that are left out: what returns, bars and volume become, and that a shorter file reads the same."""

import numpy as np
import pandas as pd
import pytest

from market.errors import SourceError
from market.frequency import infer_frequency
from market.readers.prices import FileSettings, load_file
from market.values.returns import compound_returns


def weekend_prices(n=60, seed=0):
    """Return daily prices of a coin, and of a stock on weekdays with a holiday."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2021-01-01", periods=n)
    coin, stock = (100 * np.cumprod(1 + rng.normal(0, 0.03, n)) for _ in range(2))
    stock = np.where(dates.day_of_week < 5, stock, np.nan)
    stock[20] = np.nan
    return pd.DataFrame({"date": dates, "coin": coin, "stock": stock})


def write(tmp_path, table):
    path = tmp_path / "prices.csv"
    table.to_csv(path, index=False)
    return path


def test_prices_on_weekdays(tmp_path):
    table = weekend_prices()
    panel, findings = load_file(write(tmp_path, table), FileSettings(calendar="weekdays"))
    kept = table[table["date"].dt.day_of_week < 5].set_index("date")
    assert panel.periods_per_year == 252
    assert list(panel.dates) == list(kept.index[1:])
    expected = kept["coin"].pct_change().to_numpy()[1:]
    np.testing.assert_allclose(panel.returns[:, 0], expected, rtol=1e-12)
    holiday = panel.dates.get_loc("2021-01-21")
    assert np.isnan(panel.returns[holiday, 1])
    stock = kept["stock"].to_numpy()
    assert panel.returns[holiday + 1, 1] == pytest.approx(stock[holiday + 2] / stock[holiday] - 1)
    assert any(finding.check == "calendar" and "leaves out" in finding.message for finding in findings)
    assert load_file(write(tmp_path, table))[0].periods_per_year == 365


def test_rows_of_a_column(tmp_path):
    table = weekend_prices()
    panel, _ = load_file(write(tmp_path, table), FileSettings(calendar="stock"))
    kept = table.dropna()
    assert list(panel.dates) == list(kept["date"][1:])
    assert np.isfinite(panel.returns).all()
    with pytest.raises(SourceError, match=r"data\.calendar is 'stok', expected 'weekdays', .*'stock'"):
        load_file(write(tmp_path, table), FileSettings(calendar="stok"))


def test_returns_compound_over_rows_left_out(tmp_path):
    rng = np.random.default_rng(1)
    returns, kept = rng.normal(0, 0.02, (50, 3)), rng.random(50) < 0.6
    returns[rng.random((50, 3)) < 0.2] = np.nan
    found = compound_returns(returns, kept)
    # A plain loop by column: money since the last return that was kept.
    for column in range(3):
        money, expected = [], []
        for r, keep in zip(returns[:, column], kept, strict=True):
            if np.isfinite(r):
                money.append(1 + r)
            if keep:
                expected.append(np.prod(money) - 1 if np.isfinite(r) else np.nan)
                money = money if np.isnan(r) else []
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-12)
    everything = compound_returns(returns, np.ones(50, dtype=bool))
    np.testing.assert_array_equal(everything, returns)


def test_returns_and_cash_on_weekdays(tmp_path):
    table = weekend_prices()
    prices = table[["coin"]].assign(cash=1.0001 ** np.arange(60))
    returns = prices.pct_change().assign(date=table["date"]).iloc[1:]
    panel, _ = load_file(
        write(tmp_path, returns), FileSettings(values="returns", cash="cash", calendar="weekdays")
    )
    other = table[["date", "coin"]].assign(cash=returns["cash"])
    same, _ = load_file(write(tmp_path, other), FileSettings(cash="cash", calendar="weekdays"))
    joint = panel.dates.intersection(same.dates)
    a, b = (
        panel.select_rows(slice(len(panel.dates) - len(joint), None)),
        same.select_rows(slice(len(same.dates) - len(joint), None)),
    )
    np.testing.assert_allclose(a.returns, b.returns, rtol=1e-9)
    np.testing.assert_allclose(a.cash, b.cash, rtol=1e-9)
    monday = panel.dates.day_of_week == 0
    np.testing.assert_allclose(a.cash[monday[-len(joint) :]], 1.0001**3 - 1, rtol=1e-9)


def test_bars_and_volume_run_over_rows_left_out(tmp_path):
    dates = pd.to_datetime(
        ["2021-01-07", "2021-01-08", "2021-01-09", "2021-01-10", "2021-01-11", "2021-01-12"]
    )
    bars = pd.DataFrame(
        {
            "date": dates, "symbol": "coin",
            "open": [10, 11, 12, 13, 14, 15], "high": [11, 12, 20, 14, 15, 16], "low": [9, 10, 11, 5, 13, 14],
            "close": [11, 12, 13, 14, 15, 16], "vwap": [10.5, 11.5, 12.5, 13.5, 14.5, 15.5],
            "volume": [100, 100, 10, 20, 30, 100],
        }
    )  # fmt: skip
    panel, _ = load_file(write(tmp_path, bars), FileSettings(calendar="weekdays"))
    row = panel.dates.get_loc("2021-01-11")
    at = {name: prices[row, 0] for name, prices in panel.bars.items()}
    assert (at["open"], at["high"], at["low"], at["close"]) == (12, 20, 5, 15)
    assert at["vwap"] == pytest.approx((10 * 12.5 + 20 * 13.5 + 30 * 14.5) / 60)
    assert panel.volume[row, 0] == 60
    after = {name: prices[row + 1, 0] for name, prices in panel.bars.items()}
    assert after == {"open": 15, "high": 16, "low": 14, "close": 16, "vwap": 15.5}


def monthly(rows):
    rng = np.random.default_rng(2)
    values = 100 * np.cumprod(1 + rng.normal(0, 0.03, (len(rows), 2)), axis=0)
    return pd.DataFrame({"date": rows, "x": values[:, 0], "y": values[:, 1]})


CALENDARS = {
    "month start": pd.date_range("2018-01-01", periods=30, freq="MS"),
    "month end": pd.date_range("2018-01-01", periods=30, freq="ME"),
    "business month end": pd.date_range("2018-01-01", periods=30, freq="BME"),
    "fridays": pd.date_range("2018-01-01", periods=60, freq="W-FRI"),
}
RUNNING = {
    "month start": "2020-06-17",
    "month end": "2020-07-15",
    "business month end": "2020-07-15",
    "fridays": "2019-02-26",
}


@pytest.mark.parametrize("name", CALENDARS)
def test_a_running_period_is_said_and_can_be_left_out(tmp_path, name):
    whole = CALENDARS[name]
    _, findings = load_file(write(tmp_path, monthly(whole)))
    assert not [f for f in findings if f.check in ("running period", "repeated period")]
    table = monthly(whole.append(pd.DatetimeIndex([RUNNING[name]])))
    path = write(tmp_path, table)
    panel, findings = load_file(path)
    said = [finding for finding in findings if finding.check == "running period"]
    assert [finding.severity for finding in said] == ["warning"]
    assert "data.running_period: drop" in said[0].message
    if name == "month start":
        start = next(finding for finding in findings if finding.check == "month start")
        assert "30 of 31 dates are the first of a month" in start.message
    dropped, findings = load_file(path, FileSettings(running_period="drop"))
    assert list(dropped.dates) == list(panel.dates[:-1])
    np.testing.assert_array_equal(dropped.returns, panel.returns[:-1])
    assert not [finding for finding in findings if finding.check == "running period"]


def test_two_rows_in_one_month_before_the_end(tmp_path):
    dates = pd.date_range("2018-01-01", periods=30, freq="ME").insert(10, pd.Timestamp("2018-11-14"))
    _, findings = load_file(write(tmp_path, monthly(dates)))
    said = next(finding for finding in findings if finding.check == "repeated period")
    assert said.severity == "warning"
    assert "2018-11-14 and 2018-11-30 fall into one month" in said.message


@pytest.mark.parametrize("settings", [{"calendar": "weekdays"}, {"calendar": "stock"}])
def test_a_file_that_ends_sooner_keeps_the_same_rows(tmp_path, settings):
    path = write(tmp_path, weekend_prices())
    whole, _ = load_file(path, FileSettings(**settings))
    for date in pd.date_range("2021-01-20", "2021-03-01"):
        part, _ = load_file(path, FileSettings(**settings), known_by=date)
        n = int(whole.dates.searchsorted(date, side="right"))
        assert list(part.dates) == list(whole.dates[:n])
        np.testing.assert_array_equal(part.returns, whole.returns[:n])


def test_running_rows_are_known_at_once(tmp_path):
    dates = CALENDARS["business month end"]
    dates = dates.append(pd.DatetimeIndex(["2020-07-15", "2020-07-31", "2020-08-31", "2020-09-10"]))
    path = write(tmp_path, monthly(dates))
    whole, _ = load_file(path, FileSettings(running_period="drop"))
    assert len(whole.dates) == 31  # 32 ends of months, the first of which ends no return
    for date in dates[5:]:
        part, _ = load_file(path, FileSettings(running_period="drop"), known_by=date)
        n = int(whole.dates.searchsorted(date, side="right"))
        assert list(part.dates) == list(whole.dates[:n])
        np.testing.assert_array_equal(part.returns, whole.returns[:n])


def test_weekends_that_repeat_friday_are_said(tmp_path):
    table = weekend_prices()
    carried = table.assign(stock=table["stock"].ffill())
    _, findings = load_file(write(tmp_path, carried))
    said = [finding.message for finding in findings if finding.check == "carried weekend"]
    assert len(said) == 1
    assert "stock stand still at weekends" in said[0]
    _, findings = load_file(write(tmp_path, carried), FileSettings(calendar="weekdays"))
    assert not [finding for finding in findings if finding.check == "carried weekend"]


@pytest.mark.parametrize(
    ("days", "year"),
    [
        ({0, 1, 2, 3, 4}, 252),  # Monday to Friday
        ({6, 0, 1, 2, 3}, 252),  # Sunday to Thursday
        ({6, 0, 1, 2, 3, 4}, 302),  # from Sunday evening to Friday
        (set(range(7)), 365),
    ],
)
def test_periods_in_a_year_of_trading_weeks(days, year):
    dates = pd.date_range("2020-01-01", periods=400)
    dates = dates[np.isin(dates.day_of_week, list(days))]
    rng = np.random.default_rng(0)
    dates = dates[rng.random(len(dates)) > 0.03]  # holidays
    for n in (60, len(dates)):
        assert infer_frequency(dates[:n], "x").periods_per_year == year


@pytest.mark.parametrize("calendar", [None, "weekdays"])
def test_a_file_without_any_value_at_a_date_is_refused_with_or_without_a_calendar(tmp_path, calendar):
    path = write(tmp_path, weekend_prices().assign(coin=np.nan, stock=np.nan))
    with pytest.raises(SourceError, match="no asset is left"):
        load_file(path, FileSettings(calendar=calendar), known_by=pd.Timestamp("2021-02-01"))

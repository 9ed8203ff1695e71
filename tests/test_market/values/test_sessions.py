"""Sessions of exchanges: rows kept, rows left out, sessions without a row, and months that holidays end."""

import builtins

import exchange_calendars
import numpy as np
import pandas as pd
import pytest

from market.errors import SourceError
from market.frequency import DAILY, MONTHLY, WEEKLY
from market.readers.prices import FileSettings, load_file
from market.values.dates.periods import find_known_ends, number_periods
from market.values.dates.sessions import is_exchange, load_exchange

XNYS = exchange_calendars.get_calendar("XNYS", start="2015-01-01", end="2021-12-31")


def write(tmp_path, table):
    path = tmp_path / "prices.csv"
    table.to_csv(path)
    return path


def all_days(start="2018-01-01", end="2018-12-31", seed=0):
    dates = pd.date_range(start, end, name="date")
    rng = np.random.default_rng(seed)
    prices = 50 * np.cumprod(1 + rng.normal(0, 0.01, (len(dates), 2)), axis=0)
    return pd.DataFrame(prices, index=dates, columns=["coin", "stock"])


def test_rows_are_the_sessions(tmp_path):
    table = all_days()
    panel, findings = load_file(write(tmp_path, table), FileSettings(calendar="XNYS"))
    sessions = XNYS.sessions_in_range("2018-01-01", "2018-12-31")
    assert list(panel.dates) == list(sessions[1:])
    kept = table.loc[sessions]
    np.testing.assert_allclose(panel.returns, kept.pct_change().to_numpy()[1:], rtol=1e-12)
    notes = {finding.check: finding for finding in findings}
    left_out = len(table) - len(sessions)
    assert f"{left_out} rows are left out because the exchange is closed: 2018-01-01, 2018-01-06" in (
        notes["calendar"].message
    )
    halves = XNYS.early_closes.intersection(sessions)
    assert f"{len(halves)} rows are half days" in notes["interpretation"].message
    assert "missing session" not in notes


def test_sessions_without_a_row_are_warned_of(tmp_path):
    sessions = XNYS.sessions_in_range("2018-01-01", "2018-12-31")
    table = all_days().loc[sessions].drop(index=pd.DatetimeIndex(["2018-05-07", "2018-08-01"]))
    _, findings = load_file(write(tmp_path, table), FileSettings(calendar="XNYS"))
    said = next(finding for finding in findings if finding.check == "missing session")
    assert said.severity == "warning"
    assert "2 sessions have no row: 2018-05-07, 2018-08-01" in said.message


def test_a_month_that_a_holiday_ends_is_complete_by_the_calendar_alone(tmp_path):
    sessions = XNYS.sessions_in_range("2017-12-01", "2018-12-31")
    path = write(tmp_path, all_days("2017-12-01").loc[sessions])
    for calendar, last in ((None, "2018-02-28"), ("XNYS", "2018-03-29")):  # Good Friday is the 30th
        read = FileSettings(calendar=calendar, frequency="monthly")
        panel, _ = load_file(path, read, known_by=pd.Timestamp("2018-03-29"))
        assert panel.dates[-1] == pd.Timestamp(last)
    whole = [load_file(path, FileSettings(calendar=name, frequency="monthly"))[0] for name in (None, "XNYS")]
    assert list(whole[0].dates) == list(whole[1].dates)
    assert pd.Timestamp("2018-03-29") in whole[0].dates


def test_a_column_of_the_name_of_an_exchange_is_the_column(tmp_path):
    table = all_days().rename(columns={"coin": "XNYS"})
    table.loc["2018-02-01", "XNYS"] = np.nan
    panel, _ = load_file(write(tmp_path, table), FileSettings(calendar="XNYS"))
    assert len(panel.dates) == len(table) - 2
    assert pd.Timestamp("2018-02-01") not in panel.dates


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("XNYZ", "no exchange is called 'XNYZ'; did you mean 'XNZE'"),
        ("weekday", "is 'weekday', expected 'weekdays', the name of a column, or an exchange such as XNYS"),
    ],
)
def test_unknown_calendars_are_refused(tmp_path, name, message):
    with pytest.raises(SourceError, match=message):
        load_file(write(tmp_path, all_days()), FileSettings(calendar=name))


def test_months_have_no_sessions(tmp_path):
    months = pd.date_range("2015-01-31", periods=40, freq="ME", name="date")
    table = pd.DataFrame({"a": 10 + np.arange(40.0) % 3}, index=months)
    with pytest.raises(SourceError, match="'XNYS' is for daily rows, and the rows are monthly"):
        load_file(write(tmp_path, table), FileSettings(calendar="XNYS"))


def test_dates_before_the_calendar_are_refused(tmp_path):
    path = write(tmp_path, all_days("1955-01-01", "1955-12-31"))
    with pytest.raises(SourceError, match=r"does not cover 1955-01-01 to 1955-12-31.*1960"):
        load_file(path, FileSettings(calendar="XHKG"))


def test_without_the_package_the_extra_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **options):
        if name == "exchange_calendars":
            raise ModuleNotFoundError(name)
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    assert not is_exchange("XNYS")
    with pytest.raises(SourceError, match=r"pip install 'tangency\[calendars\]'"):
        load_file(write(tmp_path, all_days()), FileSettings(calendar="XNYS"))


def walk(dates, name, expect):
    """Return where it is first known that a period is over: a plain walk, one row at a time."""
    out, over = [], number_periods(dates[:1], name)[0]
    for date in dates:
        coming = number_periods(pd.DatetimeIndex([expect(date)]), name)[0]
        out.append(coming > over)
        over = max(over, coming)
    return out


def next_weekday(date):
    date += pd.Timedelta(days=1)
    while date.day_of_week >= 5:
        date += pd.Timedelta(days=1)
    return date


@pytest.mark.parametrize("name", ["weekly", "monthly", "quarterly"])
def test_known_ends_equal_a_walk(name):
    dates = XNYS.sessions_in_range("2016-01-04", "2020-12-31")
    by_weekdays = find_known_ends(dates, name, DAILY)
    assert by_weekdays.tolist() == walk(dates, name, next_weekday)
    exchange = load_exchange("x", "XNYS", dates)
    by_sessions = find_known_ends(dates, name, DAILY, exchange.next_session)
    assert by_sessions.tolist() == walk(dates, name, lambda date: XNYS.next_session(date))
    # By sessions, these are the last rows of the periods; by weekdays, some are a row later.
    number = number_periods(dates, name)
    last = np.append(number[1:] != number[:-1], True)  # 2020-12-31 ends a month, a quarter, and the week
    np.testing.assert_array_equal(by_sessions, last)
    assert by_weekdays[:-1].sum() == by_sessions[:-1].sum()
    assert not np.array_equal(by_weekdays, by_sessions)


@pytest.mark.parametrize("name", ["weekly", "monthly", "quarterly"])
def test_later_dates_change_no_end(name):
    dates = XNYS.sessions_in_range("2018-01-02", "2019-12-31")
    whole = find_known_ends(dates, name, DAILY)
    for n in range(1, len(dates), 7):
        np.testing.assert_array_equal(find_known_ends(dates[:n], name, DAILY), whole[:n])


def test_ends_of_rarer_rows():
    weeks = pd.date_range("2020-01-03", periods=60, freq="W-FRI")
    ends = weeks[find_known_ends(weeks, "monthly", WEEKLY)]
    assert list(ends[:4]) == list(pd.DatetimeIndex(["2020-01-31", "2020-02-28", "2020-03-27", "2020-04-24"]))
    months = pd.date_range("2020-01-01", periods=24, freq="BME")
    ends = months[find_known_ends(months, "quarterly", MONTHLY)]
    assert set(ends.month) == {3, 6, 9, 12}
    assert len(ends) == 8

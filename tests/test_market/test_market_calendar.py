"""The time convention: decision rows, positions, frequencies, calendar holes."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.calendar import find_position, list_decision_positions
from market.errors import DataError, SourceError
from market.frequency import (
    DAILY,
    EVERY_DAY,
    MONTHLY,
    QUARTERLY,
    WEEKLY,
    count_missing,
    infer_frequency,
)


def days(*texts: str) -> pd.DatetimeIndex:
    return pd.DatetimeIndex(list(texts))


def test_decisions_are_every_nth_row_from_the_first():
    assert list_decision_positions(10, first=2, every=3).tolist() == [2, 5, 8]
    assert list_decision_positions(9, first=2, every=3).tolist() == [2, 5, 8]
    assert list_decision_positions(3, first=0, every=1).tolist() == [0, 1, 2]
    assert list_decision_positions(3, first=0, every=1).dtype == np.int64


def test_a_panel_that_ends_before_the_first_decision_has_none():
    assert list_decision_positions(5, first=5, every=1).tolist() == []
    assert list_decision_positions(0, first=0, every=1).tolist() == []


@given(st.integers(0, 300), st.integers(0, 50), st.integers(0, 40), st.integers(1, 30))
def test_more_dates_never_move_an_earlier_decision(n, more, first, every):
    short = list_decision_positions(n, first=first, every=every)
    long = list_decision_positions(n + more, first=first, every=every)
    assert long[: len(short)].tolist() == short.tolist()
    assert (long[len(short) :] >= n).all()


@pytest.mark.parametrize(
    "options, message", [({"first": -1, "every": 1}, "first is -1"), ({"first": 0, "every": 0}, "every is 0")]
)
def test_impossible_schedules_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        list_decision_positions(10, **options)


def test_position_is_the_first_row_at_or_after():
    dates = days("2020-01-02", "2020-01-03", "2020-01-06")
    assert find_position(dates, date(2020, 1, 2)) == 0
    assert find_position(dates, "2020-01-04") == 2
    assert find_position(dates, pd.Timestamp("1990-01-01")) == 0


def test_position_after_the_end_names_the_span():
    dates = days("2020-01-02", "2020-01-03")
    with pytest.raises(
        DataError, match="at or after 2020-01-04: the data runs from 2020-01-02 to 2020-01-03"
    ):
        find_position(dates, "2020-01-04")
    with pytest.raises(DataError, match="there are no dates"):
        find_position(days(), "2020-01-04")
    with pytest.raises(DataError, match="'soon' is not a date"):
        find_position(dates, "soon")


@pytest.mark.parametrize(
    "dates, expected",
    [
        (pd.bdate_range("2020-01-01", periods=50), DAILY),
        (pd.date_range("2020-01-01", periods=50), EVERY_DAY),
        (pd.date_range("2020-01-03", periods=50, freq="W-FRI"), WEEKLY),
        (pd.date_range("2020-01-01", periods=50, freq="ME"), MONTHLY),
        (pd.date_range("2020-01-01", periods=50, freq="MS"), MONTHLY),
        (pd.date_range("2020-01-01", periods=50, freq="BME"), MONTHLY),
        (days("2020-01-03", "2020-01-06"), DAILY),
        (days("2020-01-31", "2020-02-29"), MONTHLY),
        (pd.date_range("2020-01-01", periods=9, freq="QE"), QUARTERLY),
        (pd.date_range("2020-01-01", periods=9, freq="BQE"), QUARTERLY),
        (pd.date_range("2020-01-01", periods=9, freq="QS"), QUARTERLY),
    ],
)
def test_frequency_is_told_by_the_median_spacing(dates, expected):
    assert infer_frequency(dates, "x.csv") == expected


def test_periods_per_year():
    assert [f.periods_per_year for f in (DAILY, EVERY_DAY, WEEKLY, MONTHLY, QUARTERLY)] == [
        252,
        365,
        52,
        12,
        4,
    ]


def test_other_frequencies_are_refused_with_what_was_found():
    years = pd.date_range("2020-01-01", periods=8, freq="YE")
    with pytest.raises(
        SourceError, match=r"x\.csv: the median distance between dates is 26\d.*2020-12-31.*8 dates"
    ):
        infer_frequency(years, "x.csv")
    with pytest.raises(DataError, match=r"x\.csv: 1 date, expected at least 2"):
        infer_frequency(years[:1], "x.csv")


def test_missing_units_are_counted():
    september = days("2001-09-10", "2001-09-17", "2001-09-18")
    assert count_missing(september, "weekdays").tolist() == [0, 4, 0]
    assert count_missing(days("2020-01-31", "2020-02-28", "2020-05-29"), "months").tolist() == [0, 0, 2]
    assert count_missing(days("2020-03-31", "2020-06-30", "2020-12-31"), "quarters").tolist() == [0, 0, 1]
    assert count_missing(days("2020-01-01", "2020-01-31", "2020-02-29"), "months").tolist() == [0, -1, 0]
    assert count_missing(days("2020-01-03", "2020-01-10", "2020-01-16", "2020-01-31"), "weeks").tolist() == [
        0,
        0,
        0,
        1,
    ]
    assert count_missing(days("2020-01-03", "2020-01-04", "2020-01-07"), "days").tolist() == [0, 0, 2]
    assert count_missing(days("2020-01-03"), "days").tolist() == [0]

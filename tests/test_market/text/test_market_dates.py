"""Dates as people write them."""

import pandas as pd
import pytest

from market.errors import IntegrityError, SourceError
from market.text.coded_texts import _encode_texts
from market.text.dates import read_dates


def read(*texts: str) -> list[str]:
    dates = read_dates("x.csv", "date", _encode_texts(texts)).rows
    assert isinstance(dates, pd.DatetimeIndex)
    return [f"{day:%Y-%m-%d}" for day in dates]


@pytest.mark.parametrize(
    "texts, expected",
    [
        (["2020-01-31", "2020-2-3"], ["2020-01-31", "2020-02-03"]),
        (["2020/01/31"], ["2020-01-31"]),
        (["20200131", "20201101"], ["2020-01-31", "2020-11-01"]),
        (["2020-01", "2020-02"], ["2020-01-31", "2020-02-29"]),
        (["202011"], ["2020-11-30"]),
        (["03/04/2020", "13/04/2020"], ["2020-04-03", "2020-04-13"]),
        (["03/04/2020", "03/13/2020"], ["2020-03-04", "2020-03-13"]),
        (["03-04-2020", "13-04-2020"], ["2020-04-03", "2020-04-13"]),
        (["03.04.2020"], ["2020-04-03"]),
        (["05/05/2020"], ["2020-05-05"]),
        (["2020-01-31 16:00:00-05:00", "2020-07-31T16:00-04:00"], ["2020-01-31", "2020-07-31"]),
        (["2020-01-31", "2020-01-31"], ["2020-01-31", "2020-01-31"]),
        ([" 2020-01-31 "], ["2020-01-31"]),
        ([], []),
    ],
)
def test_forms(texts, expected):
    assert read(*texts) == expected


def test_day_and_month_are_never_guessed():
    with pytest.raises(
        SourceError, match=r"x\.csv: column 'date': '01/02/2020' may be day/month or month/day"
    ):
        read("01/02/2020", "01/03/2020", "02/03/2020")


@pytest.mark.parametrize(
    "texts, row, what",
    [
        (["2020"], 1, "'2020' is not a date"),
        (["2020-01-31", "2020-02-31"], 2, "'2020-02-31' is not a date"),
        (["2020-01-31", "31/01/2020"], 2, "'31/01/2020' is not a date"),
        (["2020-01-31", "2020-02-28", ""], 3, "no date"),
        (["13/13/2020", "14/01/2020"], 1, "'13/13/2020' is not a date"),
        (["13/01/2020", "14/01/2020", "01/14/2020"], 3, "'01/14/2020' is not a date"),
        (["Total"], 1, "'Total' is not a date"),
    ],
)
def test_what_is_no_date_is_named_with_its_row(texts, row, what):
    with pytest.raises(IntegrityError, match=rf"x\.csv: column 'date', data row {row}: {what}"):
        read(*texts)


@pytest.mark.parametrize("text", ["2020-01-31 25:61", "2020-01-31T16:75:00", "2020-01-31 31:00"])
def test_an_impossible_time_of_day_is_no_stamp(text):
    with pytest.raises(IntegrityError, match="is not a date that can be read"):
        read("2020-01-30 23:59", text)


@pytest.mark.parametrize(
    "date_format", ["%d/%m/%Y", "%d/%m/%Y %H:%M", "%d/%m/%YT%H:%M:%S", "%d/%m/%Y %I:%M %p"]
)
def test_a_format_may_have_the_time_of_day_that_is_read_apart(date_format):
    texts = _encode_texts(["03/04/2020 09:30", "04/04/2020 16:00"])
    rows = read_dates("x.csv", "date", texts, date_format).rows
    assert [f"{day:%Y-%m-%d}" for day in rows] == ["2020-04-03", "2020-04-04"]

"""Files of series and tables: which day a stamp means, when it was known, and what is refused."""

import bz2
import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market.errors import IntegrityError, SourceError
from market.readers.dated.lags import add_lag, parse_age, parse_lag
from market.readers.dated.series import load_series
from market.readers.dated.settings import DatedSettings
from market.readers.dated.tables import load_tables


@pytest.fixture
def write(tmp_path):
    def write(text, name="file.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def read(path, name="x", known_by=None, **settings):
    if "known_at" not in settings:
        settings = {"lag": "1 month", **settings}
    return load_series(path, name, DatedSettings(**settings), known_by=known_by)


def one(path, **settings):
    series, _ = read(path, **settings)
    (only,) = series.values()
    return only


def days(dates):
    return [f"{date:%Y-%m-%d}" for date in dates]


def column(name, stamps, values=None):
    values = np.arange(1.0, len(stamps) + 1) if values is None else values
    return f"{name},v\n" + "".join(f"{stamp},{value}\n" for stamp, value in zip(stamps, values, strict=True))


MONTHS = ["2020-01-31", "2020-02-29", "2020-03-31", "2020-04-30"]
QUARTERS = ["2020-03-31", "2020-06-30", "2020-09-30", "2020-12-31"]


@pytest.mark.parametrize(
    ("name", "stamps", "ends", "months", "reading"),
    [
        (
            "date",
            [f"2020-0{m}-01" for m in (1, 2, 3, 4)],
            MONTHS,
            1,
            "first days of a month, dated at its end",
        ),
        ("date", MONTHS, MONTHS, 1, "each date is the day"),
        ("date", ["2020-01-31", "2020-02-28", "2020-03-31", "2020-04-30"], None, 1, "each date is the day"),
        ("yyyymm", ["202001", "202002", "202003", "202004"], MONTHS, 1, "months are dated at their last day"),
        (
            "month",
            ["2020-01", "2020-02", "2020-03", "2020-04"],
            MONTHS,
            1,
            "months are dated at their last day",
        ),
        ("m", ["2020M1", "2020M2", "2020M3", "2020M4"], MONTHS, 1, "months are dated at their last day"),
        ("sasdate", ["1/1/2020", "2/1/2020", "3/1/2020", "4/1/2020"], MONTHS, 1, "first days of a month"),
        ("yyyyq", ["20201", "20202", "20203", "20204"], QUARTERS, 3, "quarters are dated at their last day"),
        (
            "date",
            ["2020Q1", "2020Q2", "2020Q3", "2020Q4"],
            QUARTERS,
            3,
            "quarters are dated at their last day",
        ),
        ("date", ["Q1 2020", "Q2 2020", "Q3 2020", "Q4 2020"], QUARTERS, 3, "quarters are dated"),
        (
            "date",
            ["2020-01-01", "2020-04-01", "2020-07-01", "2020-10-01"],
            QUARTERS,
            3,
            "first days of a quarter",
        ),
        (
            "date",
            ["2017", "2018", "2019", "2020"],
            [f"{y}-12-31" for y in range(2017, 2021)],
            12,
            "years are dated",
        ),
        ("date", ["2020-01-03", "2020-01-10", "2020-01-17", "2020-01-24"], None, 0, "each date is the day"),
        ("date", ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"], None, 0, "each date is the day"),
    ],
)
def test_stamps_are_the_ends_of_their_periods(write, name, stamps, ends, months, reading):
    path = write(column(name, stamps))
    series, findings = read(path)
    assert days(series["x"].observed_at) == (stamps if ends is None else ends)
    assert series["x"].period_months == months
    notes = [finding for finding in findings if finding.check == "interpretation"]
    assert [finding.severity for finding in notes] == ["note"] * len(notes)
    assert sum(reading in finding.message for finding in notes) == 1


@pytest.mark.parametrize(
    ("name", "stamps", "says"),
    [
        (
            "date",
            ["2020-01-02", "2020-02-03", "2020-03-02", "2020-04-01"],
            "neither first nor last days of a month",
        ),
        (
            "date",
            ["2020-01-15", "2020-02-15", "2020-03-15", "2020-04-15"],
            "neither first nor last days of a month",
        ),
        ("date", ["2020-01-06", "2020-01-13", "2020-01-20", "2020-01-27"], "weekly dates on Mondays"),
        ("date", ["2020-01-01"], "may stand for the day or for its whole period"),
        (
            "stamp",
            ["20201", "20202", "20203", "20204"],
            "may be a year and a quarter, or a day number of Excel",
        ),
        ("date", ["1/2/2020", "2/3/2020", "3/4/2020", "5/6/2020"], "may be day/month or month/day"),
    ],
)
def test_stamps_with_two_readings_are_refused(write, name, stamps, says):
    with pytest.raises(SourceError, match=says):
        read(write(column(name, stamps)), max_age="3 months")


def test_stamps_says_which_day_of_its_period_a_date_is(write):
    path = write(column("date", ["2020-01-06", "2020-01-13", "2020-01-20", "2020-01-27"]))
    assert days(one(path, stamps="period_start").observed_at)[0] == "2020-01-12"
    assert days(one(path, stamps="period_end").observed_at)[0] == "2020-01-06"
    first = write(column("date", ["2020-01-01", "2020-02-01", "2020-03-01"]))
    assert days(one(first, stamps="period_end").observed_at)[0] == "2020-01-01"
    events = write(column("date", ["2020-01-01", "2020-01-21", "2020-03-03"]))
    with pytest.raises(SourceError, match="the length of a period is unknown"):
        one(events, stamps="period_start", max_age="1 year")


def test_later_rows_never_change_how_stamps_are_read(write):
    monthly = [f"{date:%Y-%m-01}" for date in pd.date_range("2000-01-31", periods=30, freq="ME")]
    whole = one(write(column("date", [*monthly, "2002-09-01", "2003-01-01"])))
    part = one(write(column("date", monthly)))
    assert days(whole.observed_at) == [*days(part.observed_at), "2002-09-30", "2003-01-31"]
    assert (whole.period_months, whole.max_age_days) == (part.period_months, part.max_age_days)
    with pytest.raises(IntegrityError, match="data row 31: 2002-07-15 is no first day of a month"):
        one(write(column("date", [*monthly, "2002-07-15"])))
    assert days(one(write(column("date", [*monthly, "2002-07-15"])), stamps="period_start").observed_at)[
        -1
    ] == ("2002-07-31")


@pytest.mark.parametrize(
    ("lag", "known"),
    [
        ("1 month", ["2020-02-29", "2020-03-31", "2020-04-30", "2020-05-31"]),
        ("1 quarter", ["2020-04-30", "2020-05-31", "2020-06-30", "2020-07-31"]),
        ("10 days", ["2020-02-10", "2020-03-10", "2020-04-10", "2020-05-10"]),
        ("2 weeks", ["2020-02-14", "2020-03-14", "2020-04-14", "2020-05-14"]),
        ("1 observation", ["2020-02-29", "2020-03-31", "2020-04-30", "2020-05-31"]),
        ("next business day", ["2020-02-03", "2020-03-02", "2020-04-01", "2020-05-01"]),
        ("0 days", MONTHS),
    ],
)
def test_a_lag_counts_from_the_end_of_the_period(write, lag, known):
    series = one(write(column("date", [f"2020-0{m}-01" for m in (1, 2, 3, 4)])), lag=lag)
    assert days(series.known_at) == known


def test_an_observation_of_irregular_dates_is_known_at_the_next_one(write):
    path = write(column("date", ["2020-01-03", "2020-01-20", "2020-03-05"]))
    series = one(path, lag="1 observation", max_age="1 year")
    assert days(series.known_at) == ["2020-01-20", "2020-03-05"]
    assert series.values.tolist() == [1.0, 2.0]


def test_next_business_day_from_a_weekend_is_monday():
    ends = pd.DatetimeIndex(["2020-01-03", "2020-01-04", "2020-01-05", "2020-01-06"])
    assert days(add_lag(ends, parse_lag("next business day"), 0)) == ["2020-01-06"] * 3 + ["2020-01-07"]


@pytest.mark.parametrize("text", ["1", "month", "-1 days", "soon", "1.5 months", "next day"])
def test_other_lags_are_refused(text):
    with pytest.raises(ValueError, match="is no lag; expected 1 month"):
        parse_lag(text)


def test_ages_are_days():
    assert [parse_age(text) for text in ("10 days", "18 months", "2 years", "1 week")] == [10, 558, 732, 7]
    for text in ("0 days", "2 observations", "long"):
        with pytest.raises(ValueError, match="is no age"):
            parse_age(text)


@pytest.mark.parametrize("settings", [{}, {"lag": "1 month", "known_at": "date"}])
def test_a_file_must_say_once_when_its_values_were_known(write, settings):
    with pytest.raises(
        SourceError, match=r"when was a value known.*0 days .each value is known at the close"
    ):
        load_series(write(column("date", MONTHS)), "x", DatedSettings(**settings))


VINTAGES = """observation_date,cpi,release_date
2020-01-01,100,2020-02-13
2020-02-01,101,2020-03-11
2020-01-01,100,2020-03-11
2020-01-01,99,2020-04-10
2020-03-01,102,2020-04-10
"""


def test_vintages_are_kept_and_repeated_values_are_not(write):
    series = one(write(VINTAGES), column="cpi", known_at="release_date", max_age="4 months")
    assert series.values.tolist() == [100, 101, 99, 102]
    dates = pd.DatetimeIndex(["2020-02-12", "2020-02-13", "2020-03-31", "2020-04-30"])
    np.testing.assert_array_equal(series.at(dates), [np.nan, 100, 101, 102])
    np.testing.assert_array_equal(series.at(dates, "change_1"), [np.nan, np.nan, 1, 1])
    np.testing.assert_array_equal(series.at(dates, "change_2"), [np.nan, np.nan, np.nan, 3])
    np.testing.assert_array_equal(series.at(dates, "surprise"), [np.nan, np.nan, np.nan, -1])
    early, _ = read(
        write(VINTAGES), column="cpi", known_at="release_date", known_by=dates[2], max_age="4 months"
    )
    assert early["x"].values.tolist() == [100, 101]


def test_a_time_of_day_may_come_after_the_close(write):
    path = write("date,v,filed\n2020-01-15,1,2020-02-13 16:30\n2020-03-15,2,2020-05-04\n")
    series, findings = read(path, column="v", known_at="filed", max_age="1 year", stamps="period_end")
    assert days(series["x"].known_at) == ["2020-02-14", "2020-05-04"]
    assert any("count as known on the next day" in finding.message for finding in findings)


@pytest.mark.parametrize(
    ("text", "settings", "says"),
    [
        (
            VINTAGES.replace("2020-02-13", "2020-01-20"),
            {"column": "cpi", "known_at": "release_date"},
            "period that ends on 2020-01-31 is said to be known on 2020-01-20, before that",
        ),
        (
            VINTAGES.replace("2020-01-01,100,2020-03-11", "2020-02-01,100,2020-03-11"),
            {"column": "cpi", "known_at": "release_date"},
            "two values of 2020-02-29 are known from 2020-03-11 on; keep one of them",
        ),
        (
            VINTAGES,
            {"column": "cpi"},
            "two values of 2020-01-31 .* name the column that tells their publication",
        ),
        (
            VINTAGES.replace("100,2020-02-13", "100,"),
            {"column": "cpi", "known_at": "release_date"},
            "no date",
        ),
        (VINTAGES.replace("101", "inf"), {"column": "cpi", "known_at": "release_date"}, "inf"),
        (VINTAGES.replace("101", "n/b"), {"column": "cpi", "known_at": "release_date"}, "'n/b'"),
    ],
)
def test_impossible_rows_are_named(write, text, settings, says):
    with pytest.raises(IntegrityError, match=says):
        read(write(text), **settings)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"column": "cpo"}, "column: no column 'cpo'; did you mean 'cpi'"),
        ({"known_at": "released"}, "known_at: no column 'released'; did you mean 'release_date'"),
        ({}, "which column holds the values"),
        ({"columns": ("cpi", "observation_date")}, "cannot hold dates or assets and the values too"),
    ],
)
def test_wrong_columns_are_named(write, settings, says):
    with pytest.raises(SourceError, match=says):
        read(write(VINTAGES), **settings)


def test_irregular_dates_need_a_max_age(write):
    path = write(column("date", ["2020-01-03", "2020-01-20", "2020-03-05"]))
    with pytest.raises(SourceError, match="such as max_age: 18 months"):
        one(path)
    assert one(path, max_age="18 months").max_age_days == 558


FRED_MD = """sasdate,INDPRO,UNRATE,S&P 500,NOTE
Transform:,5,2,6,
1/1/2020,100,4,10,a
2/1/2020,102,5,11,b
3/1/2020,101,,13,c
4/1/2020,103,7,,d
,,,,
"""


def test_all_columns_of_fred_md_with_its_line_of_codes(write):
    series, findings = read(write(FRED_MD), "fred", columns="all")
    assert {name: each.transform for name, each in series.items()} == {
        "fred_INDPRO": "log_change_1",
        "fred_UNRATE": "change_1",
        "fred_S_P_500": "second_log_change",
    }
    dates = pd.DatetimeIndex(["2020-03-31", "2020-04-30", "2020-05-31"])
    np.testing.assert_allclose(
        series["fred_INDPRO"].at(dates), [np.log(1.02), np.log(101 / 102), np.log(103 / 101)]
    )
    # March has no rate of unemployment: February's is the newest in April, and April's has no month before it.
    np.testing.assert_array_equal(series["fred_UNRATE"].at(dates), [1, 1, np.nan])
    messages = [finding.message for finding in findings]
    assert any(
        "transformed by the file's own line of codes (log_change_1, change_1" in text for text in messages
    )
    assert any("column 'NOTE' holds no number" in text for text in messages)
    plain, _ = read(write(FRED_MD), "fred", columns=("UNRATE",), transform="level")
    assert plain["fred_UNRATE"].transform == "level"
    with pytest.raises(SourceError, match="'UNRATE' has the transform code 9, expected 1 to 7"):
        read(write(FRED_MD.replace("5,2,6", "5,9,6")), "fred", columns="all")


def test_rows_newest_first_and_other_containers(write, tmp_path):
    stamps = [f"2020-0{m}-01" for m in (4, 3, 2, 1)]
    path = write(column("Date", stamps, [4.0, 3.0, 2.0, 1.0]))
    wanted = one(path)
    assert wanted.values.tolist() == [1, 2, 3, 4]
    packed = tmp_path / "file.csv.bz2"
    packed.write_bytes(bz2.compress(path.read_bytes()))
    parquet = tmp_path / "file.parquet"
    table = {"Date": pa.array([dt.date.fromisoformat(text) for text in stamps]), "v": [4.0, 3.0, 2.0, 1.0]}
    pq.write_table(pa.table(table), parquet)
    for other in (packed, parquet):
        series = one(other)
        assert days(series.known_at) == days(wanted.known_at)
        assert series.values.tolist() == wanted.values.tolist()


LONG = """fiscal_end,ticker,ey,filed
2019-12-31,AAA,0.05,2020-02-20
2019-12-31,BBB,0.07,2020-03-02
2020-03-31,AAA,0.04,2020-05-11
2019-12-31,AAA,0.06,2020-05-11
2020-03-31,ZZZ,0.04,2020-05-11
"""


def load(path, assets=("BBB", "AAA", "CCC"), **settings):
    settings = {"known_at": "filed", "max_age": "18 months", "date_column": "fiscal_end", **settings}
    return load_tables(path, "ey", DatedSettings(**settings), assets)


def test_a_long_table_of_fundamentals(write):
    tables, findings = load(write(LONG), column="ey")
    dates = pd.DatetimeIndex(["2020-02-19", "2020-02-20", "2020-03-02", "2020-05-11", "2022-01-01"])
    expected = [[np.nan, np.nan], [np.nan, 0.05], [0.07, 0.05], [0.07, 0.04], [np.nan, np.nan]]
    np.testing.assert_array_equal(tables["ey"].at(dates)[:, :2], expected)
    assert np.isnan(tables["ey"].at(dates)[:, 2]).all()
    assert any("1 asset that the prices do not have are left out" in f.message for f in findings)


def test_a_wide_table(write):
    path = write("date,AAA,BBB,other\n2020-01-31,1,2,x\n2020-02-29,3,,y\n2020-03-31,4,5,z\n")
    with pytest.raises(
        SourceError, match="say after which age a value counts as missing, such as max_age: 18 months"
    ):
        load_tables(path, "s", DatedSettings(lag="0 days"), ("BBB", "AAA"))
    tables, _ = load_tables(path, "s", DatedSettings(lag="0 days", max_age="3 months"), ("BBB", "AAA"))
    dates = pd.DatetimeIndex(["2020-01-31", "2020-02-29"])
    np.testing.assert_array_equal(tables["s"].at(dates), [[2, 1], [2, 3]])


@pytest.mark.parametrize(
    ("text", "settings", "error", "says"),
    [
        (
            LONG.replace("2020-02-20", "2019-12-01"),
            {},
            IntegrityError,
            "value of 'AAA' .* known on 2019-12-01, before",
        ),
        (
            LONG.replace("BBB", "AAA").replace("2020-03-02", "2020-02-20"),
            {},
            IntegrityError,
            "two values of 'AAA'",
        ),
        (
            LONG.replace("AAA", "aaa"),
            {},
            IntegrityError,
            "'aaa' differs from the asset 'AAA' only in capital letters",
        ),
        (
            LONG.replace("AAA", "X").replace("BBB", "Y"),
            {},
            SourceError,
            "none of its assets is one of the panel",
        ),
        (LONG.replace(",filed", ",known"), {}, SourceError, "known_at: no column 'filed'"),
        (
            LONG,
            {"asset_column": "tickr"},
            SourceError,
            "asset_column: no column 'tickr'; did you mean 'ticker'",
        ),
        (LONG, {"lag": "1 observation", "known_at": None}, SourceError, "observations of a table"),
    ],
)
def test_impossible_tables_are_refused(write, text, settings, error, says):
    with pytest.raises(error, match=says):
        load(write(text), column="ey", **settings)


def test_files_without_values_or_columns_are_refused(write):
    with pytest.raises(IntegrityError, match="no row holds a value in 'v'"):
        one(write("date,v\n"))
    with pytest.raises(IntegrityError, match="no row holds a value in 'v'"):
        one(write("date,v\n2020-01-31,\n2020-02-29,\n"))
    with pytest.raises(SourceError, match="it has the column 'date' alone"):
        one(write("date\n2020-01-31\n"))


def test_columns_that_are_vintages_are_refused(write):
    path = write(
        "observation_date,CPI_20200114,CPI_20200213\n2019-12-01,1,2\n2020-01-01,1,2\n2020-02-01,,2\n"
    )
    with pytest.raises(
        SourceError, match=r"look like vintages of 'CPI' .ALFRED., each known from the date in its name"
    ):
        read(path, columns="all")


def test_a_history_that_is_published_later_does_not_change_how_a_series_is_read(write):
    months = pd.date_range("2015-01-31", periods=30, freq="ME")
    lines = [f"{day:%Y-%m-%d},{day + pd.Timedelta(days=10):%Y-%m-%d},1.5" for day in months]
    first = one(write("\n".join(["date,known,v", *lines])), known_at="known", column="v")
    quarters = pd.date_range("2000-03-31", periods=50, freq="QE")
    later = [f"{day:%Y-%m-%d},2018-02-01,2.5" for day in quarters]
    whole = one(write("\n".join(["date,known,v", *later, *lines])), known_at="known", column="v")
    assert (whole.max_age_days, whole.period_months) == (first.max_age_days, first.period_months) == (93, 1)
    before = whole.known_by(pd.Timestamp("2018-01-31"))
    assert before.known_at.tolist() == first.known_at.tolist()
    assert before.observed_at.tolist() == first.observed_at.tolist()


def test_first_days_of_months_of_one_year_may_be_days_of_january(write):
    text = "date,v\n2/1/2024,1\n3/1/2024,2\n4/1/2024,3\n5/1/2024,4\n"
    with pytest.raises(SourceError, match="may be first days of months or days of January"):
        one(write(text))
    assert one(write(text + "2/1/2025,5\n")).observed_at[-1] == pd.Timestamp("2025-02-28")
    months = one(write(text), stamps="period_start")
    assert [f"{day:%m-%d}" for day in months.observed_at] == ["02-29", "03-31", "04-30", "05-31"]
    days = one(write(text + "8/1/2024,5\n15/1/2024,6\n"), lag="1 day")
    assert [day.day for day in days.observed_at] == [2, 3, 4, 5, 8, 15]
    assert (days.observed_at.month == 1).all()

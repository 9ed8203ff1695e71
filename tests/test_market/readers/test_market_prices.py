"""The user's files: what they become, and every message that they can cause."""

import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from market.errors import DataError, IntegrityError, SourceError
from market.load import load_panel
from market.readers.prices import FileSettings
from market.values.returns import simple_returns

WIDE = "date,A,B\n2020-01-01,100,10\n2020-01-02,110,11\n2020-01-03,99,12.1\n"


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Write a file into the working folder and return its name."""
    monkeypatch.chdir(tmp_path)

    def write(text, name="x.csv"):
        data = text if isinstance(text, bytes) else text.encode()
        (tmp_path / name).write_bytes(data)
        return name

    return write


def panel_of(name, **options):
    return load_panel("prices", path=name, settings=FileSettings(**options))[0]


# returns


def slow_returns(prices):
    """One asset, one row at a time, remembering the last price."""
    out = np.full(prices.shape, np.nan)
    for column in range(prices.shape[1]):
        last = None
        for row in range(prices.shape[0]):
            price = prices[row, column]
            if np.isnan(price):
                continue
            if last is not None:
                out[row, column] = price / last - 1.0
            last = price
    return out


holed = arrays(
    np.float64,
    st.tuples(st.integers(1, 25), st.integers(1, 4)),
    elements=st.one_of(st.just(np.nan), st.floats(0.01, 1e6)),
)


@settings(max_examples=200, deadline=None)
@given(holed, st.integers(0, 25))
def test_returns_equal_the_slow_loop_and_ignore_the_future(prices, cut):
    returns = simple_returns(prices)
    np.testing.assert_array_equal(returns, slow_returns(prices))
    np.testing.assert_array_equal(returns[:cut], simple_returns(prices[:cut]))


def test_returns_equal_pandas_without_holes():
    prices = np.random.default_rng(0).uniform(1, 2, (50, 3))
    np.testing.assert_allclose(
        simple_returns(prices), pd.DataFrame(prices).pct_change().to_numpy(), atol=1e-15
    )


def test_the_return_over_a_hole_lands_after_it():
    prices = np.array([[100.0], [np.nan], [np.nan], [121.0]])
    np.testing.assert_allclose(simple_returns(prices)[:, 0], [np.nan, np.nan, np.nan, 0.21])


# wide


def test_wide_prices(file):
    panel, findings = load_panel("prices", path=file(WIDE))
    assert panel.name == "prices"
    assert panel.assets == ("A", "B")
    assert [f"{day:%Y-%m-%d}" for day in panel.dates] == ["2020-01-02", "2020-01-03"]
    np.testing.assert_allclose(panel.returns, [[0.1, 0.1], [-0.1, 0.1]])
    assert panel.cash.tolist() == [0.0, 0.0]
    np.testing.assert_allclose(panel.market, [0.1, 0.0], atol=1e-15)
    assert panel.periods_per_year == 252
    assert panel.volume is None
    assert findings == ()
    assert len(panel.notes) == 3
    assert "cash earns 0" in panel.notes[0]
    assert "equally weighted" in panel.notes[1]
    assert "No traded prices" in panel.notes[2]


def test_cash_and_market_columns_are_no_assets(file):
    text = "date,A,rf,idx\n2020-01-31,100,,50\n2020-02-29,110,0.001,55\n2020-03-31,99,0.002,44\n"
    panel = panel_of(file(text), cash="rf", market="idx")
    assert panel.assets == ("A",)
    assert panel.cash.tolist() == [0.001, 0.002]
    np.testing.assert_allclose(panel.market, [0.1, -0.2])
    assert [note.partition(":")[0] for note in panel.notes] == ["No traded prices were named"]
    assert panel.periods_per_year == 12


def test_returns_keep_their_first_row(file):
    text = "date,A,B,m\n2020-01-31,0.01,,0.03\n2020-02-29,-0.02,0.05,0.01\n"
    panel = panel_of(file(text), values="returns", market="m")
    np.testing.assert_array_equal(panel.returns, [[0.01, np.nan], [-0.02, 0.05]])
    np.testing.assert_array_equal(panel.market, [0.03, 0.01])


def test_births_deaths_and_holes_stay(file):
    rows = [
        "2020-01-01,100,,10",
        "2020-01-02,110,,11",
        "2020-01-03,,20,12",
        "2020-01-06,121,22,",
        "2020-01-07,121,33,",
    ]
    text = "\n".join(["date,A,B,C", *rows, ""])
    panel, findings = load_panel("prices", path=file(text))
    nan = np.nan
    np.testing.assert_allclose(
        panel.returns, [[0.1, nan, 0.1], [nan, nan, 12 / 11 - 1], [0.1, 0.1, nan], [0.0, 0.5, nan]]
    )
    np.testing.assert_allclose(panel.market, [0.1, 12 / 11 - 1, 0.1, 0.25])
    assert {f.check: f.asset for f in findings if f.check != "possible split"} == {
        "missing value": "A", "starts late": "B", "ends early": "C",
    }  # fmt: skip


def test_a_row_without_values_is_left_out_and_noted(file):
    text = "date,A\n2020-01-01,100\n2020-01-02,\n2020-01-03,110\n2020-01-06,99\n"
    panel, findings = load_panel("prices", path=file(text))
    assert [day.day for day in panel.dates] == [3, 6]
    assert [(f.check, f.severity, f.date.day) for f in findings] == [("empty row", "note", 2)]


def test_newest_first_is_turned_round(file):
    text = "date,A\n2020-01-03,99\n2020-01-02,110\n2020-01-01,100\n"
    panel, findings = load_panel("prices", path=file(text))
    np.testing.assert_allclose(panel.returns[:, 0], [0.1, -0.1])
    assert [f.check for f in findings] == ["unsorted dates"]


def test_an_index_without_a_name_is_the_date(file):
    assert panel_of(file(WIDE.replace("date", ""))).assets == ("A", "B")


def test_the_date_column_can_be_named(file):
    name = file("A,when\n100,2020-01-01\n110,2020-01-02\n")
    assert panel_of(name, date_column="when").assets == ("A",)
    with pytest.raises(SourceError, match=r"no date column: expected one called 'date'.*found 'A', 'when'"):
        panel_of(name)
    with pytest.raises(SourceError, match="no date column 'wen'; did you mean 'when'"):
        panel_of(name, date_column="wen")


def test_no_value_has_many_names_and_bytes_of_order_mark(file):
    text = (
        b"\xef\xbb\xbfDate,A\n2020-01-01,100\n2020-01-02,NA\n2020-01-03,\n2020-01-06,nan\n2020-01-07,121\n\n"
    )
    panel = panel_of(file(text))
    np.testing.assert_allclose(panel.returns[:, 0], [0.21])


def test_compressed_csv(file):
    assert panel_of(file(gzip.compress(WIDE.encode()), "x.csv.gz")).returns.shape == (2, 2)


def test_times_of_day_are_dropped(file):
    text = "Datetime,A\n2020-01-02 00:00:00-05:00,100\n2020-01-03 00:00:00-05:00,110\n"
    assert panel_of(file(text)).dates[0] == pd.Timestamp("2020-01-03")


@pytest.mark.parametrize("freq, periods", [("B", 252), ("W-FRI", 52), ("ME", 12), ("D", 365)])
def test_periods_per_year(file, freq, periods):
    dates = pd.date_range("2020-01-10", periods=30, freq=freq)
    text = "date,A\n" + "".join(f"{day:%Y-%m-%d},{100 + i}\n" for i, day in enumerate(dates))
    assert panel_of(file(text)).periods_per_year == periods


def test_numbers_are_read_exactly(file):
    values = np.random.default_rng(0).uniform(-0.5, 0.5, 50)
    dates = pd.bdate_range("2020-01-01", periods=50)
    text = "date,A\n" + "".join(
        f"{day:%Y-%m-%d},{value!r}\n" for day, value in zip(dates, values.tolist(), strict=True)
    )
    assert panel_of(file(text), values="returns").returns[:, 0].tolist() == values.tolist()


# long


LONG = (
    "date,asset,price,volume\n2020-01-01,B,10,1\n2020-01-01,A,100,5\n2020-01-02,A,110,6\n"
    "2020-01-02,B,11,2\n2020-01-03,A,99,7\n2020-01-03,B,12.1,\n"
)


def test_long_equals_wide(file):
    wide, long = panel_of(file(WIDE)), panel_of(file(LONG, "long.csv"))
    assert long.assets == wide.assets
    np.testing.assert_array_equal(long.returns, wide.returns)
    np.testing.assert_array_equal(long.volume, [[6, 2], [7, np.nan]])


def test_the_order_of_rows_of_a_long_file_does_not_matter(file):
    head, *rows = LONG.splitlines()
    shuffled = "\n".join([head, *rows[::-1]])
    assert panel_of(file(LONG)).digest() == panel_of(file(shuffled, "y.csv")).digest()


def test_long_returns_with_cash_and_market(file):
    rows = ["2020-01-31,A,0.01", "2020-01-31,BILL,0.001", "2020-01-31,IDX,0.02"]
    rows += ["2020-02-29,A,0.03", "2020-02-29,BILL,0.002", "2020-02-29,IDX,-0.02"]
    name = file("Date,Ticker,Return\n" + "\n".join(rows))
    panel = panel_of(name, values="returns", cash="BILL", market="IDX")
    assert panel.assets == ("A",)
    assert panel.cash.tolist() == [0.001, 0.002]
    assert panel.market.tolist() == [0.02, -0.02]


def test_a_ticker_may_be_called_na(file):
    text = "date,asset,price\n2020-01-01,NA,10\n2020-01-02,NA,11\n"
    assert panel_of(file(text)).assets == ("NA",)


def test_a_long_file_needs_a_column_of_assets(file):
    name = file("date,close,B\n2020-01-01,1,2\n2020-01-02,1.1,2\n")
    with pytest.raises(SourceError, match="a long table of prices needs a column called 'asset', 'symbol'"):
        panel_of(name, layout="long")


@pytest.mark.parametrize(
    "text, message",
    [
        (LONG + "2020-01-03,B,12.2,\n", r"x\.csv: asset 'B' has more than one row at 2020-01-03.*data row 7"),
        (LONG + "2020-01-04,,12.2,\n", r"x\.csv: data row 7, 2020-01-04: no asset name"),
        (
            LONG.replace("99", "no"),
            r"column 'price', data row 5 \(2020-01-03\): expected a number, found 'no'",
        ),
        (LONG.replace(",7", ",-7"), r"column 'A', 2020-01-03: volume is -7, expected 0 or more"),
        (LONG.replace("99", "0"), r"column 'A', 2020-01-03: price is 0"),
    ],
)
def test_long_files_that_are_wrong(file, text, message):
    with pytest.raises(IntegrityError, match=message):
        panel_of(file(text))


def test_a_long_file_of_returns_is_not_taken_for_prices(file):
    name = file(LONG.replace("price", "return"))
    with pytest.raises(
        SourceError,
        match=r"a long table of prices needs a column called 'price'.*found 'date', 'asset', 'return'",
    ):
        panel_of(name)


# Parquet


def test_parquet_equals_csv(file):
    csv = panel_of(file(WIDE))
    frame = pd.read_csv("x.csv", parse_dates=["date"])
    frame.to_parquet("columns.parquet")
    frame.set_index("date").to_parquet("index.parquet")
    frame.assign(date=frame["date"].dt.tz_localize("America/New_York")).to_parquet("zone.parquet")
    frame.assign(date=frame["date"].dt.date).to_parquet("days.parquet")
    frame.astype({"A": "float32", "B": "string"}).to_parquet("kinds.parquet")
    for name in ("columns", "index", "zone", "days"):
        assert panel_of(f"{name}.parquet").digest() == csv.digest(), name
    np.testing.assert_allclose(panel_of("kinds.parquet").returns, csv.returns, rtol=1e-6)


def test_long_parquet_with_categories(file):
    csv = panel_of(file(LONG))
    frame = pd.read_csv("x.csv", parse_dates=["date"]).astype({"asset": "category"})
    frame.to_parquet("x.parquet")
    assert panel_of("x.parquet").digest() == csv.digest()


def test_text_in_parquet(file):
    file("")
    frame = pd.DataFrame(
        {"date": pd.bdate_range("2020-01-01", periods=3), "A": ["1", "x", "y"], "B": [True] * 3}
    )
    frame.to_parquet("x.parquet")
    message = (
        r"x\.parquet: column 'A', data row 2 \(2020-01-02\): .* found 'x' \(2 such cells\) \(1 more fatal"
    )
    with pytest.raises(IntegrityError, match=message):
        panel_of("x.parquet")


def test_no_date_in_parquet(file):
    pd.DataFrame({"date": [pd.Timestamp("2020-01-01"), pd.NaT], "A": [1.0, 2.0]}).to_parquet(
        file("", "x.parquet")
    )
    with pytest.raises(IntegrityError, match="data row 2: no date"):
        panel_of("x.parquet")


# files that cannot be read


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("x.csv", "", r"^x\.csv: the file is empty"),
        ("x.csv", "\n\n", r"^x\.csv: no column names"),
        ("x.csv", "date,A\n", r"^x\.csv: .*"),
        ("x.csv", "date,A\n2020-01-01,1\n", r"^x\.csv: 1 date, expected at least 2"),
        ("x.csv", "date\n2020-01-01\n2020-01-02\n", r"^x\.csv: no asset: 'date' is the only column"),
        ("x.csv", "date,A,A\n2020-01-01,1,2\n", r"^x\.csv: two columns are named 'A'"),
        ("x.csv", "date,A,\n2020-01-01,1,\n", r"^x\.csv: column 3 has no name"),
        (
            "x.csv",
            "date,A\n2020-01-01,1\n2020-01-02,1,5\n",
            r"^x\.csv: cannot be read as a table: .*Expected 2 columns",
        ),
        ("x.csv", b"date,\xe9\n2020-01-01,1\n", r"^x\.csv: cannot be read as a table: .*utf-8"),
        ("x.csv", b"date,A\n2020-01-01,\xe9\n", r"^x\.csv: cannot be read as a table: .*utf-8"),
        ("x.csv", "date,A,B\n2020-01-01,1,\n2020-01-02,2,\n", r"^x\.csv: column 'B' holds no number at all"),
        ("x.csv", "date,A\n2020-01-01,1\n2020-01-02,\n2020-01-03,\n", r"^x\.csv: 1 date"),
        ("x.csv", "date,A,B\n2020-01-01,1,\n2020-01-02,,1\n", r"^x\.csv: no asset has two prices"),
        ("x.parquet", b"not parquet", r"^x\.parquet: cannot be read as a table: .*[Pp]arquet"),
        ("x.parquet", b"", r"^x\.parquet: the file is empty"),
        ("x.csv.gz", b"date,A\n1,2\n", r"^x\.csv\.gz: cannot be read as a table"),
        ("x.xlsx", b"PK", r"^x\.xlsx: no Excel workbook"),
        (
            "x.csv",
            "date,A\n2020-01-01,1\n2020-06-01,1\n2021-01-01,1\n",
            r"^x\.csv: the median distance between dates",
        ),
    ],
)
def test_files_that_are_no_table(file, name, content, message):
    file(content, name)
    with pytest.raises(DataError, match=message):
        panel_of(name)


def test_a_missing_file_and_a_folder(file, tmp_path):
    with pytest.raises(SourceError, match=r"^data/none\.csv: does not exist; expected a CSV or Parquet file"):
        panel_of("data/none.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(SourceError, match="is a folder"):
        panel_of(str(tmp_path / "folder.csv"))


@pytest.mark.parametrize(
    "text, message",
    [
        (
            WIDE.replace("110", "abc"),
            r"^x\.csv: column 'A', data row 2 \(2020-01-02\): expected a number, found 'abc'$",
        ),
        (WIDE.replace("110", "True"), r"found 'True'$"),
        (
            WIDE.replace("110", "x").replace("12.1", "y").replace("99", "z"),
            r"found 'x' \(2 such cells\) \(1 more fatal",
        ),
        (WIDE.replace("110", "-5"), r"^x\.csv: column 'A', 2020-01-02: price is -5, expected more than 0"),
        (WIDE.replace("110", "0"), r"^x\.csv: column 'A', 2020-01-02: price is 0, expected more than 0"),
        (WIDE.replace("110", "inf"), r"^x\.csv: column 'A', 2020-01-02: expected a number, found inf"),
        (WIDE.replace("-03", "-02"), r"^x\.csv: date 2020-01-02 occurs more than once"),
        (WIDE + "2020-01-02,1,1\n", r"^x\.csv: date 2020-01-02 occurs more than once"),
        (
            WIDE + "2019-12-31,1,1\n",
            r"^x\.csv: data row 4 is dated 2019-12-31, before the row above it \(2020-01-03\)",
        ),
        (
            WIDE.replace("2020-01-02", "yesterday"),
            r"^x\.csv: column 'date', data row 2: 'yesterday' is not a date",
        ),
        (WIDE.replace("2020-01-02", ""), r"^x\.csv: column 'date', data row 2: no date"),
    ],
)
def test_files_that_contradict_themselves(file, text, message):
    name = file(text)
    with pytest.raises(IntegrityError, match=message):
        panel_of(name)


def test_text_far_below_the_first_block_of_a_large_file(file):
    dates = pd.bdate_range("1900-01-01", periods=30_000)
    lines = [f"{day:%Y-%m-%d},{100 + i % 7}.123456789012345678901234567890,1" for i, day in enumerate(dates)]
    lines[29_999] = f"{dates[-1]:%Y-%m-%d},oops,1"
    with pytest.raises(IntegrityError, match=r"column 'A', data row 30000 \(2014-12-26\).*'oops'"):
        panel_of(file("date,A,B\n" + "\n".join(lines)))


def test_ambiguous_dates(file):
    with pytest.raises(
        SourceError, match=r"^x\.csv: column 'date': '01/02/2020' may be day/month or month/day"
    ):
        panel_of(file("date,A\n01/02/2020,1\n01/03/2020,2\n"))


def test_wrong_roles(file):
    name = file(WIDE)
    with pytest.raises(SourceError, match="no cash column 'rf'; known: A, B"):
        panel_of(name, cash="rf")
    with pytest.raises(SourceError, match="no market column 'b'; did you mean 'B'"):
        panel_of(name, market="b")
    with pytest.raises(SourceError, match="'A' is named as cash and as market"):
        panel_of(name, cash="A", market="A")
    with pytest.raises(SourceError, match="no asset is left"):
        panel_of(file("date,A\n2020-01-01,1\n2020-01-02,2\n"), market="A")
    with pytest.raises(SourceError, match="no asset is left"):
        panel_of(file(WIDE, "y.csv"), cash="B", market="A")


def test_cash_must_be_whole(file):
    with pytest.raises(IntegrityError, match=r"x\.csv: 2020-01-03: cash return is nan"):
        panel_of(file("date,A,rf\n2020-01-01,1,0\n2020-01-02,2,0\n2020-01-03,2,\n"), cash="rf")


def test_percent_returns_are_refused_or_doubted(file):
    with pytest.raises(
        IntegrityError, match=r"return is -1\.2, expected more than -1; the values look like percent"
    ):
        panel_of(file("date,A\n2020-01-31,1.5\n2020-02-29,-1.2\n"), values="returns")
    _, findings = load_panel(
        "prices",
        path=file("date,A\n2020-01-31,0.9\n2020-02-29,-0.8\n"),
        settings=FileSettings(values="returns"),
    )
    assert "percent" in {f.check for f in findings}


# causality


def test_a_longer_file_does_not_change_the_past(file):
    rng = np.random.default_rng(3)
    prices = 100 * np.cumprod(1 + rng.normal(0, 0.01, (40, 3)), axis=0)
    prices[:7, 1] = np.nan
    prices[10:13, 2] = np.nan
    frame = pd.DataFrame(
        prices, columns=list("ABC"), index=pd.bdate_range("2020-01-01", periods=40, name="date")
    )
    frame.to_csv("whole.csv")
    whole = panel_of("whole.csv")
    for n in (20, 30, 39):
        frame[:n].to_csv("part.csv")
        assert panel_of("part.csv").digest() == whole.as_of(frame.index[n - 1]).digest()

"""Files whose columns are not all assets: how they are read, and what refusals say."""

import numpy as np
import pandas as pd
import pytest

from market.errors import DataError, IntegrityError, SourceError
from market.load import load_panel
from market.readers.column_roles import find_asset_fields, find_bar_columns, find_date, is_long_table
from market.readers.prices import FileSettings

DAYS = pd.bdate_range("2021-01-04", periods=30)


@pytest.fixture
def write(tmp_path, monkeypatch):
    """Write lines into a file of the working folder and return its name."""
    monkeypatch.chdir(tmp_path)

    def write_file(*lines, name="x.csv"):
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
        return name

    return write_file


def read(name, known_by=None, **options):
    return load_panel("prices", path=name, known_by=known_by, settings=FileSettings(**options))


def lines_of(header, row, days=DAYS):
    """Return a header and one line per day, made by `row(n)`."""
    return [header, *(f"{day:%Y-%m-%d},{row(n)}" for n, day in enumerate(days))]


def bar(n):
    """Return open, high, low and close of a day."""
    close = 50.0 + np.sin(n)
    return close - 0.1, close + 0.5, close - 0.5, close


def texts(*values):
    return ",".join(f"{value:.6f}" for value in values)


# bars of one asset


@pytest.mark.parametrize(
    "header",
    [
        "Date,Open,High,Low,Close,Adj Close,Volume",
        "date,open,high,low,close,adjClose,volume",
        "timestamp,1. open,2. high,3. low,4. close,5. adjusted close,6. volume",
        "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<Adj. Close>,<VOL>",
        "Date,Open,High,Low,Close*,Adj Close**,Volume",
    ],
)
def test_bars_without_an_asset_are_one_asset_named_after_the_file(write, header):
    lines = lines_of(header, lambda n: texts(*bar(n), 0.9 * bar(n)[3], 1000 + n))
    panel, findings = read(write(*lines, name="KO.csv"))
    close = np.array([bar(n)[3] for n in range(len(DAYS))])
    assert panel.assets == ("KO",)
    np.testing.assert_allclose(panel.returns[:, 0], close[1:] / close[:-1] - 1, atol=1e-6)
    # Bars are brought into the unit of the adjusted close, and volume so that money traded stays the same.
    np.testing.assert_allclose(panel.close[:, 0], 0.9 * close[1:], atol=1e-5)
    np.testing.assert_allclose(panel.high[:, 0], 0.9 * (close[1:] + 0.5), atol=1e-5)
    np.testing.assert_allclose(panel.volume[:, 0] * panel.close[:, 0], (1001 + np.arange(29)) * close[1:])
    notice = next(finding for finding in findings if finding.check == "one asset")
    assert notice.severity == "note"
    assert "read as one asset, called 'KO' after the file: its price is" in notice.message


def test_dividends_and_splits_beside_bars_are_left_out_and_named(write):
    lines = lines_of(
        "Date,Open,High,Low,Close,Volume,Dividends,Stock Splits", lambda n: texts(*bar(n), 7, 0.46, 0.0)
    )
    panel, findings = read(write(*lines, name="PEP.csv"))
    assert panel.assets == ("PEP",)
    message = findings[0].message
    assert "its price is 'Close', which must be adjusted for dividends and splits" in message
    assert "not used: 'Dividends', 'Stock Splits'" in message


@pytest.mark.parametrize(
    ("header", "severity"),
    [
        ("Date,Open,High,Low,Close,Dividends", "note"),
        ("Date,Open,High,Low,Close,year", "warning"),
        ("Date,Open,High,Low,Close,value", "warning"),
    ],
)
def test_a_column_beside_bars_that_may_be_one_of_them_is_warned_of(write, header, severity):
    _, findings = read(write(*lines_of(header, lambda n: texts(*bar(n), 7)), name="KO.csv"))
    assert [finding.severity for finding in findings if finding.check == "ignored column"] == [severity]


def test_bars_newest_first_are_turned_round_as_one(write):
    header, *rows = lines_of("Date,High,Low,Close,Volume", lambda n: texts(*bar(n)[1:], 1000 + n))
    forward = read(write(header, *rows, name="KO.csv"))[0]
    backward, findings = read(write(header, *rows[::-1], name="KO.csv"))
    assert backward.digest() == forward.digest()
    assert [finding.check for finding in findings] == ["one asset", "unsorted dates"]


def test_bars_read_as_of_a_date_are_a_prefix(write):
    lines = lines_of("Date,Open,High,Low,Close,Volume", lambda n: texts(*bar(n), 1000 + n))
    name = write(*lines, name="KO.csv")
    whole, part = read(name)[0], read(name, known_by=DAYS[11])[0]
    assert part.assets == whole.assets == ("KO",)
    np.testing.assert_array_equal(part.returns, whole.returns[:11])
    np.testing.assert_array_equal(part.high, whole.high[:11])


def test_bars_without_a_close_are_refused(write):
    lines = lines_of("Date,Open,High,Low,Volume", lambda n: texts(*bar(n)[:3], 7))
    with pytest.raises(
        SourceError, match="look like bars of one asset, without its close; add a column 'close'"
    ):
        read(write(*lines))


def test_bars_declared_as_returns_are_refused(write):
    lines = lines_of("Date,Open,High,Low,Close,Volume", lambda n: texts(*bar(n), 7))
    with pytest.raises(SourceError, match=r"bars of one asset, which are prices: set data\.values to prices"):
        read(write(*lines), values="returns")


# columns that are no assets beside assets


@pytest.mark.parametrize(
    "column", ["Volume", "Adj Close", "Close", "adjClose", "VWAP", "Trade Count", "Dividends", "Stock Splits"]
)
def test_a_column_of_bars_beside_assets_is_refused(write, column):
    lines = lines_of(f"date,KO,{column}", lambda n: texts(bar(n)[3], 40 + bar(n)[0]))
    with pytest.raises(SourceError, match=rf"^x\.csv: '{column}' beside 'KO': columns with such names hold"):
        read(write(*lines))


@pytest.mark.parametrize(
    "names", [("KO", "KO Volume"), ("KO Open", "PEP Volume"), ("KO Close", "KO Open", "gold")]
)
def test_fields_of_one_asset_beside_other_columns_are_refused(write, names):
    lines = lines_of(
        f"date,{','.join(names)}", lambda n: texts(*(bar(n)[3], 40 + bar(n)[0], 9)[: len(names)])
    )
    with pytest.raises(SourceError, match="hold fields of assets, not assets; keep one column"):
        read(write(*lines))


@pytest.mark.parametrize(
    "names, kind",
    [
        (("KO", "LOW", "OPEN", "VOL", "BID", "PER", "KEY"), "prices"),
        (("Low", "2", "3", "4", "High"), "returns"),
        (("Value", "Growth", "Currency", "Change"), "prices"),
        (("S&P 500 High Beta", "S&P 500 Low Beta", "Dividend Aristocrats"), "prices"),
        (("KO Close", "PEP Close"), "prices"),
    ],
)
def test_names_that_assets_may_bear_are_assets(names, kind):
    assert find_bar_columns(names, kind) == ()
    assert find_asset_fields(names) == ()
    assert not is_long_table(("date", *names), kind)


@pytest.mark.parametrize("index", ["Unnamed: 0", "", "timestamp"])
def test_an_index_beside_the_date_is_left_out_with_a_notice(write, index):
    header, *rows = lines_of("date,AAA,BBB", lambda n: texts(bar(n)[3], 40 + bar(n)[0]))
    plain, _ = read(write(header, *rows))
    panel, findings = read(write(f"{index},{header}", *(f"{n},{row}" for n, row in enumerate(rows))))
    assert panel.digest() == plain.digest()
    assert findings[0].severity == "warning"
    assert (
        "is an index or a date and no asset: left out; the dates are those of 'date'" in findings[0].message
    )


@pytest.mark.parametrize("index", ["", "Unnamed: 0", "__index_level_0__"])
def test_an_index_of_dates_without_a_name_is_the_date_column(index):
    assert find_date((index, "A", "B")) == index


def test_a_parquet_file_with_a_counter_for_an_index(write, tmp_path):
    frame = pd.DataFrame({"date": DAYS, "A": 50 + np.sin(np.arange(30.0))}, index=np.arange(5, 35))
    frame.to_parquet(tmp_path / "x.parquet")
    panel, findings = read("x.parquet")
    assert panel.assets == ("A",)
    assert "'__index_level_0__' is an index" in findings[0].message


@pytest.mark.parametrize("first", [0, 1])
def test_a_column_that_numbers_the_rows_is_refused(write, first):
    lines = lines_of("date,row,KO", lambda n: f"{n + first},{texts(bar(n)[3])}")
    with pytest.raises(IntegrityError, match=rf"column 'row' numbers the rows \({first}, {first + 1},"):
        read(write(*lines))


# long tables


@pytest.mark.parametrize(
    "asset, value",
    [
        *[
            (name, "close")
            for name in ("Name", "instrument", "tic", "Country", "ISIN", "permno", "Stock Code")
        ],
        *[("unique_id", "y"), ("symbol", "adjClose"), ("Ticker", "value"), ("Name", "PX_LAST")],
    ],
)
def test_a_long_table_is_recognised_by_its_names(write, asset, value):
    rows = [
        f"{day:%Y-%m-%d},{name},{50 + n + k}"
        for n, day in enumerate(DAYS)
        for k, name in enumerate(("7", "9"))
    ]
    panel, _ = read(write(f"ds,{asset},{value}", *rows))
    assert panel.assets == ("7", "9")
    assert panel.returns[0, 1] == 52 / 51 - 1


def test_the_adjusted_close_of_a_long_table_is_its_price(write):
    rows = [
        f"{day:%Y-%m-%d},{name},{50 + n},{5 + n},{n + 1}" for n, day in enumerate(DAYS) for name in ("A", "B")
    ]
    panel, _ = read(write("date,ticker,close,closeadj,value", *rows))
    assert panel.returns[0, 0] == 6 / 5 - 1


def test_a_long_table_with_other_names_is_refused_with_the_remedy(write):
    rows = [f"{day:%Y-%m-%d},{name},{50 + n}" for n, day in enumerate(DAYS) for name in ("Peru", "Chad")]
    with pytest.raises(
        SourceError, match=r"looks like a long table: dates repeat, and column 'Land'.*'Peru'.*'asset'"
    ):
        read(write("date,Land,index level", *rows))


def test_a_column_of_text_in_a_wide_table_is_refused_with_the_remedy(write):
    lines = lines_of("date,KO,exchange", lambda n: f"{texts(bar(n)[3])},NYSE")
    with pytest.raises(
        SourceError, match="column 'exchange' holds text, such as 'NYSE', and cannot be an asset"
    ):
        read(write(*lines))


def test_a_wide_table_with_names_of_a_long_one_is_refused_with_the_remedy(write):
    lines = lines_of("date,stock,price", lambda n: texts(bar(n)[3], 40 + bar(n)[0]))
    with pytest.raises(SourceError, match=r"if each column is an asset, set data\.layout to wide"):
        read(write(*lines))
    assert read("x.csv", layout="wide")[0].assets == ("stock", "price")


# tops of files


@pytest.mark.parametrize(
    "lines, message",
    [
        (
            ["made by hand", "2024-01-02,59,169", "2024-01-03,59,169"],
            "the first row of data, '2024-01-02', is in line 2, and the line above it holds no names",
        ),
        (
            ["2024-01-02,59,169", "2024-01-03,59,169"],
            "the first line, .*, holds data and no names of columns",
        ),
        (["A,day", "1,2024-01-02"], "'day' seems to hold dates: set data.date_column to it"),
        (
            ["date,A,", "2024-01-02,1,"],
            "column 3 has no name in the first line; name it, or delete the column",
        ),
        (["date,A,A", "2024-01-02,1,2"], "two columns are named 'A'; rename one of them"),
    ],
)
def test_the_top_of_a_file_is_explained(write, lines, message):
    with pytest.raises(SourceError, match=message):
        read(write(*lines))


@pytest.mark.parametrize(
    "cell, message",
    [
        ("1.25T", "a unit that may be thousand or trillion"),
        ("1,2,3", "commas and points that make no number here"),
        ("12.5%", "a percentage beside numbers without a percent sign|a number beside percentages"),
        ("C", "CRSP and others write a letter where there is no value: add it to data.na_values"),
        ("#N/A Requesting Data...", "the export was saved before its values had arrived"),
        ("#VALUE!", "if it stands for no value, add it to data.na_values"),
    ],
)
def test_cells_that_are_no_number_are_explained(write, cell, message):
    lines = lines_of("date,KO", lambda n: f'"{cell}"' if n == 3 else texts(bar(n)[3]))
    with pytest.raises(
        IntegrityError, match=rf"data row 4 \(2021-01-07\): expected a number, found .* \({message}"
    ):
        read(write(*lines))


@pytest.mark.parametrize("cell", [".", "#N/A N/A", "n/a"])
def test_what_vendors_write_for_no_value_is_none(write, cell):
    lines = lines_of("date,KO", lambda n: cell if n == 3 else texts(bar(n)[3]))
    panel, _ = read(write(*lines))
    assert len(panel.dates) == 28


# names


@pytest.mark.parametrize("name", ["cash", "Status", "NOTE", "date"])
def test_names_that_outputs_use_are_refused_with_the_remedy(write, name):
    rows = [f"{day:%Y-%m-%d},{asset},{50 + n}" for n, day in enumerate(DAYS) for asset in ("KO", name)]
    with pytest.raises(
        DataError, match=rf"^x\.csv: an asset is called '{name}', but outputs use.*rename the asset"
    ):
        read(write("day,asset,price", *rows), date_column="day")


def test_columns_of_cash_and_market_may_have_any_name(write):
    lines = lines_of("date,KO,cash,status", lambda n: f"{texts(bar(n)[3])},0.0001,{texts(bar(n)[0])}")
    assert read(write(*lines), cash="cash", market="status")[0].assets == ("KO",)


@pytest.mark.parametrize("other", ["ko", "K O", " Ko"])
def test_names_that_look_the_same_are_refused(write, other):
    lines = lines_of(f"date,KO,{other}", lambda n: texts(bar(n)[3], 40 + bar(n)[0]))
    with pytest.raises(IntegrityError, match="differ only in"):
        read(write(*lines))


# columns of names of assets


@pytest.mark.parametrize("name", ["symbol", "Ticker", "PERMNO", "isin"])
def test_a_column_of_asset_names_is_no_asset_unless_the_layout_says_so(write, name):
    path = write(*lines_of(f"date,{name},worth", lambda n: f"7203,{50 + n % 7}"))
    with pytest.raises(
        SourceError, match=rf"'{name}' is a name for a column of .*data.price_column.*layout to wide"
    ):
        read(path)
    long, _ = read(path, price_column="worth")
    assert long.assets == ("7203",)
    wide, _ = read(path, layout="wide")
    assert wide.assets == (name, "worth")
    np.testing.assert_array_equal(wide.returns[:, 1], long.returns[:, 0])


@pytest.mark.parametrize("price", [None, "Close"])
def test_a_column_of_assets_is_no_price(write, price):
    path = write(*lines_of("Date,Open,Close,Volume", lambda n: f"{50 + n % 7},7203,100"))
    with pytest.raises(
        SourceError, match=r"needs a column called 'price'|'Close' cannot be the column of assets"
    ):
        read(path, asset_column="Close", price_column=price)

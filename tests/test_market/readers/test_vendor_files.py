"""Files as vendors write them: each is read to the numbers that a careful person reads, with a note for each step."""

import numpy as np
import pandas as pd
import pytest

from market.errors import DataError, SourceError
from market.findings import IGNORED_COLUMN, INTERPRETATION
from market.load import load_panel
from market.readers.prices import FileSettings
from market.text.columns import read_columns


@pytest.fixture
def load(tmp_path):
    """Write a text into a file and load it; return the panel and its findings."""

    def load_text(text, name="x.csv", encoding="utf-8", known_by=None, **options):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return load_panel("prices", path=tmp_path / name, settings=FileSettings(**options), known_by=known_by)

    return load_text


def notes_of(findings):
    return " | ".join(f.message for f in findings if f.check == INTERPRETATION)


def check_returns(panel, assets, prices, dates):
    """Check a panel against the prices that its file holds, one row per date."""
    expected = np.array(prices, dtype=float)
    assert panel.assets == tuple(assets)
    assert [f"{day:%Y-%m-%d}" for day in panel.dates] == dates[1:]
    np.testing.assert_allclose(panel.returns, expected[1:] / expected[:-1] - 1, rtol=1e-12)


DAYS = ["2024-01-10", "2024-01-11", "2024-01-12", "2024-01-15"]
KO, PEP = [59.82, 59.79, 59.52, 59.25], [169.05, 168.2, 167.66, 166.0]


# yfinance


def lines(*rows, end="\n"):
    return end.join(rows) + end


def test_yfinance_with_header_lines_of_several_tickers(load):
    text = lines(
        "Price,Close,Close,High,High,Volume,Volume",
        "Ticker,KO,PEP,KO,PEP,KO,PEP",
        "Date,,,,,,",
        *(f"{d},{a},{b},{a + 1},{b + 1},1000,2000" for d, a, b in zip(DAYS, KO, PEP, strict=True)),
    )
    panel, findings = load(text)
    check_returns(panel, ["KO", "PEP"], list(zip(KO, PEP, strict=True)), DAYS)
    np.testing.assert_allclose(panel.volume[:, 1], 2000)
    np.testing.assert_allclose(panel.high[:, 0], np.array(KO[1:]) + 1)
    assert "fields of 2 assets: the price of 'KO' is \"('Close', 'KO')\"" in notes_of(findings)


def test_yfinance_with_header_lines_of_one_ticker(load):
    text = lines(
        "Price,Adj Close,Close,Volume",
        "Ticker,KO,KO,KO",
        "Date,,,",
        *(f"{d},{a},{2 * a},1000" for d, a in zip(DAYS, KO, strict=True)),
    )
    panel, _ = load(text)
    check_returns(panel, ["KO"], [[a] for a in KO], DAYS)
    np.testing.assert_allclose(panel.volume[:, 0], 2000)  # adjusted as the price is


def test_tuple_columns_of_one_line_are_the_same_as_several_lines(load):
    rows = [f"{d},{a},{b},{a - 1},{b - 1}" for d, a, b in zip(DAYS, KO, PEP, strict=True)]
    names = ["('Close', 'KO')", "('Close', 'PEP')", "('Low', 'KO')", "('Low', 'PEP')"]
    one, _ = load(lines("Date," + ",".join(f'"{name}"' for name in names), *rows), name="one.csv")
    two, _ = load(lines(",Close,Close,Low,Low", ",KO,PEP,KO,PEP", *rows), name="two.csv")
    swapped, _ = load(lines(",KO,PEP,KO,PEP", "Date,Close,Close,Low,Low", *rows), name="swapped.csv")
    assert one.digest() == two.digest() == swapped.digest()
    assert one.assets == ("KO", "PEP")


def test_fields_in_the_names_of_columns(load):
    rows = [f"{d},{a},{b},10,20" for d, a, b in zip(DAYS, KO, PEP, strict=True)]
    panel, _ = load(lines("Date,KO_Close,PEP_Close,KO_Volume,PEP_Volume", *rows))
    check_returns(panel, ["KO", "PEP"], list(zip(KO, PEP, strict=True)), DAYS)


def test_one_field_in_all_names_is_a_part_of_the_names(load):
    rows = [f"{d},{a},{b}" for d, a, b in zip(DAYS, KO, PEP, strict=True)]
    assert load(lines("Date,KO Close,PEP Close", *rows))[0].assets == ("KO Close", "PEP Close")


def test_fields_of_only_some_assets_are_refused(load):
    rows = [f"{d},{a},{b},10" for d, a, b in zip(DAYS, KO, PEP, strict=True)]
    with pytest.raises(SourceError, match="'PEP' have no adjusted column, but other assets do"):
        load(lines("Price,Adj Close,Close,Volume", "Ticker,KO,PEP,KO", "Date,,,", *rows))


def test_lines_of_names_without_fields_are_refused(load):
    rows = [f"{d},{a},{b}" for d, a, b in zip(DAYS, KO, PEP, strict=True)]
    text = lines("Name,Coca-Cola,Pepsi", "Code,KO,PEP", *rows)
    with pytest.raises(SourceError, match=r"the 2 lines above line 3 seem to hold names.*data.skip_rows"):
        load(text, date_column="Code")
    panel, findings = load(text, date_column="Code", skip_rows=1)
    assert panel.assets == ("KO", "PEP")
    assert "1 line above the column names left out, as skip_rows says" in notes_of(findings)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_blank_line_at_the_top_of_any_encoding(load, encoding, end):
    rows = [f"{d},{a}" for d, a in zip(DAYS, KO, strict=True)]
    text = lines("", "Prices of the fund", "Date,KO", *rows, end=end)
    panel, _ = load(text, encoding=encoding, skip_rows=2)
    check_returns(panel, ["KO"], [[a] for a in KO], DAYS)


@pytest.mark.parametrize("mark", [";", "\t", "|"])
def test_decimal_commas_beside_times_of_day(load, mark):
    rows = [f"{d} 17:30{mark}{a:.2f}".replace(".", ",") for d, a in zip(DAYS, KO, strict=True)]
    panel, _ = load(lines(f"Date{mark}KO", *rows), sessions="UTC", running_period="keep")
    check_returns(panel, ["KO"], [[a] for a in KO], DAYS)


# terminals and exchanges


def test_bloomberg(load):
    text = lines(
        "Start Date,1/10/2024,,",
        "End Date,1/15/2024,,",
        ",KO US Equity,PEP US Equity,SPX Index",
        "Dates,PX_LAST,PX_LAST,PX_LAST",
        *(f"1/{d[-2:]}/2024,{a},{b},#N/A N/A" for d, a, b in zip(DAYS[:3], KO, PEP, strict=False)),
        "1/15/2024,59.25,166,4700",
        "1/16/2024,59.25,166,4700",
    )
    panel, findings = load(text)
    assert panel.assets == ("KO US Equity", "PEP US Equity", "SPX Index")
    np.testing.assert_allclose(panel.returns[:3, 0], np.array(KO[1:]) / KO[:-1] - 1)
    text = notes_of(findings)
    assert "2 lines above the column names left out, the first 'Start Date,1/10/2024'" in text
    assert (
        "dates are read as month/day: '1/10/2024' is 2024-01-10; 2 different dates with a day above 12"
        in text
    )


def test_day_numbers_below_a_date_of_the_head(load):
    numbers = [str((pd.Timestamp(day) - pd.Timestamp("1899-12-30")).days) for day in DAYS]
    text = lines(
        "Start Date,1/10/2024,",
        "End Date,,",
        ",KO US Equity,PEP US Equity",
        "Dates,PX_LAST,PX_LAST",
        *(f"{n},{a},{b}" for n, a, b in zip(numbers, KO, PEP, strict=True)),
    )
    panel, _ = load(text, date_format="excel")
    check_returns(panel, ["KO US Equity", "PEP US Equity"], list(zip(KO, PEP, strict=True)), DAYS)


def test_bloomberg_with_several_fields_names_each_asset_once(load):
    text = lines(
        ",KO US Equity,,PEP US Equity,",
        "Dates,PX_LAST,PX_VOLUME,PX_LAST,PX_VOLUME",
        *(f"{d},{a},10,{b},20" for d, a, b in zip(DAYS, KO, PEP, strict=True)),
    )
    panel, _ = load(text)
    check_returns(panel, ["KO US Equity", "PEP US Equity"], list(zip(KO, PEP, strict=True)), DAYS)
    np.testing.assert_allclose(panel.volume, [[10, 20]] * 3)


def test_bloomberg_that_was_saved_too_early_is_refused(load):
    text = lines("Dates,KO", "2024-01-10,1", "2024-01-11,#N/A Requesting Data...", "2024-01-12,2")
    with pytest.raises(DataError, match="the export was saved before its values had arrived"):
        load(text)


def test_refinitiv(load):
    text = lines(
        "Exchange Date,Close,Net,%Chg,Open,Low,High,Volume",
        *(
            f'{d[-2:]}-Jan-2024,{a},0.1,+0.2%,{a},{a - 1},{a + 1},"1,000,000"'
            for d, a in zip(DAYS, KO, strict=True)
        ),
    )
    panel, _ = load(text, name="KO.N.csv")
    check_returns(panel, ["KO.N"], [[a] for a in KO], DAYS)
    np.testing.assert_allclose(panel.volume, 1e6)


def test_nasdaq(load):
    rows = [
        f'{d[5:7]}/{d[-2:]}/{d[:4]},${a},"42,672,150",${a},${a + 1},${a - 1}'
        for d, a in zip(DAYS, KO, strict=True)
    ]
    panel, findings = load(lines("Date,Close/Last,Volume,Open,High,Low", *rows[::-1]), name="KO.csv")
    check_returns(panel, ["KO"], [[a] for a in KO], DAYS)
    np.testing.assert_allclose(panel.volume, 42672150)
    assert "has a currency sign: read as 59.25" in notes_of(findings)


def test_stooq(load):
    rows = [
        f"KO.US,D,{d.replace('-', '')},000000,{a},{a + 1},{a - 1},{a},100,0"
        for d, a in zip(DAYS, KO, strict=True)
    ]
    head = "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>"
    panel, findings = load(lines(head, *rows), name="ko.us.txt")
    check_returns(panel, ["KO.US"], [[a] for a in KO], DAYS)
    assert {f.asset for f in findings if f.check == IGNORED_COLUMN} == {"<PER>", "<TIME>", "<OPENINT>"}


@pytest.mark.parametrize(
    "volume, expected", [("1.25M", 1.25e6), ("980.10K", 980100), ("1.5B", 1.5e9), ("-", np.nan)]
)
def test_investing(load, volume, expected):
    rows = [
        f'"{d[-2:]}/01/2024","1,{a}0","1,{a}0","2,000.00","1,000.00","{volume}","0.52%"'
        for d, a in zip(DAYS, [234.5, 235.5, 236.5, 237.5], strict=True)
    ]
    panel, findings = load(
        lines('"Date","Price","Open","High","Low","Vol.","Change %"', *rows[::-1]), name="IDX.csv"
    )
    check_returns(panel, ["IDX"], [[1234.5], [1235.5], [1236.5], [1237.5]], DAYS)
    np.testing.assert_array_equal(panel.volume, np.full((3, 1), expected))
    assert "has separators of thousands: read as 1237.5" in notes_of(findings)


@pytest.mark.parametrize("unit", [1, 1000, 10**6])
@pytest.mark.parametrize("named", [True, False])
def test_klines(load, unit, named):
    head = "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume"
    head += ",taker_buy_quote_volume,ignore"
    days = [int(pd.Timestamp(day).timestamp()) for day in DAYS]
    rows = [
        f"{day * unit},{a},{a + 1},{a - 1},{a},10,{(day + 86400) * unit - 1},9,8,7,6,0"
        for day, a in zip(days, KO, strict=True)
    ]
    text = lines(*([head] if named else []), *rows)
    if unit == 1 and not named:
        with pytest.raises(SourceError, match=r"the first line, .* holds data and no names of columns"):
            load(text)
        return
    panel, findings = load(text, name="BTCUSDT.csv")
    check_returns(panel, ["BTCUSDT"], [[a] for a in KO], DAYS)
    assert ("no line of names: read as klines" in notes_of(findings)) is not named
    assert "since 1970 in UTC" in notes_of(findings)


# French's library


FRENCH = lines(
    "This file was created by CMPT_IND_RETS using the 202401 CRSP database.",
    "",
    "  Average Value Weighted Returns -- Monthly",
    ",Cnsmr,Manuf ,Other",
    "202310,  -1.65,  -3.80,  -2.90",
    "202311,   8.66,   6.05,  11.13",
    "202312,   5.26,   4.18,  -99.99",
    "",
    "  Average Equal Weighted Returns -- Monthly",
    ",Cnsmr,Manuf ,Other",
    "202310,  -6.65,  -3.81,  -5.90",
    "202311,  -6.05,   3.82,   5.90",
    "",
    "  Average Value Weighted Returns -- Annual",
    ",Cnsmr,Manuf ,Other",
    " 2022,  -6.65,  -3.80,  -5.90",
    "",
    "Copyright 2024 Kenneth R. French",
)


@pytest.mark.parametrize("table, first", [(None, -0.0165), (1, -0.0165), (2, -0.0665)])
def test_french_library(load, table, first):
    panel, findings = load(FRENCH, values="returns", scale="percent", table=table)
    assert panel.assets == ("Cnsmr", "Manuf", "Other")
    assert panel.returns[0, 0] == first
    assert f"{panel.dates[0]:%Y-%m-%d}" == "2023-10-31"
    if table != 2:
        assert np.isnan(panel.returns[2, 2])
    read = table or 1
    assert f"table {read} of 3, 'Average {'Equal' if table == 2 else 'Value'} Weighted" in notes_of(findings)
    assert "data.table chooses" in notes_of(findings)
    assert "1 line below the table left out, the first 'Copyright 2024 Kenneth R. French'" in notes_of(
        findings
    )


TWO = ("date,A", "2024-01-10,1", "2024-01-11,2", "", "{}", "date,A", "2024-01-10,7", "2024-01-11,8")


def test_a_second_table_is_named_and_can_be_chosen(load):
    text = lines(*TWO).format("Second part\n")
    panel, findings = load(text)
    assert panel.returns[0, 0] == 1.0
    assert "table 1 of 2 is read; left out: 'Second part' (data.table chooses)" in notes_of(findings)
    assert load(text, table=2)[0].returns[0, 0] == pytest.approx(1 / 7)
    with pytest.raises(SourceError, match="table is 4, but the file has 2 tables"):
        load(text, table=4)


def test_a_second_table_without_names_or_title_is_refused(load):
    text = lines("date,A,B", "2024-01-10,1,2", "2024-01-11,2,3", "rate", "2024-01-10,7", "2024-01-11,8")
    with pytest.raises(SourceError, match="Expected 3 columns"):
        load(text)
    text = lines("date,A,B", "2024-01-10,1,2", "2024-01-11,2,3", "date,C", "2024-01-10,7", "2024-01-11,8")
    with pytest.raises(SourceError, match=r"a second table begins in line 5 and has no title.*data\.table"):
        load(text)
    assert load(text, table=2)[0].assets == ("C",)


def test_names_that_are_repeated_begin_a_second_table(load):
    text = lines("date,A", "2024-01-10,1", "2024-01-11,2", "date,A", "2024-01-10,7", "2024-01-11,8")
    with pytest.raises(
        DataError, match=r"'date' is not a date.*the names of columns are there again: set data.table"
    ):
        load(text)
    assert load(text, table=2)[0].returns[0, 0] == pytest.approx(1 / 7)


# CRSP and Compustat


CRSP = lines(
    "PERMNO,date,TICKER,PRC,VOL,RET",
    "10001,20200131,EGAS,-11.05,1200,C",
    "10001,20200228,EGAS,11.20,1300,0.013575",
    "10001,20200331,EGAS,10.80,1250,-0.035714",
    "10002,20200131,BTFG,20.10,5000,0.010000",
    "10002,20200228,BTFG,19.90,5100,-66.0",
    "10002,20200331,BTFG,0,0,B",
)


def test_returns_of_crsp(load):
    panel, findings = load(CRSP, values="returns")
    assert panel.assets == ("BTFG", "EGAS")
    np.testing.assert_array_equal(panel.returns, [[0.01, np.nan], [np.nan, 0.013575], [np.nan, -0.035714]])
    assert "letters and the codes" in notes_of(findings)


def test_prices_of_crsp(load):
    panel, findings = load(CRSP)
    np.testing.assert_allclose(panel.returns[:, 1], [11.20 / 11.05 - 1, 10.8 / 11.2 - 1])
    assert np.isnan(panel.returns[1, 0])
    assert "read without its sign" in notes_of(findings)
    assert "not adjusted for splits" in notes_of(findings)


def test_a_ticker_of_two_companies_is_refused(load):
    text = CRSP.replace("BTFG", "EGAS").replace("10002,20200131", "10002,20190131")
    with pytest.raises(
        DataError, match=r"TICKER 'EGAS' is the name of several assets by PERMNO: '10001', '10002'"
    ):
        load(text, values="returns")
    assert load(text, values="returns", asset_column="PERMNO")[0].assets == ("10001", "10002")


def test_prices_of_compustat_are_adjusted_by_their_factors(load):
    text = lines(
        "gvkey,iid,datadate,tic,ajexdi,cshtrd,prccd,trfd",
        "001690,01,20240110,AAPL,2,100,200,1",
        "001690,01,20240111,AAPL,1,100,101,1",
        "001690,01,20240112,AAPL,1,100,100,1.02",
    )
    panel, findings = load(text)
    np.testing.assert_allclose(panel.returns[:, 0], [0.01, 1.02 * 100 / 101 - 1])
    assert "prices are Compustat's prccd / ajexdi x trfd" in notes_of(findings)
    panel, findings = load(text.replace("ajexdi", "x").replace("trfd", "z"))
    assert "not adjusted for splits and dividends" in notes_of(findings)


# FRED


def test_codes_below_the_names_are_left_out(load):
    text = lines(
        "sasdate,RPI,INDPRO",
        "Transform:,5,5",
        *(f"{m}/1/1959,{100 + m},{50 + m}" for m in range(1, 13)),
        "1/1/1960,113,63",
    )
    panel, findings = load(text, date_column="sasdate")
    assert [day.month for day in panel.dates] == [*range(2, 13), 1]
    assert "line 2, 'Transform:', holds codes of columns: left out" in notes_of(findings)
    assert "so they are days of consecutive months" in notes_of(findings)


def test_columns_can_be_named(load):
    text = lines(
        "when,who,what", *(f"{d},{who},{a}" for who in ("A", "B") for d, a in zip(DAYS, KO, strict=True))
    )
    panel, _ = load(text, date_column="when", asset_column="who", price_column="what")
    assert panel.assets == ("A", "B")
    with pytest.raises(SourceError, match="no column 'wha' for price_column; did you mean 'what'"):
        load(text, date_column="when", asset_column="who", price_column="wha")


def test_a_line_of_units_below_the_names_is_refused(load):
    rows = [f"{d},{a},{a + 1}" for d, a in zip(DAYS, KO, strict=True)]
    with pytest.raises(
        SourceError, match="line 2, ',USD,USD', below the names of columns holds no data; delete it"
    ):
        load(lines("Date,Close,High", ",USD,USD", *rows), name="KO.csv")
    for names in ("Date,7203,6758", "Date,7203,KO"):
        with pytest.raises(SourceError, match="line 2, ',USD,EUR', below the names of columns holds no data"):
            load(lines(names, ",USD,EUR", *rows))


def test_lines_without_dates_end_no_table(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("asset,weight\nA,0.5\nB,0.5\nnote\nC\n")
    with pytest.raises(SourceError, match="Expected 2 columns"):
        read_columns(path, ["asset", "weight"], texts=["asset"], numbers=["weight"])


def test_settings_that_cannot_hold_are_refused(load, tmp_path):
    pd.DataFrame({"date": DAYS, "A": KO}).to_parquet(tmp_path / "x.parquet")
    for option in ({"skip_rows": 1}, {"table": 1}):
        with pytest.raises(SourceError, match="is about the lines of a text file"):
            load_panel("prices", path=tmp_path / "x.parquet", settings=FileSettings(**option))
    text = lines("date,A", *(f"{d},{a}" for d, a in zip(DAYS, KO, strict=True)))
    with pytest.raises(SourceError, match="price_column is set, but the file has one column per asset"):
        load(text, price_column="A")
    with pytest.raises(SourceError, match="skip_rows is 9, but the file has no line of names after 9 lines"):
        load(text, skip_rows=9)
    with pytest.raises(SourceError, match="source 'stocks' is packaged and takes no decimal"):
        load_panel("stocks", settings=FileSettings(decimal=","))

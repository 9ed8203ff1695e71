"""Files, folders, patterns and workbooks give the panel of the one file that holds all of it."""

import datetime as dt
import re
import sys
import zipfile
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from market.errors import DataError, IntegrityError, SourceError
from market.load import load_panel
from market.readers.prices import FileSettings
from market.sources.kinds import Files
from market.sources.settings import FetchSettings, find_origins

DAYS = pd.bdate_range("2020-01-01", periods=60)


@pytest.fixture
def prices(tmp_path, monkeypatch):
    """Prices of three assets, and their file wide.csv in the working folder."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    values = (100 * np.exp(np.cumsum(0.01 * rng.standard_normal((60, 3)), axis=0))).round(4)
    frame = pd.DataFrame(values, index=DAYS.rename("date"), columns=["A", "B", "C"])
    frame.to_csv("wide.csv")
    return frame


def load(*paths, sheet=None, **options):
    return load_panel("prices", path=Files(tuple(map(Path, paths)), sheet), **options)


@pytest.fixture
def whole(prices):
    return load_panel("prices", path=Path("wide.csv"))[0]


def test_one_asset_a_file_in_a_folder_a_pattern_and_a_list(prices, whole):
    folder = Path("prices")
    folder.mkdir()
    for name in prices:
        prices[[name]].rename(columns={name: "Close"}).to_csv(folder / f"{name}.csv")
    (folder / ".hidden.csv").write_text("nothing")
    (folder / "README.txt").write_text("nothing")
    for paths in (["prices"], ["prices/*.csv"], [f"prices/{name}.csv" for name in "ABC"], ["**/[ABC].csv"]):
        panel, findings = load(*paths)
        assert panel.assets == whole.assets
        np.testing.assert_array_equal(panel.returns, whole.returns)
        (origin,) = find_origins(findings)
        assert origin.files == ("prices/A.csv", "prices/B.csv", "prices/C.csv")
    notes = [finding.message for finding in load("prices")[1] if finding.check == "files left out"]
    assert notes == ["prices: not read, since not a CSV, Parquet or Excel file: 'README.txt'"]


def test_pieces_of_one_table_wide_and_long_and_of_several_formats(prices, whole):
    prices.iloc[:25].to_csv("a.csv")
    prices.iloc[20:45].reset_index().to_parquet("b.parquet", index=False)
    long = prices.iloc[40:].rename_axis(columns="asset").stack().rename("price").reset_index()
    long.to_csv("c.csv.gz", index=False)
    panel, _ = load("a.csv", "b.parquet", "c.csv.gz")
    np.testing.assert_array_equal(panel.returns, whole.returns)
    prices.iloc[:30].assign(B=prices["B"] * 1.01).to_csv("d.csv")
    with pytest.raises(
        IntegrityError, match=r"^column 'B', 2020-01-01: [\d.]+ in a.csv, but [\d.]+ in d.csv"
    ):
        load("a.csv", "d.csv")


def test_one_file_gives_the_findings_and_bits_of_before(whole):
    panel, findings = load("wide.csv")
    assert panel.digest() == whole.digest()
    assert not find_origins(findings)


def test_files_are_read_as_of_a_date_without_those_that_begin_later(prices, whole):
    prices.iloc[:30].to_csv("a.csv")
    prices.iloc[30:].assign(D=50.0).to_csv("b.csv")
    for known_by in (DAYS[20], DAYS[40]):
        cut, _ = load("a.csv", "b.csv", known_by=known_by)
        expected = load("a.csv", "b.csv")[0].as_of(known_by)
        assert cut.dates.equals(expected.dates)
        np.testing.assert_array_equal(cut.returns, expected.returns[:, : len(cut.assets)])
    with pytest.raises(SourceError, match=r"^b.csv: nothing was known at the close of 2019-01-01"):
        load("a.csv", "b.csv", known_by=pd.Timestamp("2019-01-01"))


@pytest.mark.parametrize(
    ("paths", "message"),
    [
        (["none/*.csv"], r"^none/\*\.csv: no file matches"),
        (["empty"], "^empty: is a folder with no file whose name ends in .csv"),
        (["wide.csv", "absent.csv"], r"^absent\.csv: does not exist"),
        (["absent.xlsx"], r"^absent\.xlsx: does not exist; expected an Excel workbook"),
        (["old.xls"], r"^old\.xls: this kind of spreadsheet is not read; save it as \.xlsx"),
        (["wide.*"], r"^wide\.doc: expected a name that ends in \.csv"),
        (["pipe.xlsx"], r"^pipe\.xlsx: is no ordinary file"),
    ],
)
def test_what_is_no_list_of_files(prices, paths, message):
    import os

    os.mkfifo("pipe.xlsx")
    Path("empty").mkdir()
    Path("old.xls").write_bytes(b"\xd0\xcf")
    Path("wide.doc").write_text("x")
    with pytest.raises(DataError, match=message):
        load(*paths)


# Excel


def write_book(path, **sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)


def rows_of(frame):
    return [["date", *frame.columns], *([d.to_pydatetime(), *map(float, v)] for d, v in frame.iterrows())]


def test_a_sheet_has_the_numbers_of_the_csv_file(prices, whole):
    write_book("book.xlsx", Empty=[], Prices=[[], [], *rows_of(prices), [], []])
    panel, findings = load("book.xlsx")
    np.testing.assert_array_equal(panel.returns, whole.returns)
    assert panel.dates.equals(whole.dates)
    assert all("book.parquet" not in finding.message for finding in findings)
    cut, _ = load("book.xlsx", known_by=DAYS[30])
    np.testing.assert_array_equal(cut.returns, whole.as_of(DAYS[30]).returns)


def test_a_workbook_of_bars_is_an_asset_called_after_it(prices):
    write_book("KO.xlsx", S=[["Date", "Close"], *([d.date(), float(v)] for d, v in prices["A"].items())])
    assert load("KO.xlsx", "wide.csv")[0].assets == ("KO", "A", "B", "C")


def test_title_rows_above_the_names_are_left_out_with_a_note(prices, whole):
    write_book("t.xlsx", Prices=[["Prices of the fund"], [], ["Source: vendor", None], *rows_of(prices)])
    panel, findings = load("t.xlsx")
    np.testing.assert_array_equal(panel.returns, whole.returns)
    assert (
        "t.xlsx: sheet 'Prices': 3 rows above the column names left out, the first 'Prices of the fund'"
        in [finding.message for finding in findings]
    )
    write_book("t.xlsx", Prices=[["Start Date", DAYS[0].to_pydatetime()], *rows_of(prices)])
    with pytest.raises(SourceError, match=r"^t.xlsx: column 3 has no name"):
        load("t.xlsx")


@pytest.mark.parametrize("header", [[None, "A"], ["", "A"]])
def test_the_name_of_one_asset_is_no_title(prices, header):
    write_book("t.xlsx", S=[header, *rows_of(prices[["A"]])[1:]])
    assert load("t.xlsx")[0].assets == ("A",)


@pytest.mark.parametrize("name", ["xl/worksheets/sheet1.xml", "xl/workbook.xml", "[Content_Types].xml"])
def test_damaged_parts_of_a_workbook_are_refused(prices, name):
    write_book("book.xlsx", Prices=rows_of(prices))
    content = bytearray(Path("book.xlsx").read_bytes())
    with zipfile.ZipFile("book.xlsx") as archive:
        info = archive.getinfo(name)
    start = info.header_offset + 30 + len(name)
    for place in (info.header_offset, start + 2, start + info.compress_size // 2):
        damaged = content.copy()
        damaged[place : place + 8] = b"\xff" * 8
        Path("bad.xlsx").write_bytes(damaged)
        with pytest.raises(SourceError, match=r"^bad\.xlsx: cannot be read as an Excel workbook: "):
            load("bad.xlsx")


def test_two_sheets_need_a_name(prices, whole):
    write_book("two.xlsx", First=rows_of(prices * 2), Second=rows_of(prices))
    with pytest.raises(
        SourceError, match=r"^two.xlsx: the workbook holds the sheets 'First', 'Second'; set sheet"
    ):
        load("two.xlsx")
    np.testing.assert_array_equal(load("two.xlsx", sheet="Second")[0].returns, whole.returns)
    with pytest.raises(SourceError, match="no sheet 'Secnd'; did you mean 'Second'"):
        load("two.xlsx", sheet="Secnd")


def test_typed_cells_keep_their_types(prices):
    days = [dt.datetime(2020, 1, d) for d in (2, 3, 6)]
    write_book("t.xlsx", S=[["date", 123], [days[0], 1], [days[1], 2.5], [days[2], 3]])
    assert load("t.xlsx")[0].assets == ("123",)
    write_book("t.xlsx", S=[["date", "A"], [days[0], 1.0], [days[1], "n/a?"], [days[2], 3.0]])
    with pytest.raises(
        IntegrityError, match=r"^t.xlsx: column 'A', data row 2 .*expected a number, found 'n/a\?'"
    ):
        load("t.xlsx")
    write_book("t.xlsx", S=[["date", "A"], [days[0], 1.0], [days[1], None, 5.0], [days[2], 3.0]])
    with pytest.raises(SourceError, match=r"^t.xlsx: column 3 has no name"):
        load("t.xlsx")


def test_a_formula_without_a_stored_result_is_no_missing_price(prices):
    rows = rows_of(prices[["A"]])
    rows[5][1] = "=B5*1.01"
    write_book("f.xlsx", S=rows)
    with pytest.raises(
        SourceError, match=r"^f.xlsx: sheet 'S', row 6 .*column 2: the formula '=B5\*1.01' has no"
    ):
        load("f.xlsx")


def test_what_is_no_workbook(prices, monkeypatch):
    Path("x.xlsx").write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(SourceError, match=r"^x.xlsx: no Excel workbook .*save it as .xlsx"):
        load("x.xlsx")
    with zipfile.ZipFile("x.xlsx", "w") as archive:
        archive.writestr("other.txt", "x")
    with pytest.raises(SourceError, match=r"^x.xlsx: cannot be read as an Excel workbook"):
        load("x.xlsx")
    write_book("big.xlsx", S=rows_of(prices))
    with pytest.raises(
        SourceError, match=r"^big\.xlsx: unpacks to 0 MB, more than fetch.max_megabytes allows"
    ):
        load("big.xlsx", fetch=FetchSettings(max_bytes=1000))
    write_book("e.xlsx", S=[])
    with pytest.raises(SourceError, match=r"^e.xlsx: the workbook is empty"):
        load("e.xlsx")
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(SourceError, match=re.escape("pip install 'tangency[excel]'")):
        load("big.xlsx")


def test_settings_of_files_apply_to_each(prices):
    for name in "AB":
        prices[[name]].rename_axis("when").to_csv(f"{name}_.csv")
    panel, _ = load("A_.csv", "B_.csv", settings=FileSettings(date_column="when", market="A"))
    assert panel.assets == ("B",)
    np.testing.assert_allclose(panel.market, prices["A"].pct_change().iloc[1:], rtol=1e-12)


@pytest.mark.parametrize("name", ["x" * 300 + ".csv", "x" * 300 + ".ods", "x" * 300 + "[1].csv"])
def test_a_path_that_no_system_call_takes_is_refused(prices, name):
    with pytest.raises(
        SourceError, match=r"no file has this path \(File name too long\)|no file matches this pattern"
    ):
        load(name)

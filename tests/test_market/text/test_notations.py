"""Numbers and dates in the notations of vendors: right where the file decides, refused where it does not."""

import contextlib
import gzip

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from market.errors import AmbiguityError, DataError, IntegrityError, SourceError
from market.findings import INTERPRETATION
from market.load import load_panel
from market.readers.prices import FileSettings
from market.text.coded_texts import _encode_texts
from market.text.dates import read_dates
from market.text.numbers import find_decimal, parse_texts

DAYS = [f"{day:%Y-%m-%d}" for day in pd.bdate_range("2024-01-10", periods=6)]


@pytest.fixture
def load(tmp_path):
    def load_text(text, name="x.csv", known_by=None, **options):
        (tmp_path / name).write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_panel("prices", path=tmp_path / name, settings=FileSettings(**options), known_by=known_by)

    return load_text


def table(cells, delimiter=",", names="date,A"):
    rows = [delimiter.join((day, cell)) for day, cell in zip(DAYS, cells, strict=False)]
    return "\n".join([names.replace(",", delimiter), *rows, ""])


def prices_of(panel, first):
    return [first, *(first * np.cumprod(1 + panel.returns[:, 0])).round(9).tolist()]


# numbers


@pytest.mark.parametrize(
    "text, decimal, expected",
    [
        ("4,742.83", ".", 4742.83),
        ("1,234,567", ".", 1234567.0),
        ("1,23,456.78", ".", 123456.78),
        ("4.742,83", ",", 4742.83),
        ("59,82", ",", 59.82),
        ("1234", ",", 1234.0),
        ("1.234", ",", 1234.0),
        ("1.234", ".", 1.234),
        ("4 742,83", ",", 4742.83),
        ("4\u202f742,83", ",", 4742.83),
        ("4'742.83", ".", 4742.83),
        ("$1,234.50", ".", 1234.5),
        ("-$5.25", ".", -5.25),
        ("5,25 \u20ac", ",", 5.25),
        ("(1.25)", ".", -1.25),
        ("\u22121.25", ".", -1.25),
        ("1.34%", ".", 0.0134),
        ("-1,34 %", ",", -0.0134),
        ("980.10K", ".", 980100.0),
        ("1,25M", ",", 1.25e6),
        ("1.5e3", ".", 1500.0),
    ],
)
def test_a_number_has_one_value(text, decimal, expected):
    parsed = parse_texts([text], decimal, (), 100.0)
    assert not parsed.wrong.any()
    np.testing.assert_allclose(parsed.values, [expected], rtol=1e-15)


@pytest.mark.parametrize(
    "text, decimal",
    [
        *[
            (text, ".")
            for text in ("59,82", "1,2,3", "1.2.3", "1 2", "- 5", "5-", "((5))", "(-5)", "$5$", "5T", "x5")
        ],
        *[(text, ",") for text in ("59.82", "1,2,3", "1,234.5", "1,234,567")],
    ],
)
def test_what_is_no_number_is_wrong(text, decimal):
    assert parse_texts([text], decimal, (), 100.0).wrong.all()


@pytest.mark.parametrize(
    "cells, points_decide, expected",
    [
        (["1.5", "1,234.5"], True, "."),
        (["59,82"], True, ","),
        (["1,234", "1.5"], True, "."),
        (["1,234", "1,234,567"], True, "."),
        (["1,234", "0,5"], True, ","),
        (["1.234"], True, "."),
        (["1.234", "59,82"], False, ","),
        (["1.234", "59.82"], False, "."),
        (["1.234.567"], False, ","),
        (["12", "-", "NA"], False, "."),
    ],
)
def test_a_cell_decides_the_decimal_mark(cells, points_decide, expected):
    for order in (cells, cells[::-1]):
        assert find_decimal("x.csv", {"A": order}, points_decide=points_decide) == expected


@pytest.mark.parametrize(
    "cells, points_decide", [(["1,234", "5"], True), (["1.234"], False), (["$1,234"], False)]
)
def test_undecided_marks_are_refused_with_both_readings(cells, points_decide):
    with pytest.raises(
        AmbiguityError, match=r"may be 1234 or 1\.234, and no cell decides which.*data\.decimal"
    ):
        find_decimal("x.csv", {"A": cells}, points_decide=points_decide)


@pytest.mark.parametrize("cells, points_decide", [(["59,82", "59.82"], True), (["59,82", "1.234"], True)])
def test_marks_that_contradict_each_other_are_refused(cells, points_decide):
    with pytest.raises(SourceError, match=r"a decimal point and .* a decimal comma"):
        find_decimal("x.csv", {"A": cells}, points_decide=points_decide)


cell = st.builds(
    lambda value, decimals, mark, groups: format(
        value, f",.{decimals}f" if groups else f".{decimals}f"
    ).translate(str.maketrans(",.", ".,") if mark == "," else {}),
    st.floats(0.5, 5e6),
    st.integers(0, 4),
    st.shared(st.sampled_from(".,"), key="mark"),
    st.booleans(),
)


@settings(max_examples=300, deadline=None)
@given(
    st.lists(cell, min_size=1, max_size=8), st.shared(st.sampled_from(".,"), key="mark"), st.integers(1, 8)
)
def test_a_beginning_is_read_alike_or_refused(cells, mark, n):
    """More rows never change the reading of the rows above them."""
    try:
        whole = find_decimal("x.csv", {"A": cells}, points_decide=False)
    except AmbiguityError:
        return
    values = parse_texts(cells, whole, (), 100.0)
    if any(char in "".join(cells) for char in ".,"):
        assert whole == mark
    assert not values.wrong.any()
    try:
        part = find_decimal("x.csv", {"A": cells[:n]}, points_decide=False)
    except AmbiguityError:
        return
    np.testing.assert_array_equal(parse_texts(cells[:n], part, (), 100.0).values, values.values[:n])


def test_percent_signs_are_fractions_and_stand_in_all_cells(load):
    cells = ["1.5%", "-2.25%", "0", "0.5%"]
    panel, findings = load(table(cells), values="returns")
    assert panel.returns[:, 0].tolist() == [0.015, -0.0225, 0.0, 0.005]
    assert any("has a percent sign: read as 0.015" in f.message for f in findings)
    same, _ = load(table(cells), values="returns", scale="percent")
    assert same.digest() == panel.digest()
    with pytest.raises(IntegrityError, match=r"found '0\.5'"):
        load(table([*cells[:3], "0.5"]), values="returns")


@pytest.mark.parametrize(
    "codes, options", [(["S", "-999"], {"na_values": ("S", -999.0)}), (["-", "n.a."], {})]
)
def test_codes_for_no_value(load, codes, options):
    panel, _ = load(table(["100", "110", codes[0], "121", "133.1", codes[1]]), **options)
    np.testing.assert_allclose(panel.returns[:, 0], [0.1, 0.1, 0.1])


def test_numeric_codes_hold_in_columns_of_numbers_too(load, tmp_path):
    frame = pd.DataFrame({"date": DAYS[:4], "A": [100.0, -999.0, 110.0, 121.0]})
    frame.to_parquet(tmp_path / "x.parquet")
    options = FileSettings(na_values=(-999.0,))
    parquet, _ = load_panel("prices", path=tmp_path / "x.parquet", settings=options)
    csv, _ = load(frame.to_csv(index=False), na_values=("-999",))
    assert parquet.digest() == csv.digest()


# dialects


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_delimiters_and_encodings(load, delimiter, encoding, end):
    text = table(["59,82", "1.059,79", "60,5"], delimiter, names="date,Ä").replace("\n", end)
    panel, findings = load(text.encode(encoding))
    np.testing.assert_allclose(prices_of(panel, 59.82), [59.82, 1059.79, 60.5])
    assert panel.assets == ("Ä",)
    notes = [f.message for f in findings if f.check == INTERPRETATION]
    assert any("columns are separated by" in note for note in notes)
    assert any("has a decimal comma: read as 59.82" in note for note in notes)


@pytest.mark.parametrize("name", ["x.tsv", "x.txt", "x.txt.gz"])
def test_other_endings(load, name):
    text = table(["1.5", "3", "6"], "\t").encode()
    panel, _ = load(gzip.compress(text) if name.endswith("gz") else text, name=name)
    assert panel.returns[:, 0].tolist() == [1.0, 1.0]


def test_plain_files_have_no_notes(load):
    _, findings = load(table(["1.234", "1.235", "1.236"]))
    assert findings == ()


def test_the_setting_decides(load):
    text = table(["1,234", "1,300", "1,200"], ";")
    with pytest.raises(AmbiguityError):
        load(text)
    for decimal in (".", ","):
        panel, _ = load(text, decimal=decimal)
        np.testing.assert_allclose(panel.returns[:, 0], [1300 / 1234 - 1, 1200 / 1300 - 1])
    with pytest.raises(DataError, match="found '59,82'"):
        load(table(["59,82", "60,1"], ";"), decimal=".")


def test_as_of_a_date_values_are_read_as_in_the_whole_file(load):
    text = table(["1.234", "1.300", "1.200", "999,5"], ";")
    whole, _ = load(text)
    part, _ = load(text, known_by=pd.Timestamp(DAYS[2]))
    assert part.digest() == whole.as_of(pd.Timestamp(DAYS[2])).digest()
    assert part.returns[0, 0] == 1300 / 1234 - 1


def test_as_of_a_date_dates_are_read_as_in_the_whole_file(load):
    days = pd.date_range("2024-02-01", periods=20)
    text = "\n".join(["date,A", *(f"{day:%d/%m/%Y},{100 + n}" for n, day in enumerate(days)), ""])
    whole, findings = load(text)
    part, _ = load(text, known_by=days[5])
    assert part.digest() == whole.as_of(days[5]).digest()
    assert any("dates are read as day/month" in f.message for f in findings)
    with pytest.raises(AmbiguityError, match=r"'02/02/2024'|'01/02/2024' may be day/month or month/day"):
        load("".join(text.splitlines(keepends=True)[:6]))
    cut, _ = load("".join(text.splitlines(keepends=True)[:6]), date_format="%d/%m/%Y")
    assert cut.digest() == whole.as_of(days[4]).digest()


# dates


def read(*texts, column="date", **options):
    return [f"{day:%Y-%m-%d}" for day in read_dates("x.csv", column, _encode_texts(texts), **options).rows]


@pytest.mark.parametrize(
    "texts, expected",
    [
        (["12/29/23", "1/16/24"], ["2023-12-29", "2024-01-16"]),
        (["31.01.24", "1.2.24"], ["2024-01-31", "2024-02-01"]),
        (["31-12-69"], ["1969-12-31"]),
        (["31JAN2024", "29FEB2024"], ["2024-01-31", "2024-02-29"]),
        (["31-Jan-24", "1-Feb-24"], ["2024-01-31", "2024-02-01"]),
        (["Jan 31, 2024", "Feb 1, 2024"], ["2024-01-31", "2024-02-01"]),
        (["January 31, 2024"], ["2024-01-31"]),
        (["31 January 2024"], ["2024-01-31"]),
        (["Jan 2024", "Feb 2024"], ["2024-01-31", "2024-02-29"]),
        (["2024Q1", "2024Q2"], ["2024-03-31", "2024-06-30"]),
        (["Q4 2023"], ["2023-12-31"]),
        (["2024m01"], ["2024-01-31"]),
        (["2024.01.31"], ["2024-01-31"]),
        (["45293", "45294.75"], ["2024-01-02", "2024-01-03"]),
        (["1704067200", "1704153600000", "1704240000000000"], ["2024-01-01", "2024-01-02", "2024-01-03"]),
        (
            [f"{m}/1/1959" for m in range(1, 13)] + ["1/1/1960"],
            [f"1959-{m:02d}-01" for m in range(1, 13)] + ["1960-01-01"],
        ),
        (
            [f"1/{m}/1959" for m in range(1, 13)] + ["1/1/1960"],
            [f"1959-{m:02d}-01" for m in range(1, 13)] + ["1960-01-01"],
        ),
    ],
)
def test_forms_of_dates(texts, expected):
    assert read(*texts) == expected


def test_quarters_of_a_column_called_so_or_in_a_row():
    assert read("19501", "19502", column="yyyyq") == ["1950-03-31", "1950-06-30"]
    quarters = [f"{year}{q}" for year in (1950, 1951, 1952) for q in (1, 2, 3, 4)]
    assert read(*quarters)[-1] == "1952-12-31"
    assert read("19501", "19505") == ["1953-05-22", "1953-05-26"]
    with pytest.raises(AmbiguityError, match=r"'19501' may be a day number of Excel or a year and a quarter"):
        read("19501", "19502")
    assert read("19501", "19502", date_format="yyyyq") == ["1950-03-31", "1950-06-30"]
    assert read("19501", "19502", date_format="excel") == ["1953-05-22", "1953-05-23"]


@pytest.mark.parametrize(
    "texts",
    [["01/02/2024", "01/03/2024"], ["1/2/24", "2/2/24"], [f"{m}/1/1959" for m in range(1, 13)]],
)
def test_undecided_dates_are_refused_with_both_readings(texts):
    with pytest.raises(
        AmbiguityError, match=r"may be day/month or month/day \(.* or .*\), .* data\.date_format to '%d/"
    ):
        read(*texts)


def test_a_format_can_be_set():
    assert read("01/02/2024", date_format="%m/%d/%Y") == ["2024-01-02"]
    with pytest.raises(IntegrityError, match="'13/01/2024' is not a date"):
        read("01/02/2024", "13/01/2024", date_format="%m/%d/%Y")
    with pytest.raises(SourceError, match="date_format '%Q' is no format of dates"):
        read("01/02/2024", date_format="%Q")


orders = st.sampled_from(["%d/%m/%Y", "%m/%d/%Y", "%d-%m-%y"])


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.dates(pd.Timestamp("1990-01-01").date(), pd.Timestamp("2030-01-01").date()),
        min_size=1,
        max_size=30,
        unique=True,
    ),
    orders,
    st.integers(1, 30),
)
def test_a_beginning_has_the_dates_of_the_whole_or_is_refused(days, how, n):
    texts = [f"{day:{how}}" for day in sorted(days)]
    try:
        whole = read(*texts)
    except AmbiguityError:
        return
    assert whole == [f"{day}" for day in sorted(days)]
    with contextlib.suppress(AmbiguityError):
        assert read(*texts[:n]) == whole[:n]


# double rows


@pytest.mark.parametrize("kept, price", [("first", 2.0), ("last", 3.0)])
def test_double_rows_are_kept_once_if_a_setting_says_so(load, kept, price):
    text = f"date,A\n{DAYS[0]},1\n{DAYS[1]},2\n{DAYS[1]},3\n"
    with pytest.raises(
        IntegrityError, match=r"occurs more than once; .*set data\.duplicate_rows to last or first"
    ):
        load(text)
    panel, findings = load(text, duplicate_rows=kept)
    assert panel.returns[:, 0].tolist() == [price - 1]
    assert f"its {kept} row is kept; 1 row left out in all" in findings[0].message
    long = f"date,asset,price\n{DAYS[0]},A,1\n{DAYS[0]},B,1\n{DAYS[1]},A,2\n{DAYS[1]},B,5\n{DAYS[1]},A,3\n"
    panel, _ = load(long, duplicate_rows=kept)
    assert panel.returns.tolist() == [[price - 1, 4.0]]

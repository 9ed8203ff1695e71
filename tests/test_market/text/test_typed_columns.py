"""Typed columns of Parquet files give the same bits as their cells, read one by one."""

import datetime as dt
import decimal
import itertools

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from market.errors import IntegrityError, SourceError
from market.readers.file_columns import ColumnChoice
from market.readers.layouts import arrange_values, parse_columns, pick_columns
from market.text.coded_texts import _encode_texts, encode_column
from market.text.columns import read_columns
from market.text.dates import read_dates
from market.text.headers import read_header

DAYS = [dt.date(2021, 1, 29) + dt.timedelta(days=n) for n in range(9)]
NAMES = ["B", "A", "10", "Ä.B"]


def read_grid(path):
    columns = pick_columns(path, read_header(path), ColumnChoice("long", "prices", "date"))
    contents = parse_columns(path, columns)
    dates = read_dates(str(path), columns.date, contents.coded[columns.date])
    return arrange_values(path, columns, contents, dates)


def stamps(unit, zone=None):
    def make(days):
        utc = pd.DatetimeIndex(days).tz_localize(zone or "UTC").tz_convert(None).as_unit(unit)
        return pa.array(utc, pa.timestamp(unit)).cast(pa.timestamp(unit, zone))

    return make


DATES = {
    "date32": lambda days: pa.array(days, pa.date32()),
    "date64": lambda days: pa.array(days, pa.date64()),
    **{f"timestamp[{unit}]": stamps(unit) for unit in ("s", "ms", "us", "ns")},
    "Tokyo": stamps("us", "Asia/Tokyo"),
    "New York": stamps("ns", "America/New_York"),
    "text": lambda days: pa.array([f"{day:%d.%m.%Y}" for day in days]),
    "coded text": lambda days: pa.array([str(day) for day in days], pa.large_string()).dictionary_encode(),
    "yyyymmdd": lambda days: pa.array([int(f"{day:%Y%m%d}") for day in days], pa.int32()),
    "coded days": lambda days: pa.array(days, pa.date32()).dictionary_encode(),
}
ASSETS = {
    "string": lambda names: pa.array(names, pa.string()),
    "large string": lambda names: pa.array(names, pa.large_string()),
    "view": lambda names: pa.array(names, pa.string_view()),
    "coded": lambda names: pa.array(names).dictionary_encode(),
    "categories": lambda names: pa.array(pd.Categorical(names, categories=["Z", *NAMES, "Y"])),
    "int": lambda names: pa.array([10 + NAMES.index(name) for name in names], pa.int64()),
}
VALUES = {
    "double": lambda cells: pa.array(cells, pa.float64()),
    "float": lambda cells: pa.array(cells, pa.float32()),
    "int": lambda cells: pa.array([None if c is None else round(c) for c in cells], pa.int32()),
    "long": lambda cells: pa.array([None if c is None else round(c * 2**40) for c in cells], pa.int64()),
    "decimal": lambda cells: pa.array(
        [None if c is None else decimal.Decimal(f"{c:.7f}") for c in cells], pa.decimal128(20, 7)
    ),
    "text": lambda cells: pa.array([None if c is None else f" {c!r}" for c in cells]),
    "coded": lambda cells: pa.array(cells, pa.float64()).dictionary_encode(),
}
CASES = list(itertools.product(DATES, ASSETS, VALUES))


def random_rows(rng):
    """Return dates, names and values of rows in no order; some cells have no value, some pairs no row."""
    pairs = [pair for pair in itertools.product(DAYS, NAMES) if rng.random() < 0.8]
    rng.shuffle(pairs)
    cells = [None if rng.random() < 0.15 else float(np.exp(rng.normal(3, 1))) for _ in pairs]
    return [day for day, _ in pairs], [name for _, name in pairs], cells


def read_by_cell(table):
    """Return what a table holds by date and asset, cell by cell."""
    kind = table.schema.field("close").type
    cells = {}
    for day, name, value in zip(
        *(table.column(name).to_pylist() for name in table.column_names), strict=True
    ):
        if isinstance(day, dt.datetime):
            day = day.date()
        elif isinstance(day, int):
            day = dt.datetime.strptime(str(day), "%Y%m%d").date()
        elif isinstance(day, str):
            day = dt.datetime.strptime(day, "%d.%m.%Y" if "." in day else "%Y-%m-%d").date()
        if isinstance(value, decimal.Decimal):
            # Arrow's conversion of decimals may miss the nearest number by one bit.
            value = pa.scalar(value, kind).cast(pa.float64(), safe=False).as_py()
        cells[day, str(name)] = np.nan if value is None else float(value)
    days, names = (sorted({pair[k] for pair in cells}) for k in range(2))
    values = [[cells.get((day, name), np.nan) for name in names] for day in days]
    return pd.DatetimeIndex(days), tuple(names), np.array(values)


@pytest.mark.parametrize("seed", range(3))
def test_each_type_gives_the_bits_of_its_cells(tmp_path, seed):
    rng = np.random.default_rng(seed)
    path = tmp_path / "x.parquet"
    for k in rng.permutation(len(CASES))[:60]:
        date, asset, value = CASES[k]
        days, names, cells = random_rows(rng)
        table = pa.table(
            {"date": DATES[date](days), "asset": ASSETS[asset](names), "close": VALUES[value](cells)}
        )
        pq.write_table(table, path, row_group_size=int(rng.integers(3, 40)))
        grid = read_grid(path)
        expected = read_by_cell(table)
        assert (list(grid.dates), grid.names) == (list(expected[0]), expected[1]), CASES[k]
        np.testing.assert_array_equal(grid.values, expected[2], err_msg=str(CASES[k]))


def test_two_rows_of_a_pair_and_rows_without_a_name_are_named(tmp_path):
    path = tmp_path / "x.parquet"
    for names, message in (
        (
            ["A", "B", "A", "B", "B"],
            r"asset 'B' has more than one row at 2021-01-31, the second in data row 5;",
        ),
        (["A", None, "A", "B", " "], r"data row 2, 2021-01-29: no asset name \(2 such rows\)"),
    ):
        days = [DAYS[n] for n in (0, 0, 1, 2, 2)]
        pq.write_table(pa.table({"date": days, "asset": names, "close": [1.0, 2, 3, 4, 5]}), path)
        with pytest.raises(IntegrityError, match=message):
            read_grid(path)


def test_texts_keep_the_order_of_their_first_rows_and_only_texts_with_rows():
    coded = pa.chunked_array(
        [
            pa.DictionaryArray.from_arrays(pa.array([2, None, 0]), pa.array(["c", "unused", "a"])),
            pa.DictionaryArray.from_arrays(pa.array([1, 0]), pa.array(["b", "a"])),
        ]
    )
    column = encode_column(coded)
    assert column.texts == ("a", "", "c", "b")
    assert column.expand().tolist() == ["a", "", "c", "a", "b"]
    same = _encode_texts(["a", "", "c", "a", "b"])
    assert (same.texts, same.codes.tolist()) == (column.texts, column.codes.tolist())
    assert encode_column(pa.chunked_array([], pa.string())).texts == ()


@pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.null(), pa.bool_(), pa.duration("s")])
def test_cells_of_other_types_are_texts(kind):
    values = {"list<": [[1], None], "null": [None, None], "bool": [True, None]}.get(
        str(kind)[:5].split("[")[0]
    )
    column = pa.chunked_array([pa.array(values or [0, None], kind)])
    expected = ["" if cell is None else str(cell) for cell in column.to_pylist()]
    assert encode_column(column).expand().tolist() == expected


def test_a_csv_file_has_the_bits_of_the_parquet_file(tmp_path):
    rng = np.random.default_rng(3)
    days, names, cells = random_rows(rng)
    names = ["NA" if name == "A" else "nan" if name == "B" else name for name in names]
    frame = pd.DataFrame({"date": days, "asset": names, "close": pd.array(cells, "float64")})
    frame.to_csv(tmp_path / "x.csv", index=False)
    frame.to_parquet(tmp_path / "x.parquet")
    read = [read_grid(path) for path in (tmp_path / "x.csv", tmp_path / "x.parquet")]
    assert read[0].names == read[1].names == ("10", "NA", "nan", "Ä.B")
    np.testing.assert_array_equal(read[0].values, read[1].values)


def test_columns_are_read_by_their_place_whatever_their_names(tmp_path):
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"date\u200b": DAYS[:2], "BRK": [1.0, 2.0], " BRK.B": [3.0, 4.0]}), path)
    header = read_header(path)
    assert header == ("date", "BRK", "BRK.B")
    contents = read_columns(path, header, texts=["date"], numbers=["BRK.B"])
    assert contents.numbers["BRK.B"].tolist() == [3.0, 4.0]
    assert "'date\\u200b' as 'date' and 1 more" in contents.warnings[0].message


@pytest.mark.parametrize("index", [2, -1])
@pytest.mark.parametrize("name", ["symbol", "close"])
def test_values_outside_of_a_damaged_dictionary_are_refused(tmp_path, monkeypatch, name, index):
    path = tmp_path / "prices.parquet"
    whole = pa.table({"date": ["2020-01-31", "2020-02-29"], "symbol": ["A", "A"], "close": [1.0, 2.0]})
    pq.write_table(whole, path)
    values = pa.array(["A", "B"] if name == "symbol" else [1.0, 2.0])
    damaged = pa.DictionaryArray.from_arrays(pa.array([0, index]), values, safe=False)
    table = whole.set_column(whole.column_names.index(name), name, damaged)
    monkeypatch.setattr("market.text.columns._read_parquet", lambda *_: table)
    with pytest.raises(SourceError, match=r"prices.parquet: cannot be read as a table"):
        read_columns(path, read_header(path), texts=["date", "symbol"], numbers=["close"])


def test_bytes_are_utf8_text_or_refused(tmp_path):
    names = encode_column(pa.chunked_array([pa.array([b"AAPL", "Société".encode(), None], pa.binary())]))
    assert names.texts == ("AAPL", "Société", "")
    path = tmp_path / "prices.parquet"
    symbols = pa.array([b"\xff\x00"] * 3, pa.binary())
    table = pa.table(
        {"date": ["2020-01-31", "2020-02-29", "2020-03-31"], "symbol": symbols, "close": [1.0, 2.0, 3.0]}
    )
    pq.write_table(table, path)
    header = read_header(path)
    with pytest.raises(SourceError, match=r"binary values that are no UTF-8 text, such as b'\\xff\\x00'"):
        read_columns(path, header, texts=["date", "symbol"], numbers=["close"])

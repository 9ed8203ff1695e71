"""A file that was cut off at any byte never gives a wrong last price without a word."""

import bz2
import gzip

import numpy as np
import pandas as pd
import pytest

from market.errors import DataError, SourceError
from market.load import load_panel
from market.text.columns import read_columns
from market.text.delimited.truncation import _looks_cut
from market.text.headers import read_header

DAYS = pd.bdate_range("2021-01-04", periods=24)


def prices(decimals):
    rng = np.random.default_rng(0)
    values = 100 * np.exp(np.cumsum(rng.normal(0, 0.02, (len(DAYS), 2)), axis=0))
    return pd.DataFrame(values, index=DAYS.rename("date"), columns=["AAA", "BBB"]).round(decimals)


def cut_anywhere(path, whole, data, first):
    """Read each beginning of a file; return how often a wrong price was loaded with and without a warning."""
    wrong = {"warned": 0, "silent": 0}
    for n in range(first, len(data)):
        path.write_bytes(data[:n])
        try:
            panel, findings = load_panel("prices", path=path)
        except DataError:
            continue
        rows = len(panel.dates)
        last = panel.returns[-1][: len(whole.assets)]
        expected = whole.returns[rows - 1]
        same = panel.assets == whole.assets and bool(np.all(np.isnan(last) | (last == expected)))
        warned = any(finding.check == "no line end" for finding in findings)
        wrong["warned" if warned else "silent"] += not same
    return wrong


@pytest.mark.parametrize("decimals, end", [(0, "\n"), (2, "\r\n"), (4, "\n"), (12, "\r\n")])
def test_wide_tables(tmp_path, decimals, end):
    path = tmp_path / "x.csv"
    prices(decimals).to_csv(path, lineterminator=end)
    whole, data = load_panel("prices", path=path)[0], path.read_bytes()
    wrong = cut_anywhere(path, whole, data, len(data) - 90)
    # Decimals that were zeros are not written, so that a shorter number may be complete.
    assert wrong == {"warned": 0 if decimals != 2 else wrong["warned"], "silent": 0}
    assert wrong["warned"] <= 4


@pytest.mark.parametrize(
    "columns", [("date", "asset", "price"), ("asset", "price", "date"), ("price", "date", "asset")]
)
def test_long_tables(tmp_path, columns):
    path = tmp_path / "x.csv"
    table = prices(4).rename_axis(columns="asset").stack().rename("price").reset_index()
    table = table.replace({"asset": {"AAA": "Alpha", "BBB": "Beta"}})
    table[list(columns)].to_csv(path, index=False)
    whole, data = load_panel("prices", path=path)[0], path.read_bytes()
    assert cut_anywhere(path, whole, data, len(data) - 110) == {"warned": 0, "silent": 0}


def test_a_cut_file_says_where_and_what_to_do(tmp_path):
    path = tmp_path / "x.csv"
    prices(4).to_csv(path)
    text = path.read_text()
    path.write_text(text[:-3])
    with pytest.raises(
        SourceError,
        match=r"x\.csv: line 25, the last, has no line end, and its last cell, '.*' in column 'BBB'",
    ):
        load_panel("prices", path=path)
    path.write_text(text[:-12])
    with pytest.raises(
        SourceError, match=r"line 25, the last, has 2 of 3 cells and no line end: the file was cut off"
    ):
        load_panel("prices", path=path)
    packed = gzip.compress(text.encode())
    path = tmp_path / "x.csv.gz"
    for n in range(1, len(packed), 7):
        path.write_bytes(packed[:n])
        with pytest.raises(SourceError, match="the compressed file was cut off"):
            load_panel("prices", path=path)


def test_the_file_as_of_an_earlier_date_is_not_judged_by_its_end(tmp_path):
    path = tmp_path / "x.csv"
    prices(4).to_csv(path)
    text = path.read_text()
    whole = load_panel("prices", path=path)[0]
    for cut in (1, 3):  # complete without a line end, and within the last price
        path.write_text(text[:-cut])
        part, findings = load_panel("prices", path=path, known_by=DAYS[15])
        np.testing.assert_array_equal(part.returns, whole.returns[:15])
        assert "no line end" not in {finding.check for finding in findings}
    with pytest.raises(SourceError, match=r"x\.csv: line 25, the last, has no line end, and its last cell"):
        load_panel("prices", path=path, known_by=DAYS[-1])
    path.write_text(text[:-1])
    part, findings = load_panel("prices", path=path, known_by=pd.Timestamp("2200-01-01"))
    assert part.digest() == whole.digest()
    assert "no line end" in {finding.check for finding in findings}


@pytest.mark.parametrize("name", ["x.csv.gz", "x.csv.bz2", "X.CSV.GZ", "x.parquet"])
def test_files_of_each_kind_are_read_as_of_an_earlier_date(tmp_path, name):
    path = tmp_path / name
    table = prices(4).rename(columns={"AAA": "A\u200bAA"})
    if name.endswith("parquet"):
        table.to_parquet(path)
    else:
        pack = gzip if "gz" in name.lower() else bz2
        path.write_bytes(pack.compress(table.to_csv().encode()))
    (whole, found), (part, still) = (
        load_panel("prices", path=path, known_by=day) for day in (None, DAYS[15])
    )
    assert part.digest() == whole.as_of(DAYS[15]).digest()
    for findings in (found, still):
        assert "'A\\u200bAA' as 'AAA'" in next(
            f.message for f in findings if f.check == "names read otherwise"
        )


def test_other_readers_of_tables_see_it_too(tmp_path):
    path = tmp_path / "holdings.csv"
    path.write_text("asset,weight\n" + "".join(f"A{n},0.0625\n" for n in range(15)) + "A15,0.06")
    with pytest.raises(SourceError, match=r"holdings\.csv: line 17, the last, has no line end"):
        read_columns(path, read_header(path), texts=["asset"], numbers=["weight"])
    path.write_text(path.read_text() + "25")
    contents = read_columns(path, read_header(path), texts=["asset"], numbers=["weight"])
    assert (contents.findings, [f.check for f in contents.warnings]) == ((), ["no line end"])


@pytest.mark.parametrize(
    "cell, before, cut",
    [
        ("10.1", ["10.12"] * 9 + ["10.1"] * 2, True),
        ("10.1", ["10.12", "10.1"] * 9, False),
        ("10", ["10.12"] * 20, True),
        ("", ["10.12"] * 20, True),
        ("", ["", "10.12"] * 20, False),
        ("99", ["100"] * 20, True),
        ("101", ["99"] * 20, False),
        ("1.5e-0", ["1.5"] * 3, True),
        ("AAP", ["AAPL", "MSFT"] * 9, True),
        ("AAPL", ["AAPL", "MSFT"] * 9, False),
        ("IBM", ["AAPL", "MSFT"] * 9, True),
        ("2021-01-1", [f"2021-01-{n}" for n in range(10, 30)], True),
        ("1", ["100"] * 3, False),
    ],
)
def test_cells_that_look_cut(cell, before, cut):
    assert _looks_cut(cell, before) is cut


def test_a_cut_exponent_in_the_only_row_is_refused(tmp_path):
    path = tmp_path / "held.csv"
    path.write_text("asset,weight\nAAPL,1e")
    with pytest.raises(SourceError, match=r"its last cell, '1e' in column 'weight'.*the file looks cut off"):
        read_columns(path, read_header(path), texts=["asset"], numbers=["weight"])

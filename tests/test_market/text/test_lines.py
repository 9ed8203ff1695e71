"""One line of a CSV file is one row: nothing that a quote swallows is missed."""

import bz2
import gzip
import re

import numpy as np
import pandas as pd
import pytest

from market.errors import SourceError
from market.load import load_panel
from market.text.columns import read_columns
from market.text.delimited import lines
from market.text.headers import read_header

DAYS = pd.bdate_range("2021-01-04", periods=40)


def long_table(notes):
    """Return lines of a long table with a column of text that is not used; `notes` has texts by line number."""
    rows = [(day, name) for day in DAYS for name in ("AAA", "BBB")]
    body = (
        f"{day:%Y-%m-%d},{name},{notes.get(n + 2, 'ok')},{50 + np.sin(n):.4f}"
        for n, (day, name) in enumerate(rows)
    )
    return ["date,asset,note,close", *body]


def write(path, text):
    data = text.encode()
    pack = {".gz": gzip.compress, ".bz2": bz2.compress}.get(path.suffix, bytes)
    path.write_bytes(pack(data))
    return path


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.csv.bz2"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    "line, notes",
    [
        (30, {30: '"oops', 41: 'fine"'}),  # swallows eleven lines, and the number of columns is right
        (30, {30: '"oops'}),
        (30, {30: '"two\nlines"'}),
        (31, {30: '5" pipe', 31: '"oops'}),
    ],
)
def test_a_quote_that_is_open_at_the_end_of_a_line_is_named(tmp_path, name, end, line, notes):
    text = "\n".join([*long_table(notes), ""]).replace("\n", end)
    with pytest.raises(SourceError, match=rf"{re.escape(name)}: line {line}: a quoted cell is not closed"):
        load_panel("prices", path=write(tmp_path / name, text))


def test_an_open_quote_in_the_last_line_is_named(tmp_path):
    for end in ("", "\n", "\n\n"):
        path = write(tmp_path / "x.csv", 'date,AAA\n2021-01-04,1.5\n2021-01-05,"1.6' + end)
        with pytest.raises(SourceError, match="line 3: a quoted cell is not closed"):
            load_panel("prices", path=path)


def test_an_open_quote_among_the_names_is_named(tmp_path):
    path = write(tmp_path / "x.csv", 'date,"AAA\n2021-01-04,1.5\n2021-01-05,1.6\n')
    with pytest.raises(SourceError, match="line 1: a quoted column name is not closed"):
        load_panel("prices", path=path)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\n\n", "\r\r\n"])
@pytest.mark.parametrize("note", ["ok", '"a, ""b"", c"', '6" pipe', 'a"b"', '""', ""])
def test_quotes_that_close_and_blank_lines_are_fine(tmp_path, end, note):
    plain = load_panel("prices", path=write(tmp_path / "x.csv", "\n".join([*long_table({}), ""])))[0]
    text = end.join([*long_table(dict.fromkeys(range(2, 90, 3), note)), ""]) + 2 * end
    assert load_panel("prices", path=write(tmp_path / "x.csv", text))[0].digest() == plain.digest()


def test_lines_are_counted_like_by_hand(tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", 7)
    rng = np.random.default_rng(0)
    for _ in range(120):
        data = bytes(rng.choice(list(b'a,"\n\r'), size=int(rng.integers(1, 40)), p=[0.4, 0.1, 0.1, 0.2, 0.2]))
        path = tmp_path / "x.csv"
        path.write_bytes(data)
        with lines.LineCounter(path) as counter:
            while counter.read(int(rng.integers(1, 9))):
                pass
        pieces = re.split(r"\r\n|\r|\n", data.decode())
        assert counter.n_filled == sum(piece != "" for piece in pieces)
        assert counter.last_number == len(pieces) - (pieces[-1] == "")
        assert counter.is_finished == (pieces[-1] == "")
        numbered = dict(lines.numbered_lines(path))
        assert [numbered.get(n + 1, "") for n in range(len(pieces))] == pieces


def test_a_large_file_whose_quote_ends_in_another_block_is_refused(tmp_path):
    body = [f"2021-01-04,A{n},ok,{n + 1}" for n in range(120_000)]
    body[50_000] = '2021-01-04,A50000,"oops,1'
    path = write(tmp_path / "x.csv", "\n".join(["date,asset,note,close", *body, ""]))
    assert path.stat().st_size > 2 * lines.BLOCK
    with pytest.raises(SourceError, match="line 50002: a quoted cell is not closed"):
        read_columns(path, read_header(path), texts=["date", "asset"], numbers=["close"])

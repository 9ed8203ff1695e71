"""Mutations of the content of a file: the mutated content is the reference, if it can be read at all."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from benchmarks.fuzz.price_files.corpus import Rng, choose
from benchmarks.fuzz.price_files.drafts import Draft
from benchmarks.fuzz.price_files.reading import UnreadableError, is_number, read_date

ODD_CELLS = (
    *(
        "n/d",
        "-",
        "#REF!",
        "True",
        "inf",
        "-inf",
        "Infinity",
        "1e308",
        "-1e308",
        "1e999",
        "-0",
        "0",
        "0.0",
        "nan%",
    ),
    *(
        "0x1F",
        "1_000",
        "1,234.5",
        "1.234,5",
        "12%",
        "$3.10",
        "(3.2)",
        "3 4",
        "1e-320",
        "1d5",
        "１２３",
        "٣",
        "1e5",
    ),
    *(
        "+101.5",
        " 100.25 ",
        "100.",
        ".5",
        "-5.25",
        "1.2.3",
        "--3",
        "None",
        "NULL",
        "-nan",
        "nan",
        "NAN",
        "Null",
    ),
    *(
        "n.a.",
        "1/2",
        "=A1",
        "2020-01-31",
        "1e",
        "e5",
        "999999999999999999999",
        "1.0000000000000000001",
        "0.1e+2",
    ),
    *(
        "−5",
        "5 ",
        "12,5",
        "1'000",
        "1\u00a0000",
        "\u200b12",
        "12\x00",
        "12;5",
        "12\t",
        "١٢",
        "½",
        "true",
        "<NA>",
    ),
)
ODD_DATES = (
    *(
        "0000-01-01",
        "0000-00-00",
        "9999-12-31",
        "0001-01-01",
        "1677-01-01",
        "2262-04-12",
        "2020-02-30",
        "2020-13-01",
    ),
    *("1900-01-00", "", "NaT", "today", "45293", "1e9", "20200131.0", "2020-1-5", "31.01.2020", "01/31/2020"),
    *(
        "2020-01-31 25:61",
        "2020-01-31T00:00:00Z",
        "2020-W05-5",
        "2020-031",
        "Jan 31, 2020",
        "31-Jan-20",
        "2020",
    ),
    *(
        "-2020-01-31",
        "12020-01-31",
        "２０２０-01-31",
        "2020-01-31\x00",
        "2020–01–31",
        "1580428800",
        "2020-01",
    ),
    *("2020-06-30 16:00:00 garbage", "99999999", "00000000", "10000000", "2020-01-31+00:00", "9999999999999"),
)
LONG = (
    "1" * 3000,
    "1,234" * 600,
    "." * 3000,
    "x" * 3000,
    " " * 3000,
    "(" * 3000,
    "2020-01-31" * 300,
    "\n" * 2000,
)
"""Cells that are far too long."""
EDGE_NUMBERS = ("1e-300", "1e300", "1000000000", "0.000001", "1e15", "123456789.123456789")


def replace_number(draft: Draft, rng: Rng) -> str | None:
    """Write an unusual text into a number cell."""
    return _write_cell(draft, rng, choose(rng, LONG if rng.random() < 0.1 else ODD_CELLS))


def replace_number_in_range(draft: Draft, rng: Rng) -> str | None:
    """Write another number into a cell: near the other numbers, or far from them."""
    text = choose(rng, EDGE_NUMBERS) if rng.random() < 0.3 else f"{rng.uniform(1.0, 900.0):.2f}"
    return _write_cell(draft, rng, text)


def replace_last_number(draft: Draft, rng: Rng) -> str | None:
    """Write an unusual text into the last row."""
    return _write_cell(draft, rng, choose(rng, ODD_CELLS), row=-1)


def replace_all_numbers(draft: Draft, rng: Rng) -> str | None:
    """Write all numbers of a column in another format."""
    columns = draft.value_columns()
    if not columns or not draft.rows:
        return None
    column = choose(rng, columns)
    ways: dict[str, Callable[[str], str]] = {
        "%": lambda text: text + "%",
        "thousands": lambda text: f"{float(text):,.2f}",
        "decimal comma": lambda text: text.replace(".", ","),
        "$": lambda text: "$" + text,
        "brackets": lambda text: f"({text})",
        "exponent": lambda text: f"{float(text):.17e}",
        "blanks": lambda text: f"  {text} ",
        "plus": lambda text: "+" + text,
        "infinite": lambda _: "inf",
        "letters": lambda _: "n/d",
        "K": lambda text: f"{float(text) / 1000:.5f}K",
    }
    name = choose(rng, tuple(ways))
    for row in draft.rows:
        if is_number(row[column]):
            row[column] = ways[name](row[column])
    return f"column {draft.header[column]!r} written with {name}"


def empty_cells(draft: Draft, rng: Rng) -> str | None:
    """Empty some number cells, with one of the texts for missing values."""
    columns = draft.value_columns()
    if not columns or not draft.rows:
        return None
    text = choose(rng, ("", " ", "NA", "NaN", "null", "N/A", "None", ".", "#N/A N/A"))
    count = int(rng.integers(1, 5))
    for _ in range(count):
        choose(rng, draft.rows)[choose(rng, columns)] = text
    return f"{count} cells {text!r}"


def remove_rows(draft: Draft, rng: Rng) -> str | None:
    """Remove rows."""
    if len(draft.rows) < 4:
        return None
    start = int(rng.integers(0, len(draft.rows) - 1))
    stop = start + int(rng.integers(1, 4))
    del draft.rows[start:stop]
    return f"rows {start} to {stop} removed"


def replace_date(draft: Draft, rng: Rng) -> str | None:
    """Write an unusual text into a date cell."""
    column = draft.column(draft.reading.date)
    if column < 0 or not draft.rows:
        return None
    row, text = int(rng.integers(len(draft.rows))), choose(rng, LONG if rng.random() < 0.1 else ODD_DATES)
    draft.rows[row][column] = text
    return f"date of row {row} is {text[:40]!r}"


def move_date(draft: Draft, rng: Rng) -> str | None:
    """Change the date of one row, in the format of the column."""
    column = draft.column(draft.reading.date)
    if column < 0 or not draft.rows:
        return None
    row, days = int(rng.integers(len(draft.rows))), int(choose(rng, (-7, -1, 1, 2, 30, 365, 36500)))
    try:
        day = read_date(draft.rows[row][column], draft.reading.day_first) + dt.timedelta(days=days)
    except (UnreadableError, OverflowError):
        return None
    draft.rows[row][column] = day.isoformat()
    return f"date of row {row} moved by {days} days"


def swap_names(draft: Draft, rng: Rng) -> str | None:
    """Swap the names of two number columns in the header."""
    columns = draft.value_columns()
    if len(columns) < 2 or draft.reading.layout != "wide":
        return None
    a, b = (int(n) for n in rng.permutation(columns)[:2])
    draft.header[a], draft.header[b] = draft.header[b], draft.header[a]
    return f"names of columns {a} and {b} exchanged"


def repeat_column(draft: Draft, rng: Rng) -> str | None:
    """Write a column twice, under the same name or another."""
    columns = draft.value_columns()
    if not columns or draft.reading.layout != "wide":
        return None
    column = choose(rng, columns)
    name = choose(
        rng, (draft.header[column], draft.header[column] + ".1", "Y9", draft.header[column].lower())
    )
    draft.header.append(name)
    for row in draft.rows:
        row.append(row[column])
    return f"column {draft.header[column]!r} again as {name!r}"


def _write_cell(draft: Draft, rng: Rng, text: str, row: int | None = None) -> str | None:
    columns = draft.value_columns()
    if not columns or not draft.rows:
        return None
    row = int(rng.integers(len(draft.rows))) if row is None else row
    column = choose(rng, columns)
    draft.rows[row][column] = text
    return f"row {row}, column {draft.header[column]!r}: {text[:40]!r}"


CONTENTS = (
    *(replace_number, replace_number, replace_number_in_range, replace_last_number, replace_all_numbers),
    *(empty_cells, remove_rows, replace_date, replace_date, move_date, swap_names, repeat_column),
)

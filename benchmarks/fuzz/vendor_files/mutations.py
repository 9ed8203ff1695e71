"""Mutations of vendors' files whose right answer stays known: the same content, another one, or a refusal."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from benchmarks.fuzz.price_files.corpus import Rng, choose
from benchmarks.fuzz.vendor_files.facts import Facts, Sheet

GARBAGE = (
    "#REF!",
    "#VALUE!",
    "abc",
    "1.2.3",
    "--3",
    "1e",
    "1/2",
    "0x1F",
    "12:30",
    "=A1",
    "(",
    "1_000",
    "true",
)
"""Cells in which no careful person sees a number."""
WRONG_SETTINGS: tuple[dict[str, Any], ...] = (
    *({"decimal": ","}, {"decimal": "."}, {"date_format": "%d/%m/%Y"}, {"date_format": "%m/%d/%Y"}),
    *({"date_format": "excel"}, {"date_format": "yyyyq"}, {"date_format": "%Q"}, {"skip_rows": 1}),
    *({"skip_rows": 500}, {"table": 2}, {"table": 3}, {"asset_column": "Close"}, {"price_column": "nothing"}),
    *({"date_column": "Close"}, {"layout": "wide"}, {"layout": "long"}, {"frequency": "daily"}),
    *({"frequency": "quarterly"}, {"frequency": "W-FRI"}, {"sessions": "UTC"}, {"sessions": "XNYS"}),
    *({"sessions": "nowhere"}, {"calendar": "weekdays"}, {"calendar": "XNYS"}, {"na_values": (0, "KO", "")}),
    *({"values": "returns"}, {"values": "prices"}, {"values": "percent_returns"}, {"duplicate_rows": "last"}),
    *({"traded": "Close"}, {"traded": "nothing"}, {"cash": "KO"}, {"market": "PEP"}, {"scale": "fraction"}),
)
"""Settings that may contradict a file: what it holds under them is unknown."""


def empty_values(facts: Facts, rng: Rng) -> tuple[Facts, str]:
    """Leave values of some assets out: holes, a late start, an early end."""
    price = facts.fields["price"].copy()
    for n in range(price.shape[1]):
        start = int(rng.integers(0, len(price) - 6))
        price[start : start + int(rng.integers(1, 5)), n] = np.nan
    return facts.with_field("price", price), "values left out"


def remove_dates(facts: Facts, rng: Rng) -> tuple[Facts, str]:
    """Remove up to three dates inside."""
    start = int(rng.integers(5, len(facts.dates) - 5))
    gone = range(start, start + int(rng.integers(1, 4)))
    return facts.take([n for n in range(len(facts.dates)) if n not in gone]), f"dates {gone} removed"


def reverse_rows(sheet: Sheet, rng: Rng) -> str | None:
    """Write the rows in the other direction."""
    if not _is_ordered(sheet):
        return None
    sheet.rows.reverse()
    return "rows reversed"


def repeat_row(sheet: Sheet, rng: Rng) -> str | None:
    """Append a row again with other numbers, as vendors do with the live one, and say which counts."""
    if sheet.options.get("sessions") or len(sheet.fields) > 1 or not _is_ordered(sheet):
        return None
    last = sheet.rows[-1]
    again = [last[0], *(text and f"{float(text) * 1.5:.2f}" for text in last[1:] if _is_number(text))]
    if len(again) < len(last):
        return None
    keep = choose(rng, ("first", "last"))
    sheet.rows.insert(len(sheet.rows) if keep == "first" else len(sheet.rows) - 1, again)
    sheet.options["duplicate_rows"] = keep
    return f"the last row twice, {keep} counts"


def write_garbage(rows: list[list[Any]], used: int, rng: Rng) -> str | None:
    """Write a text that is no number into one of the columns that are used, which are the first ones."""
    row = int(rng.integers(len(rows)))
    places = [n for n, cell in enumerate(rows[row]) if 0 < n < used and _is_price(cell)]
    if not places:
        return None
    column, text = choose(rng, places), choose(rng, GARBAGE)
    rows[row][column] = text
    return f"row {row}, column {column}: {text!r}"


def drop_cell(rows: list[list[Any]], rng: Rng) -> str | None:
    """Drop the first number of a row, so that the others move to the left."""
    if len(rows[0]) < 3:
        return None
    row = int(rng.integers(len(rows)))
    del rows[row][1]
    return f"row {row} has a cell less"


def repeat_name_line(top: list[list[str]], rows: list[list[Any]], rng: Rng) -> str | None:
    """Write the line of names again between two rows, as files that were appended to each other have it."""
    if not top:
        return None
    row = int(rng.integers(3, len(rows)))
    rows.insert(row, list(top[-1]))
    return f"names again above row {row}"


def insert_blank_line(rows: list[list[Any]], rng: Rng) -> str:
    """Insert a line without cells."""
    row = int(rng.integers(3, len(rows)))
    rows.insert(row, [])
    return f"blank line above row {row}"


def drop_setting(options: dict[str, Any], rng: Rng) -> str | None:
    """Leave a setting out."""
    kept = ("values", "duplicate_rows", "sessions", "frequency", "running_period")
    names = sorted(name for name in options if name not in kept)
    if not names:
        return None
    name = choose(rng, names)
    del options[name]
    return f"without {name}"


def _is_ordered(sheet: Sheet) -> bool:
    days = [row[0] for row in sheet.rows]
    return all(a < b for a, b in itertools.pairwise(days))


def _is_number(cell: Any) -> bool:
    try:
        float(cell)
    except (TypeError, ValueError):
        return cell == ""
    return True


def _is_price(cell: Any) -> bool:
    return isinstance(cell, float) or (
        isinstance(cell, str) and cell[:1].lstrip("-").isdigit() and ".HK" not in cell
    )

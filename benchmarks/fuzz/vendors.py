"""Fuzzer of files as vendors write them: text, workbooks and Parquet files, with the settings that they need.

The facts are made first, so that the right answer is known: dates, assets, returns, bars and volume. A file without a
mutation must be read to them. With one it is read to them, or to what the mutation made of them, or refused.
"""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.cases import Case, Fault
from benchmarks.fuzz.price_files.corpus import Rng, choose
from benchmarks.fuzz.price_files.damage import damage_bytes
from benchmarks.fuzz.price_files.drafts import Content, Expectation, PriceCase, Reading
from benchmarks.fuzz.price_files.judging import judge_file
from benchmarks.fuzz.vendor_files import mutations
from benchmarks.fuzz.vendor_files.facts import Facts, Sheet, make_facts
from benchmarks.fuzz.vendor_files.layouts import LAYOUTS, TICKERS
from benchmarks.fuzz.vendor_files.notations import Notation, choose_notation, write_rows, write_text
from benchmarks.fuzz.vendor_files.workbooks import damage_part, write_parquet, write_workbook

KINDS = ("many", "many", "one", "returns")
MUTATIONS = (
    *("garbage", "drop cell", "names again", "blank line", "drop setting", "drop setting", "wrong setting"),
    *("wrong setting", "bytes", "bytes", "cut"),
)
HOURS = (9, 13, 17)
"""Hours of the rows of a session."""


@dataclass
class _Made:
    """A file while it is made: what is expected of it, and the notes about it."""

    expectation: Expectation
    truth: Content | None
    notes: list[str]

    def expect(self, expectation: Expectation, truth: Content | None) -> None:
        """Expect something else, unless nothing is known any more."""
        if self.expectation != "anything":
            self.expectation, self.truth = expectation, truth


def mutate(rng: Rng, folder: Path) -> Case:
    """Create a file in a vendor's layout, with up to two mutations."""
    kind = choose(rng, KINDS)
    layout = choose(rng, LAYOUTS[kind])
    frequency = (
        "monthly" if layout.__name__ == "french" else choose(rng, ("daily", "daily", "weekly", "monthly"))
    )
    count = 1 if kind == "one" else int(rng.integers(2, 5))
    names = [TICKERS[n] for n in rng.permutation(len(TICKERS))[:count]]
    names = sorted(names) if layout.__name__.startswith("long") else names
    facts = make_facts(
        rng,
        names,
        "percent_returns" if kind == "returns" else "prices",
        frequency,
        first_year=2002 if layout.__name__ == "klines" else 1975,
    )
    notes = [f"{layout.__name__} {frequency}"]
    for change in (mutations.empty_values, mutations.remove_dates):
        is_lean = layout.__name__ in ("wide", "bloomberg", "french") and count > 1
        if rng.random() < 0.15 and (is_lean or change is mutations.remove_dates):
            facts, note = change(facts, rng)
            notes.append(note)
    sheet = layout(facts, rng)
    if kind == "returns" and "values" not in sheet.options:
        sheet.options |= choose(
            rng, ({"values": "returns", "scale": "percent"}, {"values": "percent_returns"})
        )
    truth = _refine(rng, sheet, facts, frequency, notes)
    notation = choose_notation(rng, sheet, facts)
    if rng.random() < 0.1 and (note := mutations.repeat_row(sheet, rng)):
        notes.append(note)
    if rng.random() < 0.15 and not sheet.options.get("duplicate_rows"):
        notes.append(mutations.reverse_rows(sheet, rng) or "")
    made = _Made("sound", truth, notes)
    notes += [*sheet.notes, str(vars(notation)), f"dates {sheet.date_form}"]
    path = folder / f"{sheet.stem.replace('^', 'IDX')}{notation.ending}"
    made.truth = _name(made.truth, sheet, path)
    chosen = [choose(rng, MUTATIONS) for _ in range(int(choose(rng, (0, 1, 1, 1, 2))))]
    workbook_sheet = _write(rng, path, sheet, notation, made, chosen)
    notes.append(f"settings {sheet.options}")
    case = PriceCase(
        reading=Reading("vendor", "", values=facts.values),
        options=sheet.options,
        expectation=made.expectation,
        truth=made.truth,
        named=(),
        is_strict=made.expectation == "truth",
        is_parquet=notation.ending == ".parquet",
        as_of=bool(rng.random() < 0.25),
        sheet=workbook_sheet,
    )
    return Case("vendors", f"{made.expectation}: {'; '.join(notes)}", path, case)


def check(case: Case) -> Fault | None:
    """Read the file, and judge the ending."""
    assert case.path is not None
    return judge_file(case.path, case.payload)


def _name(truth: Content | None, sheet: Sheet, path: Path) -> Content | None:
    """Return the truth with the name that the file gives a single asset."""
    if truth is None or sheet.stem == "prices":
        return truth
    return replace(truth, assets=(path.name.removesuffix(".gz").rpartition(".")[0],))


def _refine(rng: Rng, sheet: Sheet, facts: Facts, frequency: str, notes: list[str]) -> Content:
    """Make rows of hours, or ask for months, in some files; return what a panel must hold."""
    is_plain = sheet.fields == ("price",) and sheet.date_form == "%Y-%m-%d" and facts.values == "prices"
    if not is_plain or frequency != "daily" or np.isnan(facts.fields["price"]).any():
        return facts.content(sheet.fields)
    if rng.random() < 0.15:
        sheet.rows = [
            [dt.datetime.combine(row[0], dt.time(hour)), *_move(row[1:], hour)]
            for row in sheet.rows
            for hour in HOURS
        ]
        sheet.options |= {"sessions": "UTC", "running_period": "keep"}
        sheet.date_form = "%Y-%m-%d %H:%M"
        notes.append("three rows a day")
    elif rng.random() < 0.2 and len(facts.dates) > 70:
        sheet.options |= {"frequency": "monthly", "running_period": "keep"}
        notes.append("months of days")
        months = [(day.year, day.month) for day in facts.dates]
        last = [n for n, month in enumerate(months) if month not in months[n + 1 :]]
        return facts.take(last).content(sheet.fields)
    return facts.content(sheet.fields)


def _move(cells: Sequence[str], hour: int) -> list[str]:
    """Return the cells of an hour: those of the last one are the day's."""
    factor = 1.0 if hour == HOURS[-1] else 1.0 + 0.001 * hour
    return [f"{float(cell) * factor:.4f}" if not any(map(str.isalpha, cell)) else cell for cell in cells]


def _write(
    rng: Rng, path: Path, sheet: Sheet, notation: Notation, made: _Made, chosen: Sequence[str]
) -> str | None:
    """Write the file with its mutations; return the sheet to read, if that must be said."""
    top, rows, bottom = write_rows(sheet, notation)
    typed = not notation.is_text
    if typed and len(top) != 1 and "title rows" not in sheet.notes:
        made.expect("truth", made.truth)  # a sheet has one line of names; others are refused
    used = sheet.width
    for name in chosen:
        _change_cells(rng, name, (top, rows), sheet.options, made, is_text=notation.is_text, used=used)
    workbook_sheet = None
    if notation.ending == ".parquet":
        width = len(top[-1])
        write_parquet(path, top[-1], _unify([[*row, *[None] * width][:width] for row in rows]))
    elif notation.ending == ".xlsx":
        workbook_sheet, note = write_workbook(path, [*top, *rows, *bottom], rng)
        made.notes.append(note)
    else:
        content = write_text(top, rows, bottom, notation)
        path.write_bytes(gzip.compress(content, 1, mtime=0) if path.suffix == ".gz" else content)
    for name in chosen:
        if name in ("bytes", "cut"):
            path.write_bytes(_damage(rng, name, path, made))
    return workbook_sheet


def _change_cells(
    rng: Rng,
    name: str,
    lines: tuple[list[list[str]], list[list[Any]]],
    options: dict[str, Any],
    made: _Made,
    *,
    is_text: bool,
    used: int,
) -> None:
    """Apply a mutation of cells or settings."""
    top, rows = lines
    note: str | None = None
    if name == "garbage":
        note = mutations.write_garbage(rows, used, rng)
        made.expect("truth", None if note else made.truth)
    elif name == "drop cell" and is_text:
        note = mutations.drop_cell(rows, rng)
        made.expect("truth" if note else made.expectation, None if note else made.truth)
    elif name == "names again":
        note = mutations.repeat_name_line(top, rows, rng)
        # A note says that the lines below are a table of their own, which another number chooses.
        made.expect("anything" if "table" in options else "truth", made.truth)
    elif name == "blank line":
        note = mutations.insert_blank_line(rows, rng)
        made.expect("truth", made.truth)
    elif name == "drop setting":
        note = mutations.drop_setting(options, rng)
        expected: dict[str | None, Expectation] = {"without scale": "suspect", "without table": "anything"}
        made.expect(expected.get(note, "truth"), made.truth)
    elif name == "wrong setting":
        wrong = choose(rng, mutations.WRONG_SETTINGS)
        options |= wrong
        note = f"{wrong}"
        made.expect("anything", None)
    made.notes.append(f"{name}: {note}")


def _unify(rows: list[list[Any]]) -> list[list[Any]]:
    """Return rows whose columns have cells of one type, or texts."""
    columns = [list(column) for column in zip(*rows, strict=True)]
    for column in columns:
        if len({type(cell) for cell in column if cell is not None}) > 1:
            column[:] = [None if cell is None else str(cell) for cell in column]
    return [list(row) for row in zip(*columns, strict=True)]


def _damage(rng: Rng, name: str, path: Path, made: _Made) -> bytes:
    content = path.read_bytes()
    made.expectation, made.truth = "anything", None
    if name == "cut":
        at = int(rng.integers(1, len(content)))
        made.notes.append(f"cut at byte {at}")
        return content[:at]
    is_whole = path.suffix == ".xlsx" and not any("byte" in note for note in made.notes)
    way = damage_part if is_whole and rng.random() < 0.8 else damage_bytes
    damaged, note = way(content, rng)
    made.notes.append(note)
    return damaged

"""Fuzzer of files of series and tables: `data.series` and `data.tables`, with lags, publications and transforms.

A plain reader (pandas, texts, and the form of stamps that the generator used) reads each file, also a mutated one, and
brute force finds what was known at dates. A file without a mutation must be read to that; a mutated one is read to
that or refused, and must be refused if the plain reader finds a cell that is no number, date or possible publication.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.fuzz.cases import Case, Fault, check_message, record_ending, shorten_message
from benchmarks.fuzz.dated_files.answers import Spec, read_records, values_at
from benchmarks.fuzz.dated_files.clocks import read_stamp
from benchmarks.fuzz.dated_files.tables import ODD_NUMBERS, ODD_STAMPS, DatedFile, make_file, write_file
from benchmarks.fuzz.price_files.corpus import Rng, choose
from benchmarks.fuzz.price_files.damage import damage_bytes
from market.as_of.asset_tables import AssetTable
from market.errors import DataError
from market.findings import Finding
from market.macro import MacroSeries
from market.readers.dated.series import load_series
from market.readers.dated.settings import DatedSettings
from market.readers.dated.tables import load_tables

MUTATIONS = (
    *("number", "number", "stamp", "stamp", "publication", "early", "twice", "remove", "missing", "cell"),
    *("clocks", "bytes", "bytes", "bytes", "cut"),
)
TOLERANCE = 1e-9


@dataclass(frozen=True)
class _Known:
    """How a file is to be read, and what is expected: "sound", "truth" or "readers"."""

    spec: Spec
    settings: dict[str, Any]
    expectation: str
    days: list[dt.date]


def mutate(rng: Rng, folder: Path) -> Case:
    """Create a file of a series or table with up to two mutations."""
    made = make_file(rng)
    notes, expectation = [str(made.spec), f"settings {made.settings}"], "sound"
    chosen = [choose(rng, MUTATIONS) for _ in range(int(choose(rng, (0, 1, 1, 1, 2))))]
    for name in chosen:
        if name not in ("bytes", "cut"):
            notes.append(f"{name}: {_mutate_rows(rng, name, made)}")
            expectation = "truth"
    ending = choose(rng, (".csv", ".csv", ".csv", ".parquet"))
    content = write_file(made, ending)
    for name in chosen:
        if name in ("bytes", "cut"):
            at = int(rng.integers(1, len(content)))
            damaged, note = (
                (content[:at], f"cut at byte {at}") if name == "cut" else damage_bytes(content, rng)
            )
            content, expectation = damaged, "cut" if name == "cut" else "readers"
            notes.append(note)
    path = folder / f"file{ending}"
    path.write_bytes(content)
    known = _Known(made.spec, made.settings, expectation, _choose_days(rng, made))
    return Case("series", f"{expectation}: {'; '.join(notes)}", path, known)


def _choose_days(rng: Rng, made: DatedFile) -> list[dt.date]:
    """Return days at which values are compared: those of periods of the file, and some time later."""
    spec, ends = made.spec, []
    for row in made.rows:
        try:
            ends.append(read_stamp(row[0], spec.form, spec.months))
        except ValueError:
            continue
    usual = [end for end in ends if 1950 < end.year < 2100] or [dt.date(2000, 1, 1)]
    later = (0, 1, 5, 20, 31, 45, 60, 100, 400)
    return sorted({choose(rng, usual) + dt.timedelta(days=choose(rng, later)) for _ in range(20)})


def _mutate_rows(rng: Rng, name: str, made: DatedFile) -> str:
    """Change rows or settings; return what was done."""
    rows, spec, header = made.rows, made.spec, made.header
    first = 1 if spec.codes else 0
    n = int(rng.integers(first, len(rows)))
    values = [k for k, column in enumerate(header) if column in (spec.value, *spec.assets)]
    if name == "number":
        rows[n][choose(rng, values)] = text = choose(rng, ODD_NUMBERS)
        return f"row {n} is {text!r}"
    if name == "stamp":
        rows[n][0] = text = choose(rng, ODD_STAMPS)
        return f"row {n} is {text!r}"
    if name in ("publication", "early") and spec.known_at:
        text = choose(rng, ODD_STAMPS) if name == "publication" else "1950-01-01"
        rows[n][header.index(spec.known_at)] = text
        return f"row {n} known at {text!r}"
    if name == "twice":
        rows.append([*rows[n]])
        rows[-1][choose(rng, values)] = "12.125"
        return f"row {n} again with another value"
    if name == "remove":
        del rows[n : n + int(rng.integers(1, 3))]
        return f"row {n} removed"
    if name == "missing":
        rows[n][choose(rng, values)] = ""
        return f"row {n} without a value"
    if name == "cell":
        del rows[n][-1]
        rows[n] += [""] * (len(header) - len(rows[n]))
        return f"row {n} ends early"
    if name == "clocks":
        made.settings.pop("lag", None)
        made.settings.pop("known_at", None)
        return "neither lag nor known_at"
    return "nothing"


def check(case: Case) -> Fault | None:
    """Read the file, and compare it with the plain reading."""
    known: _Known = case.payload
    assert case.path is not None
    try:
        records = read_records(case.path, known.spec)
        expected, why = values_at(records, known.days, known.spec), ""
    except ValueError as error:
        expected, why = None, str(error)
    if not {"lag", "known_at"} & known.settings.keys():
        expected, why = None, "it is not said when values were known"
    try:
        loaded, findings = _load(case.path, known, None)
        got = loaded.at(pd.DatetimeIndex(known.days))
    except DataError as error:
        record_ending("refused: " + shorten_message(str(error), str(case.path), case.path.name))
        if known.expectation == "sound":
            return Fault("refused", f"a sound file: {error}")
        return check_message(str(error))
    record_ending(f"read, {known.expectation}")
    if wrong := [fault for finding in findings if (fault := check_message(finding.message))]:
        return wrong[0]
    if expected is None:
        is_known = known.expectation in ("sound", "truth")
        return (
            Fault("silent difference", f"read, though a plain reader finds that {why}") if is_known else None
        )
    is_named = known.expectation == "cut" and any(each.severity == "warning" for each in findings)
    if not is_named and (difference := _find_difference(got, expected, known.days)):
        return Fault("silent difference", difference)
    return _compare_as_of(case.path, known, got)


def _load(
    path: Path, known: _Known, known_by: pd.Timestamp | None
) -> tuple[MacroSeries | AssetTable, tuple[Finding, ...]]:
    settings = DatedSettings(**known.settings)
    if known.spec.assets:
        tables, findings = load_tables(path, "x", settings, known.spec.assets, known_by=known_by)
        return tables["x"], findings
    series, findings = load_series(path, "x", settings, known_by=known_by)
    return series[f"x_{known.spec.value}" if "columns" in known.settings else "x"], findings


def _find_difference(got: Any, expected: Any, days: list[dt.date]) -> str:
    """Return the first value that differs; "" if there is none."""
    ours = np.asarray(got).reshape(expected.shape)
    same = np.isclose(ours, expected, rtol=TOLERANCE, atol=TOLERANCE, equal_nan=True)
    if same.all():
        return ""
    row, column = (int(k) for k in np.argwhere(~same)[0])
    return f"at {days[row]} value {column} is {ours[row, column]:.10g}, expected {expected[row, column]:.10g}"


def _compare_as_of(path: Path, known: _Known, got: Any) -> Fault | None:
    """Return a fault if the file, read as of a date, has other values up to it."""
    middle = known.days[len(known.days) // 2]
    past, _ = _load(path, known, pd.Timestamp(middle))
    before = pd.DatetimeIndex([day for day in known.days if day <= middle])
    if np.array_equal(past.at(before), got[: len(before)], equal_nan=True):
        return None
    return Fault("look-ahead", f"as of {middle} the values are others")

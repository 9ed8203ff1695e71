"""The reference reader of the fuzzer: reads a table of texts without any code of the project."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from benchmarks.fuzz.price_files.drafts import Content, Reading

UNITS = {"k": 1e3, "m": 1e6, "b": 1e9}
NOTHING = frozenset(
    ("", ".", "na", "n/a", "#n/a", "#n/a n/a", "nan", "-nan", "null", "none", "<na>", "-", "n.a.", "n/d")
)
"""Texts of cells without a value, in lower case."""
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_TIME = r"([T ]\d{1,2}:\d{2}.*)?"
_FORMS = (
    (re.compile(r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})" + _TIME, re.DOTALL), (1, 2, 3)),
    (re.compile(r"(\d{4})(\d{2})(\d{2})" + _TIME, re.DOTALL), (1, 2, 3)),
    (re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})" + _TIME, re.DOTALL), (3, 2, 1)),
)
_SIGNED = re.compile(r"(\d{1,2})[-/](\d{1,2})[-/](\d{4})" + _TIME, re.DOTALL)
_MONTH = re.compile(r"(\d{4})-?(\d{2})")
_EPOCH = re.compile(r"[12](\d{9}|\d{12}|\d{15}|\d{18})")
_SPACE = " \t\r\n"


class UnreadableError(Exception):
    """The table is ambiguous or invalid."""


class MissingColumnError(UnreadableError):
    """A required column is missing, or has another name."""


def read_number(text: str) -> float:
    """Return a cell as a number; NaN if it is empty."""
    bare = text.strip(_SPACE)
    if bare.casefold() in NOTHING:
        return float("nan")
    factor = UNITS.get(bare[-1:].casefold(), 1.0) if bare[-2:-1].isdigit() else 1.0
    bare = bare[:-1] if factor != 1.0 else bare.removeprefix("$")
    if re.fullmatch(r"-?\d{1,3}(,\d{3})+\.\d+", bare):
        bare = bare.replace(",", "")
    if not _NUMBER.fullmatch(bare):
        raise UnreadableError(f"{text!r} is no number")
    value = float(bare) * factor
    if not np.isfinite(value):
        raise UnreadableError(f"{text!r} is beyond all numbers")
    return value


def read_date(text: str, day_first: bool) -> date:
    """Return a cell as a date."""
    bare = text.strip(_SPACE)
    try:
        for form, (year, month, day) in _FORMS:
            if match := form.fullmatch(bare):
                return date(int(match[year]), int(match[month]), int(match[day]))
        if match := _SIGNED.fullmatch(bare):
            day, month = (1, 2) if day_first else (2, 1)
            return date(int(match[3]), int(match[month]), int(match[day]))
        if match := _MONTH.fullmatch(bare):
            following = date(int(match[1]) + int(match[2]) // 12, int(match[2]) % 12 + 1, 1)
            return following - timedelta(days=1)
        if _EPOCH.fullmatch(bare):
            return datetime.fromtimestamp(int(bare[:10]), UTC).date()
    except (ValueError, OverflowError) as error:
        raise UnreadableError(f"{text!r} is no date") from error
    raise UnreadableError(f"{text!r} is no date")


def read_content(header: Sequence[str], rows: Sequence[Sequence[str]], reading: Reading) -> Content:
    """Return the content of a table.

    Parameters
    ----------
    header : sequence of str
    rows : sequence of sequence of str
        Lines without cells are skipped.
    reading : Reading

    Raises
    ------
    UnreadableError
        If a row has too few or too many cells, a cell is not a valid number or date, or two rows contradict each other.
    """
    names = [name.strip(_SPACE) for name in header]
    if len(set(names)) < len(names):
        raise UnreadableError("two columns have one name")
    for row in rows:
        if len(row) != len(names):
            raise UnreadableError(f"a row has {len(row)} cells, the header {len(names)}")
    if reading.date not in names:
        raise MissingColumnError(f"no column {reading.date!r}")
    at = names.index(reading.date)
    days = np.array([read_date(row[at], reading.day_first) for row in rows], dtype="datetime64[D]")
    columns = _read_wide(names, rows, reading) if reading.layout == "wide" else None
    if columns is None:
        return _read_rows(names, rows, days, reading)
    order = np.argsort(days, kind="stable")
    ordered = bool((np.diff(days) > np.timedelta64(0)).all() or (np.diff(days) < np.timedelta64(0)).all())
    if not ordered:
        raise UnreadableError("dates are not in order, or repeat")
    extra = {
        role: columns.pop(name)[order]
        for role, name in (("cash", reading.cash), ("market", reading.market))
        if name in columns
    }
    if not columns:
        raise UnreadableError("no asset")
    values = np.column_stack(list(columns.values()))[order]
    return Content(days[order], tuple(columns), values, extra)


def _read_wide(
    names: Sequence[str], rows: Sequence[Sequence[str]], reading: Reading
) -> dict[str, NDArray[np.float64]]:
    skipped = {reading.date, *reading.ignored}
    for role in (reading.cash, reading.market):
        if role is not None and role not in names:
            raise MissingColumnError(f"no column {role!r}")
    return {
        name: np.array([read_number(row[n]) for row in rows])
        for n, name in enumerate(names)
        if name not in skipped
    }


def _read_rows(
    names: Sequence[str], rows: Sequence[Sequence[str]], days: NDArray[np.datetime64], reading: Reading
) -> Content:
    """Read a long table, or bars of one asset."""
    columns = {"values": reading.price, **reading.bars}
    if reading.unadjusted:
        columns["unadjusted"] = reading.unadjusted
    missing = [name for name in columns.values() if name not in names]
    if missing or (reading.layout == "long" and reading.asset not in names):
        raise MissingColumnError(f"no column {missing or reading.asset}")
    if reading.layout == "long":
        labels = [row[names.index(reading.asset)].strip(_SPACE) for row in rows]
    else:
        labels = [reading.asset] * len(rows)
    if "" in labels:
        raise UnreadableError("a row has no asset")
    if len(set(zip(days.tolist(), labels, strict=True))) < len(labels):
        raise UnreadableError("an asset has two rows at one date")
    dates, day = np.unique(days, return_inverse=True)
    assets = sorted(set(labels))
    column = np.array([assets.index(label) for label in labels], dtype=int)
    arrays = {}
    for key, name in columns.items():
        array = np.full((len(dates), len(assets)), np.nan)
        array[day, column] = [read_number(row[names.index(name)]) for row in rows]
        arrays[key] = array
    return Content(dates, tuple(assets), arrays.pop("values"), arrays)


def is_number(text: str) -> bool:
    """Whether Python reads a cell as a finite number."""
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False

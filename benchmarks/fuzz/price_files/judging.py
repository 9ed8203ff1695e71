"""Judgement of price files: how each was read or refused, compared with its true content."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.fuzz.cases import Fault, check_message, record_ending, shorten_message
from benchmarks.fuzz.price_files.comparison import find_difference
from benchmarks.fuzz.price_files.drafts import PriceCase
from benchmarks.fuzz.price_files.reading import MissingColumnError, UnreadableError, read_content
from benchmarks.fuzz.price_files.second_readers import has_open_quote, read_by_both
from market.errors import DataError
from market.findings import INTERPRETATION, Finding
from market.load import load_panel
from market.panel import Panel
from market.readers.prices import FileSettings
from market.sources.kinds import Files

DESCRIPTIVE = (
    *(
        "calendar gap",
        "missing value",
        "starts late",
        "ends early",
        "stale run",
        "possible split",
        "one asset",
    ),
    *("implausible move", "running period", "repeated period", "carried weekend", "month start", "empty row"),
    *("nearly riskless", "unsorted dates", "calendar", "outside of the bar"),
)
"""Checks whose findings describe the data, and not the interpretation of the file."""

TOO_SHORT = (
    *(
        "date(s), expected at least",
        "may be day/month",
        "no asset has two prices",
        "median distance between dates",
    ),
    *("leaves no row", "neither daily, weekly nor monthly", "expected at least 2", "rows can only be merged"),
)
"""Reasons for which the beginning of a valid file may be refused."""
LATE = pd.Timestamp("2200-01-01")


def _load(
    path: Path, price_case: PriceCase, known_by: pd.Timestamp | None = None
) -> tuple[Panel, tuple[Finding, ...]]:
    """Read a file with the options of its case."""
    source = path if price_case.sheet is None else Files((path,), price_case.sheet)
    settings = FileSettings(**price_case.options)
    return load_panel("prices", path=source, known_by=known_by, settings=settings)


def judge_file(path: Path, price_case: PriceCase) -> Fault | None:
    """Read a file, record the ending, and return its fault, if any."""
    try:
        panel, findings = _load(path, price_case)
    except DataError as error:
        message = str(error)
        record_ending("refused: " + shorten_message(message, str(path), path.name))
        if price_case.expectation in ("good", "sound"):
            return Fault("refused", f"a sound file: {message}")
        # As of a date, an empty column belongs to an asset that is listed later.
        is_judged = price_case.as_of and "no number at all" not in message
        return check_message(message) or (_check_refused_as_of(path, price_case) if is_judged else None)
    record_ending(f"read, {price_case.expectation}")
    wrong = [fault for finding in findings if (fault := check_message(finding.message))]
    return next(iter(wrong), None) or _judge(path, price_case, panel, findings)


OTHER_NUMBERS = (
    "percent sign",
    "decimal comma",
    "separators of thousands",
    "in brackets",
    "has a unit",
    "minus sign",
)
"""What notes say about numbers of which the reference reader knows nothing."""


def _judge(path: Path, result: PriceCase, panel: Panel, findings: Sequence[Finding]) -> Fault | None:
    """Return the fault of a file that was read, if any."""
    says = [f for f in findings if f.severity == "warning" and not f.check.endswith(DESCRIPTIVE)]
    # A note names the column that became the price of an asset called after the file.
    printed = [f.message for f in findings if f.severity == "warning" or f.check == "one asset"]
    says += [
        f for f in findings if f.check == INTERPRETATION and any(text in f.message for text in OTHER_NUMBERS)
    ]
    is_named = not (result.is_strict or result.expectation in ("good", "sound")) and (
        bool(says) or any(name in text for name in result.named for text in printed)
    )
    if result.expectation == "suspect" and not is_named:
        return Fault("wrong unit", "read without a finding")
    if result.expectation in ("good", "sound", "truth") and not is_named:
        if result.truth is None:
            return Fault("silent difference", "read, though no careful person can read it")
        if difference := find_difference(panel, result.truth, result.reading):
            return Fault("silent difference", difference)
    fault = None
    if result.expectation in ("good", "readers") and not is_named:
        fault = _ask_second_readers(path, result, panel)
    if fault is not None:
        return fault
    return _compare_as_of(path, result, panel, findings) if result.as_of else None


def _ask_second_readers(path: Path, result: PriceCase, panel: Panel) -> Fault | None:
    """Return a fault if the panel differs from the results of pandas and DuckDB, if those agree."""
    cells = read_by_both(path, result.is_parquet)
    if not result.is_parquet and path.suffix == ".csv":
        text = path.read_bytes().decode("utf-8", "replace")
        if has_open_quote(text):
            return Fault("silent difference", "a quoted cell runs over the end of its line, and was read")
    if cells is None:
        record_ending("read, second readers differ")
        return Fault("second readers", "differ on a sound file") if result.expectation == "good" else None
    try:
        content = read_content(*cells, result.reading)
    except MissingColumnError:
        return None  # a name was damaged, so the correct result is unknown
    except UnreadableError as error:
        return Fault("silent difference", f"read, but second readers find that {error}")
    difference = find_difference(panel, content, result.reading)
    return Fault("silent difference", f"from second readers: {difference}") if difference else None


def _check_refused_as_of(path: Path, result: PriceCase) -> Fault | None:
    """Return a fault if a file that is refused is read as of a date after its end, as updates read it."""
    try:
        _load(path, result, LATE)
    except DataError as error:
        return check_message(str(error))
    return Fault("accepted as of a date", f"what is refused is read as of {LATE:%Y-%m-%d}")


def _without_counts(message: str) -> str:
    """Return a message without its numbers, and with each counted noun in the singular."""
    return re.sub(r"# (\w+?)s\b", r"# \1", re.sub(r"\d+", "#", message))


def _compare_as_of(path: Path, result: PriceCase, panel: Panel, findings: Sequence[Finding]) -> Fault | None:
    """Return a fault if the file, read as of a date, differs from the same dates of the full reading."""
    for date in (panel.dates[len(panel.dates) // 2], LATE):
        try:
            past, past_findings = _load(path, result, pd.Timestamp(date))
        except DataError as error:
            alone = date != LATE and any(reason in str(error) for reason in TOO_SHORT)
            # A copy has all columns, including a damaged one that the other reading skips.
            alone = alone or (result.is_parquet and "cannot be read as a table" in str(error))
            return (
                None if alone else Fault("look-ahead", f"as of {date:%Y-%m-%d} the file is refused: {error}")
            )
        now = panel.as_of(pd.Timestamp(date))
        columns = [now.assets.index(name) for name in past.assets if name in now.assets]
        running = "frequency" in result.options and result.options.get("running_period") != "keep"
        if running and len(past.dates) == len(now.dates) - 1:
            now = now.select_rows(slice(0, -1))  # that its last period is over shows in later rows
        if len(columns) != len(past.assets) or list(past.dates) != list(now.dates):
            return Fault("look-ahead", f"as of {date:%Y-%m-%d} the file has other dates or assets")
        same = np.array_equal(past.returns, now.returns[:, columns], equal_nan=True)
        if not same or not np.array_equal(past.cash, now.cash, equal_nan=True):
            return Fault("look-ahead", f"as of {date:%Y-%m-%d} the returns or cash are others")
    # A copy has no blank lines, so its last line may have another number.
    now_says, past_says = ({_without_counts(f.message) for f in fs} for fs in (findings, past_findings))
    missing = now_says - past_says
    return Fault("lost finding", f"not found as of {LATE:%Y-%m-%d}: {min(missing)}") if missing else None

"""Fuzzer of files of scores: tables mutated as in `benchmarks.fuzz.prices`, read by `market.scores.load_scores`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.fuzz import prices
from benchmarks.fuzz.cases import Case, Fault, check_message, record_ending, shorten_message
from benchmarks.fuzz.price_files.corpus import Rng
from benchmarks.fuzz.price_files.drafts import Content, PriceCase
from market.errors import DataError
from market.readers.scores import load_scores
from market.scores import ScoreTable

LAG = 30
"""Days until a score is known."""


def mutate(rng: Rng, folder: Path) -> Case:
    """Create a mutated table."""
    while True:
        case = prices.mutate(rng, folder)
        if case.payload.reading.layout != "single":
            return replace(case, kind="scores")


def check(case: Case) -> Fault | None:
    """Read the table as scores of its true assets."""
    price_case: PriceCase = case.payload
    assert case.path is not None
    assets = price_case.truth.assets if price_case.truth is not None else ("AAPL", "MSFT", "TLT")
    options = {"max_age_days": 400, "lag_days": LAG, "date_column": price_case.reading.date}
    try:
        table, findings = load_scores(
            case.path, assets, score_column=price_case.reading.price or None, **options
        )
    except DataError as error:
        record_ending("refused: " + shorten_message(str(error), str(case.path), case.path.name))
        return check_message(str(error))
    record_ending(f"read, {price_case.expectation}")
    wrong = [fault for finding in findings if (fault := check_message(finding.message))]
    if wrong:
        return wrong[0]
    is_named = not price_case.is_strict and any(finding.severity == "warning" for finding in findings)
    if price_case.expectation not in ("good", "truth") or is_named:
        return None
    if price_case.truth is None:
        return None  # a column without any of the requested assets may be unreadable
    difference = _find_difference(table, price_case.truth)
    return Fault("silent difference", difference) if difference else None


def _find_difference(table: ScoreTable, truth: Content) -> str:
    """Return the first score that differs from the content of the file; "" if there is none."""
    expected = {
        (asset, str(day)): value
        for asset, column in zip(truth.assets, truth.values.T, strict=True)
        for day, value in zip(truth.dates, column, strict=True)
        if np.isfinite(value)
    }
    days = table.observed_at.to_numpy().astype("datetime64[D]")
    known = table.known_at.to_numpy().astype("datetime64[D]")
    if ((known - days) != np.timedelta64(LAG)).any():
        return f"a score is not known {LAG} days after its date"
    got = {
        (table.assets[n], str(day)): value
        for n, day, value in zip(table.asset, days, table.value, strict=True)
    }
    for key in sorted(expected.keys() | got.keys()):
        if not np.isclose(got.get(key, np.nan), expected.get(key, np.nan), rtol=1e-12, atol=0.0):
            return f"{key}: {got.get(key)}, expected {expected.get(key)}"
    return ""

"""Calendar rows: rows on days without trade, and holidays on which all values are carried forward."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foundation.counts import format_count
from foundation.suggestions import list_names
from foundation.types import Bools
from market.findings import Finding
from market.values.table import Table

_RARE = 0.1
"""Share of the rows of the most frequent day of the week below which a day is no day of trade."""
_ENOUGH = 60
"""Rows from which days of the week, and unchanged values, are counted."""
_CHANCE = 0.01
"""Expected number of rows without any move by chance below which one such row is reported."""
_TIMES = 20.0
"""Times the expected number of such rows from which they are reported all the same."""


def check_rare_days(table: Table) -> Iterator[Finding]:
    """Find rows on days of the week on which a daily table hardly has any other row."""
    if table.frequency.unit != "weekdays" or len(table.dates) < _ENOUGH:
        return
    days = np.asarray(table.dates.day_of_week)
    counts = np.bincount(days, minlength=7)
    rare = (counts < _RARE * counts.max())[days]
    if not rare.any():
        return
    rows = np.flatnonzero(rare)
    first = table.dates[rows[0]]
    names = list_names(sorted({f"{date:%A}" for date in table.dates[rows]}))
    still = int(_find_still_rows(table)[rows].sum())
    repeats = f"; {still} of them repeat the values before" if still else ""
    text = (
        f"{table.source}: {format_count(len(rows), 'row falls', 'rows fall')} on a day of the week with hardly any"
        f" other row ({names.replace(chr(39), '')}), the first {first:%Y-%m-%d}{repeats}"
    )
    fix = "if they are no sessions, leave them out" + (
        " by data.calendar: weekdays" if (days[rows] >= 5).all() else ""
    )
    yield Finding("rows on rare days", "warning", None, first, text, fix)


def check_carried_holidays(table: Table) -> Iterator[Finding]:
    """Find daily rows at which no asset moves at all, although by chance there would be none."""
    if table.frequency.unit not in ("weekdays", "days") or len(table.dates) < _ENOUGH:
        return
    still = _find_still_rows(table)
    weekend = np.asarray(table.dates.day_of_week >= 5)
    still &= ~weekend  # carried weekends are another finding
    rows = np.flatnonzero(still)
    if not len(rows):
        return
    known = np.isfinite(table.returns)
    share = (known & (table.returns == 0)).sum(axis=0) / np.maximum(known.sum(axis=0), 1)
    by_chance = np.exp((known * np.log(np.clip(share, 1e-9, 1.0))).sum(axis=1))
    expected = float(by_chance[known.sum(axis=1) >= 2].sum())
    if expected > _CHANCE and len(rows) <= _TIMES * expected:
        return
    first = table.dates[rows[0]]
    text = (
        f"{table.source}: no asset moves at {format_count(len(rows), 'date')}, the first {first:%Y-%m-%d}: prices of"
        " the day before seem to be repeated on holidays, which makes assets look calmer than they are"
    )
    yield Finding("carried holiday", "warning", None, first, text, "leave these rows out of the file")


def _find_still_rows(table: Table) -> Bools:
    """Return the rows at which at least two assets have a return and each is exactly 0, shape (T,)."""
    known = np.isfinite(table.returns)
    moved = (known & (table.returns != 0)).any(axis=1)
    return np.asarray((known.sum(axis=1) >= 2) & ~moved)

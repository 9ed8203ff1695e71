"""Lags that end on the last day of a month, where some months have no row on that day."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pandas as pd

from foundation.suggestions import list_names
from foundation.types import Bools
from market.findings import Finding

_FEWEST = 8
"""Months from which a pattern of dates is judged."""
_SHARE = 0.9
"""Share of values that become known on the last day of a month."""

Clocks = tuple[pd.DatetimeIndex, pd.DatetimeIndex]
"""Dates that values describe, and dates from which they are known."""


def check_delays(rows: pd.DatetimeIndex, clocks: Mapping[str, Clocks]) -> Iterator[Finding]:
    """Note values that become known on the last day of a month where some months have no row on that day.

    The month's last row is a day of trading, a Friday if the month ends on a weekend. A value that is known on the last
    day of the month then enters at the last row of the next month, and in other months at once.

    Parameters
    ----------
    rows : DatetimeIndex of length T
        Dates of a monthly panel.
    clocks : mapping of str to pair of DatetimeIndex
        Of series and tables with a lag, by name.
    """
    groups: dict[tuple[int, int, pd.Timestamp], list[str]] = {}
    for name, (observed, known) in clocks.items():
        if len(known) < _FEWEST or float(np.mean(known.is_month_end)) < _SHARE:
            continue
        late, first = _find_late(rows, known)
        if first is not None and late.any() and not late.all():
            lag = (known.year - observed.year) * 12 + known.month - observed.month
            groups.setdefault((int(np.median(lag)), int(late.sum()), first), []).append(name)
    for (months, count, first), names in groups.items():
        yield _describe(rows, names, months, count, first)


def _find_late(rows: pd.DatetimeIndex, known: pd.DatetimeIndex) -> tuple[Bools, pd.Timestamp | None]:
    """Return which months' last rows come before a value of the month's last day, and the first such day."""
    ends = pd.Series(rows, index=rows.to_period("M"))[:-1]  # the last month may still run
    ends = ends[~ends.index.duplicated(keep="last")]
    days = pd.DatetimeIndex(known[known.is_month_end].unique())
    days = pd.DatetimeIndex(days[days.to_period("M").isin(ends.index)])
    late = np.asarray(ends.reindex(days.to_period("M")).to_numpy() < days.to_numpy(), dtype=np.bool_)
    return late, days[int(np.argmax(late))] if late.any() and len(days) >= _FEWEST else None


def _describe(
    rows: pd.DatetimeIndex, names: list[str], months: int, count: int, first: pd.Timestamp
) -> Finding:
    row = rows[int(rows.searchsorted(first)) - 1]
    sooner = f"lag: {30 * (months - 1) + 21} days if they are published by then, else " if months else ""
    text = (
        f"{list_names(names, 5)}: the lag ends on the last day of a month, and {count} months have no row on that day"
        f" (the first is {first:%Y-%m-%d}, after the row of {row:%Y-%m-%d}): those values enter at the row of the next"
        " month, others at once"
    )
    fix = f"for the same delay at each row, write {sooner}lag: {31 * months + 5} days"
    return Finding("changing delay", "note", None, first, text, fix)

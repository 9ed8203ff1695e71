"""Table: columns of one kind of values at the dates of a source, with the returns that they make."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from foundation.types import Bools, Floats
from market.findings import Finding, Kind, Severity
from market.frequency import Frequency
from market.values.returns import simple_returns


def double_lengths(first: int, total: int) -> Iterator[int]:
    """Return the lengths of beginnings of a table, each twice the one before: later rows do not change a finding."""
    while first <= total:
        yield first
        first *= 2


@dataclass(frozen=True, eq=False)
class Table:
    """Values of a source, before they become a panel.

    Attributes
    ----------
    source : str
        File or source, as messages call it.
    dates : DatetimeIndex of length T
        Strictly increasing.
    names : tuple of str, length N
        Columns: assets, and the market where there is one.
    values : ndarray of shape (T, N)
        Prices, or simple returns as fractions; NaN where there is none.
    kind : {"prices", "returns"}
    frequency : Frequency
    """

    source: str
    dates: pd.DatetimeIndex
    names: tuple[str, ...]
    values: Floats
    kind: Kind
    frequency: Frequency

    @cached_property
    def returns(self) -> Floats:
        """Simple returns, shape (T, N): infinite where a price is beyond all others. No price may be 0."""
        return simple_returns(self.values) if self.kind == "prices" else self.values

    def find_by_column(
        self, check: str, severity: Severity, mask: Bools, say: Callable[[int, int], str], fix: str = ""
    ) -> Iterator[Finding]:
        """Make one finding for each column in which `mask` holds: `say(row, column)` words its first row."""
        for column in np.flatnonzero(mask.any(axis=0)):
            rows = np.flatnonzero(mask[:, column])
            date = self.dates[rows[0]]
            more = f" ({len(rows)} such dates)" if len(rows) > 1 else ""
            where = f"{self.source}: column {self.names[column]!r}, {date:%Y-%m-%d}"
            message = f"{where}: {say(int(rows[0]), int(column))}{more}"
            yield Finding(check, severity, self.names[column], date, message, fix)

"""Findings: errors and anomalies in a table, with their place and severity.

A fatal finding stops the run with one message. Warnings and notes change no number: they go into the report.
There is one finding per asset and check, with a count and the first date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.types import Bools, Floats
from market.calendar import Frequency
from market.errors import IntegrityError

Severity = Literal["fatal", "warning", "note"]
Kind = Literal["prices", "returns"]
ValueKind = Literal["prices", "returns", "percent_returns"]
"""Kinds of values in a file; percent becomes fractions while it is read."""

MISSING_CODES = (-99.99, -999.0)
"""Codes of missing returns in files of percent (Kenneth R. French's library)."""


@dataclass(frozen=True)
class Finding:
    """One result of a check.

    Attributes
    ----------
    check : str
        Name of the check.
    severity : {"fatal", "warning", "note"}
    asset : str or None
        Column, None if it concerns the whole table.
    date : Timestamp or None
        First date concerned.
    message : str
        A sentence with table, column, date, the expected and the actual value.
    """

    check: str
    severity: Severity
    asset: str | None
    date: pd.Timestamp | None
    message: str

    def as_dict(self) -> dict[str, str | None]:
        """Return the finding in types of JSON."""
        return {
            "check": self.check,
            "severity": self.severity,
            "asset": self.asset,
            "date": None if self.date is None else f"{self.date:%Y-%m-%d}",
            "message": self.message,
        }


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

    def select_columns(self, columns: Sequence[int]) -> Table:
        """Return the table of some columns."""
        names = tuple(self.names[column] for column in columns)
        return replace(self, names=names, values=self.values[:, columns])

    def find_by_column(
        self, check: str, severity: Severity, mask: Bools, say: Callable[[int, int], str]
    ) -> Iterator[Finding]:
        """Make one finding for each column in which `mask` holds: `say(row, column)` words its first row."""
        for column in np.flatnonzero(mask.any(axis=0)):
            rows = np.flatnonzero(mask[:, column])
            date = self.dates[rows[0]]
            more = f" ({len(rows)} such dates)" if len(rows) > 1 else ""
            where = f"{self.source}: column {self.names[column]!r}, {date:%Y-%m-%d}"
            message = f"{where}: {say(int(rows[0]), int(column))}{more}"
            yield Finding(check, severity, self.names[column], date, message)


def raise_if_fatal(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return the findings, unless one is fatal.

    Raises
    ------
    IntegrityError
        With the message of the first fatal finding and the number of others.
    """
    found = tuple(findings)
    fatal = [finding for finding in found if finding.severity == "fatal"]
    if fatal:
        others = f" ({format_count(len(fatal) - 1, 'more fatal finding')})" if len(fatal) > 1 else ""
        raise IntegrityError(fatal[0].message + others)
    return found

"""Findings: errors and anomalies in a table, with their place and severity.

A fatal finding stops the run with one message. Warnings and notes change no number: they go into the report.
There is one finding per asset and check, with a count and the first date.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import pandas as pd

from foundation.counts import format_count
from market.errors import IntegrityError

Severity = Literal["fatal", "warning", "note"]
Kind = Literal["prices", "returns"]
ValueKind = Literal["prices", "returns", "percent_returns"]
"""Kinds of values in a file; percent becomes fractions while it is read."""

INTERPRETATION = "interpretation"
"""Check of notes on how a file was read where it could be read in several ways."""
IGNORED_COLUMN = "ignored column"
"""Check of findings on one column that is not read; the finding's asset is its name."""

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

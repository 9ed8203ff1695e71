"""Data integrity: what is wrong or odd in a table, where, and how bad it is.

A fatal finding stops with one message. Warnings and notes change no number: they go into the report.
There is one finding for each asset and check, with a count and the first date.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market.calendar import Frequency
from market.counts import format_count
from market.errors import IntegrityError
from market.panel import Floats

Severity = Literal["fatal", "warning", "note"]
Kind = Literal["prices", "returns"]
ValueKind = Literal["prices", "returns", "percent_returns"]
"""What a file may hold; percent becomes fractions while it is read."""
Mask = NDArray[np.bool_]

PERCENT_LIKE = 0.3
"""Median absolute return above which fractions are not believed."""
RETURNS_LIKE = 0.2
"""Share of values at or below 0 from which a column of prices looks like one of returns."""
MISSING_CODES = (-99.99, -999.0)
"""What stands for a missing return in files of percent (Kenneth R. French's library)."""


@dataclass(frozen=True)
class Finding:
    """One thing that a check found.

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
        A sentence that names table, column and date, what was expected and what came.
    """

    check: str
    severity: Severity
    asset: str | None
    date: pd.Timestamp | None
    message: str

    def as_dict(self) -> dict[str, str | None]:
        """Return the finding in types that JSON knows."""
        return {
            "check": self.check,
            "severity": self.severity,
            "asset": self.asset,
            "date": None if self.date is None else f"{self.date:%Y-%m-%d}",
            "message": self.message,
        }


@dataclass(frozen=True, eq=False)
class Table:
    """What a source holds, before it is made a panel.

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

    def only(self, columns: Sequence[int]) -> Table:
        """Return the table of some columns."""
        names = tuple(self.names[column] for column in columns)
        return replace(self, names=names, values=self.values[:, columns])

    def per_column(
        self, check: str, severity: Severity, mask: Mask, say: Callable[[int, int], str]
    ) -> Iterator[Finding]:
        """Make one finding for each column in which `mask` holds: `say(row, column)` words its first row."""
        for column in np.flatnonzero(mask.any(axis=0)):
            rows = np.flatnonzero(mask[:, column])
            date = self.dates[rows[0]]
            more = f" ({len(rows)} such dates)" if len(rows) > 1 else ""
            where = f"{self.source}: column {self.names[column]!r}, {date:%Y-%m-%d}"
            message = f"{where}: {say(int(rows[0]), int(column))}{more}"
            yield Finding(check, severity, self.names[column], date, message)


def settle(findings: Iterable[Finding]) -> tuple[Finding, ...]:
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


def check_order(source: str, dates: pd.DatetimeIndex) -> Iterator[Finding]:
    """Find duplicate and unsorted dates.

    A table with its newest row first is only noted: turning it round loses nothing.
    """
    repeated = dates[dates.duplicated()]
    if len(repeated):
        more = f" ({len(repeated)} such rows)" if len(repeated) > 1 else ""
        text = f"{source}: date {repeated[0]:%Y-%m-%d} occurs more than once{more}; keep one row of each date"
        yield Finding("duplicate dates", "fatal", None, repeated[0], text)
    elif len(dates) > 1 and dates.is_monotonic_decreasing:
        yield Finding(
            "unsorted dates", "note", None, dates[0], f"{source}: rows run from new to old; turned round"
        )
    elif not dates.is_monotonic_increasing:
        row = int(np.flatnonzero(dates[1:] < dates[:-1])[0]) + 1
        text = (
            f"{source}: data row {row + 1} is dated {dates[row]:%Y-%m-%d}, before the row above it"
            f" ({dates[row - 1]:%Y-%m-%d}); expected dates in order"
        )
        yield Finding("unsorted dates", "fatal", None, dates[row], text)


def check_impossible(table: Table) -> Iterator[Finding]:
    """Find what no price or return can be: infinity, prices of 0 or less, losses of everything or more."""
    values = table.values

    def infinite(row: int, column: int) -> str:
        return f"expected a number, found {values[row, column]}"

    def nonpositive(row: int, column: int) -> str:
        what = _explain_price(values, row, column)
        return f"price is {values[row, column]:g}, expected more than 0; {what}"

    def loses_all(row: int, column: int) -> str:
        what = _explain_loss(values, row, column)
        return f"return is {values[row, column]:g}, expected more than -1{what}"

    yield from table.per_column("infinite value", "fatal", np.isinf(values), infinite)
    if table.kind == "prices":
        yield from table.per_column(
            "non-positive price", "fatal", np.isfinite(values) & (values <= 0), nonpositive
        )
    else:
        # A code for a missing value in percent, divided by 100 as if it were a return, is a loss of almost everything.
        coded = np.isclose(values, -0.9999, rtol=0, atol=1e-12)
        yield from table.per_column(
            "impossible return", "fatal", np.isfinite(values) & ((values <= -1) | coded), loses_all
        )
    for column in np.flatnonzero(np.isnan(values).all(axis=0)):
        name = table.names[column]
        text = f"{table.source}: column {name!r} holds no number at all; remove it or supply its {table.kind}"
        yield Finding("empty column", "fatal", name, None, text)


def _explain_price(values: Floats, row: int, column: int) -> str:
    """Say what a price of 0 or less may be, and what to do."""
    price = values[row, column]
    known = values[:, column][np.isfinite(values[:, column])]
    zeros = int(np.sum(known == 0))
    mostly_signed = float(np.mean((values < 0).any(axis=0))) > 0.5
    if price in MISSING_CODES and not mostly_signed:
        return f"some files write {price:g} where there is no value: leave the cell empty"
    if mostly_signed and np.mean(known <= 0) > RETURNS_LIKE:
        unit = "percent_returns" if looks_like_percent(known) else "returns"
        return f"the column looks like returns: set data.values: {unit}"
    if 2 * zeros > len(known):
        return (
            f"{zeros} of its {len(known)} values are 0: it looks like dividends, splits or volumes, not like prices: "
            "remove the column"
        )
    if price == 0:
        return "leave a cell empty where there is no price"
    return (
        "an asset whose price can be negative, such as oil in 2020, has no return there: remove the column, take the "
        "returns of another contract, or end the file before that date (CRSP marks the mean of bid and ask by a minus "
        "sign: take its absolute value)"
    )


def _explain_loss(values: Floats, row: int, column: int) -> str:
    """Say what a loss of everything or more may be, and what to do; "" if nothing is known."""
    loss = values[row, column]
    if loss > -1:
        return "; -99.99 percent is a common code for a missing value: leave the cell empty"
    code = f"; {loss:g} is a common code for a missing value" if loss in MISSING_CODES else ""
    if looks_like_percent(values):
        return f"{code}; the values look like percent: set data.values: percent_returns"
    own = values[:, column]
    if np.count_nonzero((own < -1) & ~np.isin(own, MISSING_CODES)) > 1 or looks_like_percent(own):
        return (
            f"{code}; this column looks like percent beside fractions: divide it by 100 in the file, or, if all "
            "columns are in percent, set data.values: percent_returns"
        )
    return code


def looks_like_percent(returns: Floats) -> bool:
    """Whether returns are too large to be fractions."""
    sizes = np.abs(returns[np.isfinite(returns)])
    return bool(len(sizes)) and float(np.median(sizes)) > PERCENT_LIKE

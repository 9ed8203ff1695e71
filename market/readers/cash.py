"""Cash: the return of each step, from a column of returns, prices or annual rates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.types import Bools, Floats
from market.checks.cash import KINDS, CashColumn, CashKind, check_cash_size, check_cash_values
from market.errors import SourceError
from market.findings import MISSING_CODES, Finding, Kind, raise_if_fatal
from market.readers.trading_calendar import compound_returns
from market.returns import simple_returns


@dataclass(frozen=True, eq=False)
class RawCash:
    """A column of cash as the source holds it.

    Attributes
    ----------
    column : str
    values : ndarray of shape (T,)
    kind : str or None
        One of `market.checks.cash.KINDS`; None if the configuration does not say.
    """

    column: str
    values: Floats
    kind: CashKind | None

    def select_rows(self, rows: Bools) -> Floats:
        """Return the values of some rows; returns compound over the rows that are left out."""
        if rows.all() or find_compounding(self.kind) == "prices":
            return self.values[rows]
        unit = 100.0 if self.kind == "percent_returns" else 1.0
        return unit * compound_returns(self.values[:, None] / unit, rows)[:, 0]


def find_compounding(kind: CashKind | None) -> Kind:
    """Return "returns" if a column of cash compounds over rows that are left out, "prices" for prices and rates."""
    return "returns" if kind in (None, "returns", "percent_returns") else "prices"


def read_role(source: str, role: str, given: str | Mapping[str, str] | None) -> tuple[str | None, Any]:
    """Return the column of a role (cash or market), and the kind of its values if configured.

    Parameters
    ----------
    source : str
        What to call the file in messages.
    role : str
    given : str, mapping or None
        Name of a column, or `{column: ..., values: ...}`.

    Raises
    ------
    SourceError
        If a mapping has other keys, or values that are none.
    """
    if given is None or isinstance(given, str):
        return given, None
    wanted = KINDS if role == "cash" else ("prices", "returns")
    if set(given) != {"column", "values"} or given["values"] not in wanted:
        raise SourceError(
            f"{source}: {role} is {dict(given)}, expected a column's name or column and values,"
            f" values one of {', '.join(wanted)}"
        )
    return given["column"], given["values"]


def convert_cash(column: CashColumn) -> tuple[Floats, tuple[Finding, ...]]:
    """Convert a column to the return of cash in each step.

    Returns
    -------
    returns : ndarray of shape (T,)
        Simple returns, fractions. The first price starts no return (NaN). A step earns the annual rate of the row
        before it, which was known when the step began; the first row takes its own.
    findings : tuple of Finding
        Warnings.

    Raises
    ------
    IntegrityError
        If the values are impossible for the kind of the column.
    """
    column, findings = _remove_codes(column)
    findings += raise_if_fatal(check_cash_values(column))
    where, dates, values, kind = column.where, column.dates, column.values, column.kind
    if kind in (None, "returns", "percent_returns"):
        returns = values / 100.0 if kind == "percent_returns" else values
    elif kind == "prices":
        returns, gaps = _from_prices(where, dates, values)
        findings += gaps
    else:
        rates = values / 100.0 if kind == "annual_percent" else values
        returns, gaps = _from_rates(where, dates, rates, column.periods_per_year)
        findings += gaps
    return returns, findings + raise_if_fatal(check_cash_size(column, returns))


def _remove_codes(column: CashColumn) -> tuple[CashColumn, tuple[Finding, ...]]:
    """Return a column in percent without the codes for missing values, and a warning if there are any."""
    values = column.values
    coded = np.isin(values, MISSING_CODES) & (column.kind in ("percent_returns", "annual_percent"))
    if not coded.any():
        return column, ()
    row = int(np.argmax(coded))
    cells = f"({format_count(int(coded.sum()), 'such cell')})"
    date = column.dates[row]
    text = f"{column.where}, {date:%Y-%m-%d}: {values[row]:g} is read as a missing value {cells}"
    warning = Finding("missing code", "warning", None, date, text)
    return replace(column, values=np.where(coded, np.nan, values)), (warning,)


def _from_prices(where: str, dates: pd.DatetimeIndex, values: Floats) -> tuple[Floats, tuple[Finding, ...]]:
    """Return the returns between prices. A row without a price earns 0, and its return lands on the next price."""
    returns = simple_returns(values[:, None])[:, 0]
    valid = np.isfinite(values)
    first = int(np.argmax(valid)) if valid.any() else len(values)
    gaps = ~valid & (np.arange(len(values)) > first)
    returns[gaps] = 0.0
    return returns, _gap_warning(
        where, dates, gaps, "cash earns 0 there, and its return counts at the next price"
    )


def _from_rates(
    where: str, dates: pd.DatetimeIndex, rates: Floats, periods_per_year: int
) -> tuple[Floats, tuple[Finding, ...]]:
    """Return the return of each step at the annual rate that was known at its beginning."""
    rows = np.maximum.accumulate(np.where(np.isfinite(rates), np.arange(len(rates)), -1))
    known = np.where(rows >= 0, rates[np.maximum(rows, 0)], np.nan)
    gaps = ~np.isfinite(rates) & (rows >= 0)
    before = np.concatenate((known[:1], known[:-1]))
    # The step that ends at the first rate has no rate before it: it takes that one.
    before = np.where(np.isnan(before), known, before)
    with np.errstate(invalid="ignore"):
        returns = np.asarray((1.0 + before) ** (1.0 / periods_per_year) - 1.0, dtype=np.float64)
    return returns, _gap_warning(where, dates, gaps, "the rate before stands")


def _gap_warning(where: str, dates: pd.DatetimeIndex, gaps: Bools, what: str) -> tuple[Finding, ...]:
    if not gaps.any():
        return ()
    first = dates[int(np.argmax(gaps))]
    text = f"{where}, {first:%Y-%m-%d}: no value at {format_count(int(gaps.sum()), 'date')}; {what}"
    return (Finding("cash without a value", "warning", None, first, text),)

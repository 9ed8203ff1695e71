"""Cash: the return of each step, from a column of returns, prices or annual rates."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np
import pandas as pd

from foundation.types import Bools, Floats
from market.findings import MISSING_CODES
from market.frequency import infer_frequency
from market.values.returns import compound_returns, simple_returns

CashKind = Literal["returns", "percent_returns", "prices", "annual_rate", "annual_percent"]
KINDS: tuple[CashKind, ...] = get_args(CashKind)


@dataclass(frozen=True, eq=False)
class CashColumn:
    """A column of cash with its dates, and the returns that it makes.

    Attributes
    ----------
    source, name : str
        The file and the column, as messages call them.
    dates : DatetimeIndex of length T
    values : ndarray of shape (T,)
        The column as the source holds it, NaN where it is empty.
    kind : str or None
        What the column holds, one of `KINDS`. None means returns, and refuses what does not look like them.
    """

    source: str
    name: str
    dates: pd.DatetimeIndex
    values: Floats
    kind: CashKind | None

    @property
    def where(self) -> str:
        """File and column, as messages begin."""
        return f"{self.source}: cash column {self.name!r}"

    @cached_property
    def periods_per_year(self) -> int:
        """Dates in a year."""
        return infer_frequency(self.dates, self.source).periods_per_year

    @property
    def compounds(self) -> bool:
        """Whether values compound over rows that are left out: returns do, prices and rates do not."""
        return self.kind in (None, "returns", "percent_returns")

    def select_rows(self, rows: Bools) -> CashColumn:
        """Return some rows; returns compound over the others."""
        if rows.all() or not self.compounds:
            return replace(self, dates=self.dates[rows], values=self.values[rows])
        unit = 100.0 if self.kind == "percent_returns" else 1.0
        values = unit * compound_returns(self.values[:, None] / unit, rows)[:, 0]
        return replace(self, dates=self.dates[rows], values=values)

    @cached_property
    def coded(self) -> Bools:
        """Where a column in percent has a code for a missing value, shape (T,)."""
        return np.isin(self.values, MISSING_CODES) & (self.kind in ("percent_returns", "annual_percent"))

    @cached_property
    def known(self) -> Floats:
        """The values without codes for missing ones, shape (T,)."""
        return np.where(self.coded, np.nan, self.values) if self.coded.any() else self.values

    @cached_property
    def gaps(self) -> Bools:
        """Where prices or rates have no value after their first, shape (T,)."""
        valid = np.isfinite(self.known)
        return ~valid & np.logical_or.accumulate(valid) & (not self.compounds)

    @cached_property
    def returns(self) -> Floats:
        """Simple returns, fractions, shape (T,).

        The first price starts no return (NaN). A date without a price earns 0, and its return lands on the next price.
        A step earns the annual rate of the row before it, which was known when the step began; the first row takes its
        own.
        """
        values = self.known / 100.0 if self.kind in ("percent_returns", "annual_percent") else self.known
        if self.kind in ("annual_rate", "annual_percent"):
            return _accrue_rates(values, self.periods_per_year)
        if self.kind == "prices":
            return np.where(self.gaps, 0.0, simple_returns(values[:, None])[:, 0])
        return values


def _accrue_rates(rates: Floats, periods_per_year: int) -> Floats:
    """Return the return of each step at the annual rate that was known at its beginning."""
    rows = np.maximum.accumulate(np.where(np.isfinite(rates), np.arange(len(rates)), -1))
    known = np.where(rows >= 0, rates[np.maximum(rows, 0)], np.nan)
    before = np.concatenate((known[:1], known[:-1]))
    # The step that ends at the first rate has no rate before it: it takes that one.
    before = np.where(np.isnan(before), known, before)
    with np.errstate(invalid="ignore"):
        return np.asarray((1.0 + before) ** (1.0 / periods_per_year) - 1.0, dtype=np.float64)

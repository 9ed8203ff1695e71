"""Cash: the return of each step from the column that a file has for it, and whether that column can be one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from market.checks import Finding
from market.panel import Floats
from market.step_returns import simple_returns

CashValues = Literal["returns", "prices", "percent", "annual", "annual_percent"]

DAYS_A_YEAR = 365.25
MOST_A_YEAR = 0.10
"""Median return of cash, a year, above which a column of unstated unit is not believed."""
MOST_STATED = 1.0
"""The same where the configuration states the unit: some countries have known such rates."""
HIGH = 5.0
"""The same for the largest twentieth of the returns, as a multiple of the limits on the median."""
LEAST_A_YEAR = 5e-4
"""Mean return a year below which a column is not offered as something else: any small number would be that."""
RISING, FALL = 0.9, 1e-3
"""Share of steps in which the price of a bill does not fall by more than this, even where rates are negative."""
MEANINGS: dict[CashValues, str] = {
    "prices": "a price level, such as that of a T-bill fund",
    "percent": "the return of one step in percent",
    "annual": "a rate a year, as a fraction",
    "annual_percent": "a rate a year in percent",
    "returns": "the return of one step, as a fraction",
}


@dataclass(frozen=True, eq=False)
class CashColumn:
    """What a file holds of cash.

    Attributes
    ----------
    name : str
        The column, as messages call it.
    values : ndarray of shape (T,)
    kind : {"returns", "prices", "percent", "annual", "annual_percent"}
        What the values are: see `returns`.
    stated : bool
        Whether the user has said what the values are, and not only named the column.
    """

    name: str
    values: Floats
    kind: CashValues = "returns"
    stated: bool = False

    def at(self, rows: NDArray[np.bool_] | slice) -> CashColumn:
        """Return the column at some rows."""
        return replace(self, values=self.values[rows])

    def returns(self, dates: pd.DatetimeIndex, periods_per_year: int) -> Floats:
        """Return the simple return of cash in each step, as a fraction, shape (T,); NaN where there is no value.

        A price makes the return from the row before, so the first row has none; over rows without a price cash earns
        nothing, and the return over all of them comes with the next price. A rate a year is earned from the row at
        which it is quoted to the next, for the days between them; the first row, before which nothing is quoted,
        takes its own rate.

        Parameters
        ----------
        dates : DatetimeIndex of length T
        periods_per_year : int
            Length of the first step, which has no row before it.
        """
        if self.kind == "prices":
            with np.errstate(divide="ignore", invalid="ignore"):
                earned = simple_returns(self.values[:, None])[:, 0]
            inside = np.isnan(self.values) & _between_values(self.values)
            return np.where(inside, 0.0, earned)
        if self.kind in ("returns", "percent"):
            return self.values / (100.0 if self.kind == "percent" else 1.0)
        rate = self.values / (100.0 if self.kind == "annual_percent" else 1.0)
        days = np.diff(dates.to_numpy().astype("datetime64[D]").astype(np.int64))
        years = np.concatenate([[1.0 / periods_per_year], days / DAYS_A_YEAR])
        quoted = np.concatenate([rate[:1], rate[:-1]])
        with np.errstate(invalid="ignore", over="ignore"):
            return np.asarray((1.0 + quoted) ** years - 1.0)


def check_cash(
    source: str,
    dates: pd.DatetimeIndex,
    cash: CashColumn,
    periods_per_year: int,
    *,
    used: slice = slice(None),
    check_unit: bool = True,
) -> Iterator[Finding]:
    """Find cash returns that are missing, impossible or in a unit that is not what was said.

    Parameters
    ----------
    source : str
    dates : DatetimeIndex of length T
    cash : CashColumn
        At these dates.
    periods_per_year : int
    used : slice
        Rows whose cash returns are used.
    check_unit : bool
        Whether to judge the size of the returns.
    """
    earned = cash.returns(dates, periods_per_year)[used]
    rows = dates[used]
    where = f"{source}: column {cash.name!r} is named as cash"
    bad = np.flatnonzero(~np.isfinite(earned))
    if len(bad):
        yield Finding("cash", "fatal", cash.name, rows[bad[0]], f"{where}: {_missing(rows, earned, bad)}")
        return
    lost = np.flatnonzero(earned <= -1)
    too_much, row = _excess(earned * periods_per_year, MOST_STATED if cash.stated else MOST_A_YEAR)
    if len(lost) or (check_unit and (too_much or _falls(cash, earned))):
        row = int(lost[0]) if len(lost) else row
        text = (
            f"{where}, as {MEANINGS[cash.kind]}: it would earn {100 * earned[row]:.3g} % in the step to "
            f"{rows[row]:%Y-%m-%d}, {100 * earned[row] * periods_per_year:,.3g} % a year. "
            f"{_advice(cash, dates, periods_per_year)}"
        )
        yield Finding("cash", "fatal", cash.name, rows[row], text)


def _excess(yearly: Floats, most: float) -> tuple[bool, int]:
    """Return whether rates a year are too large to be believed, and the row of one that shows it.

    The median is judged and, for years in which rates were near 0, the largest twentieth by a wider limit.
    """
    sizes = np.abs(yearly)
    if not len(sizes):
        return False, 0
    median, high = np.quantile(sizes, [0.5, 0.95], method="nearest")
    shown = median if median > most else high
    return bool(median > most or high > HIGH * most), int(np.argmax(sizes == shown))


def _missing(rows: pd.DatetimeIndex, earned: Floats, bad: NDArray[np.intp]) -> str:
    """Say which returns of cash are missing, and what to do where they are those before or after its values."""
    count = f" ({len(bad)} such dates)" if len(bad) > 1 else ""
    what = f"its return is missing at {rows[bad[0]]:%Y-%m-%d}{count}, expected one at each date"
    known = np.flatnonzero(np.isfinite(earned))
    if not len(known):
        return what
    first, last = int(known[0]), int(known[-1])
    outside = int(np.sum((bad < first) | (bad > last)))
    if outside < len(bad):
        return f"{what}; fill the cells in the file"
    ends = [f"data.start: {rows[first]:%Y-%m-%d}"] if bad[0] < first else []
    ends += [f"data.end: {rows[last]:%Y-%m-%d}"] if bad[-1] > last else []
    return (
        f"{what}; it is known from {rows[first]:%Y-%m-%d} to {rows[last]:%Y-%m-%d}: set {' and '.join(ends)}"
    )


def _advice(cash: CashColumn, dates: pd.DatetimeIndex, periods_per_year: int) -> str:
    """Say what the values look like, and how to write that in the configuration."""
    likely = [
        f"{MEANINGS[kind]} ({100 * rate:.2g} % a year then): write cash: {{column: {cash.name}, values: {kind}}}"
        for kind in MEANINGS
        if kind != cash.kind
        and (rate := _plausible(replace(cash, kind=kind), dates, periods_per_year)) is not None
    ]
    if (
        not cash.stated
        and not _excess(cash.returns(dates, periods_per_year) * periods_per_year, MOST_STATED)[0]
    ):
        likely.append(f"what cash did earn: write cash: {{column: {cash.name}, values: {cash.kind}}}")
    if likely:
        return f"It looks like {'; or like '.join(likely)}"
    return "Expected the return of one step as a fraction, such as 0.0025 for a quarter of a percent"


def _plausible(cash: CashColumn, dates: pd.DatetimeIndex, periods_per_year: int) -> float | None:
    """Return the median rate a year that the values mean if they are of this kind; None if that cannot be."""
    earned = cash.returns(dates, periods_per_year)
    earned = earned[np.isfinite(earned)]
    if not len(earned) or (earned <= -1).any():
        return None
    if _excess(earned * periods_per_year, MOST_A_YEAR)[0] or _falls(cash, earned):
        return None
    rate = float(np.mean(earned)) * periods_per_year
    return rate if rate > LEAST_A_YEAR else None


def _falls(cash: CashColumn, earned: Floats) -> bool:
    """Whether the column is said to be a price, and falls as that of no bill does."""
    return cash.kind == "prices" and float(np.mean(earned > -FALL)) < RISING


def _between_values(values: Floats) -> NDArray[np.bool_]:
    """Return the rows between the first and the last value, shape (T,)."""
    known = np.isfinite(values)
    return np.asarray(np.logical_or.accumulate(known) & np.logical_or.accumulate(known[::-1])[::-1])

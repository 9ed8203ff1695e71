"""Plausibility: values that look like another kind than the configured one.

The checks look at beginnings of the table of fixed lengths, each twice as long as the one before. Later rows cannot
remove a finding about a beginning.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foundation.counts import format_percent
from foundation.types import Floats
from market.findings import Finding
from market.values.table import Table, double_lengths

_SHORTEST = 24
"""Rows that a beginning has at least."""
_FEW = 3
"""Assets below which their median is that of a single one, which may be wilder or luckier than a typical one."""


@dataclass(frozen=True)
class _Limits:
    """Upper limits for the median asset of a table.

    Attributes
    ----------
    volatility : float
        A year, as a fraction, over a year or more. Wild stocks have less, coins may have more.
    short_volatility : float
        A year, as a fraction, over less than a year. In the 24 wildest days of 2008 the median of 20 stocks had 1.06;
        1 beginning of 24 days in 200 of a single stock has more than 1.35.
    growth : float
        Log growth a year over three years or more.
    steady : tuple of pairs of float
        Ratios of annual mean to annual volatility over two years or more, each with the annual growth, a fraction,
        that no asset had so steadily.
    """

    volatility: float
    short_volatility: float
    growth: float
    steady: tuple[tuple[float, float], ...]


_MANY_ASSETS = _Limits(volatility=0.6, short_volatility=1.2, growth=0.45, steady=((3.0, 0.20), (2.5, 0.35)))
_FEW_ASSETS = _Limits(volatility=0.9, short_volatility=1.35, growth=0.7, steady=((3.0, 0.40),))

_MEMORY_ROWS = 60
"""Values from which the memory of a column is judged: a random walk of fewer may seem to have none."""
_NO_MEMORY = 0.3
"""Rank correlation of neighbours below which a column holds no prices: calm bond funds may have 0.4 for 60 days."""
_MEMORY = 0.8
"""Rank correlation of neighbours above which positive values look like prices; that of short walks is biased down."""
_LARGEST_RETURN_LIKE = 2.0
"""Median from which prices are taken neither for returns nor for gross returns."""
_COUNTED = 0.1
"""Share of dates at which only a count more than doubles: at 120 % a year a coin does so in 2 % of months."""


def check_percent_like(table: Table) -> Iterator[Finding]:
    """Find returns that are too wild or too good for the median asset, which percent read as fractions are."""
    year = table.frequency.periods_per_year
    shorter = (rows for rows in double_lengths(_SHORTEST, len(table.values)) if rows < year)
    for rows in (*shorter, *double_lengths(max(_SHORTEST, year), len(table.values))):
        first = table.values[:rows]
        first = first[:, np.isfinite(first).sum(axis=0) >= max(_SHORTEST // 2, rows // 2)]
        # Infinite values and a loss of everything are fatal by themselves.
        if first.shape[1] and not (np.isinf(first) | (first <= -1)).any():
            why = _describe_implausible(first, year)
            if why:
                date = table.dates[0]
                text = (
                    f"{table.source}: over the first {rows} rows {why}; the values look like percent. If they are, set"
                    " data.values: percent_returns. If they are right, as for coins, in a crisis or in a high"
                    " inflation, ignore this warning"
                )
                yield Finding("percent", "warning", None, date, text)
                return


def _describe_implausible(returns: Floats, year: int) -> str:
    """Return what is implausible about the median asset, "" if nothing is."""
    volatility = np.nanstd(returns, axis=0) * np.sqrt(year)
    growth = np.nanmean(np.log1p(returns), axis=0) * year
    typical, gain = float(np.median(volatility)), float(np.median(growth))
    limits = _FEW_ASSETS if returns.shape[1] < _FEW else _MANY_ASSETS
    if typical > (limits.short_volatility if len(returns) < year else limits.volatility):
        return f"the typical asset has a volatility of {format_percent(typical)} a year"
    if len(returns) >= 3 * year and gain > limits.growth:
        return f"the typical asset grows by {format_percent(float(np.expm1(gain)))} a year"
    mean = np.nanmean(returns, axis=0) * year
    # A constant return is infinitely steady.
    ratio = float(np.median(mean / np.maximum(volatility, 1e-12)))
    if len(returns) >= 2 * year and any(
        ratio > steady and np.expm1(gain) > limit for steady, limit in limits.steady
    ):
        growing = format_percent(float(np.expm1(gain)))
        return f"the typical asset grows by {growing} a year with a volatility of only {format_percent(typical)} a year"
    return ""


def check_price_like(table: Table) -> Iterator[Finding]:
    """Find returns of which most columns are positive and persistent, as prices far below 1 are."""
    alike = [column for column in range(len(table.names)) if _resembles_price(table.values[:, column])]
    if 2 * len(alike) > len(table.names):
        column = alike[0]
        row = int(np.argmax(np.isfinite(table.values[:, column])))
        text = (
            f"{table.source}: column {table.names[column]!r}, {table.dates[row]:%Y-%m-%d}: return is"
            f" {table.values[row, column]:g}, and the values are all positive and stay close to the value before, in"
            f" {len(alike)} of {len(table.names)} columns; they look like prices: if they are, set data.values: prices;"
            " if they are the returns of bills, ignore this warning"
        )
        yield Finding("prices as returns", "warning", None, table.dates[row], text)


def _resembles_price(values: Floats) -> bool:
    """Whether the first values of a column are positive and persistent; values that often repeat say nothing."""
    first = values[np.isfinite(values)][:_MEMORY_ROWS]
    if len(first) < _MEMORY_ROWS or (first <= 0).any() or 2 * len(np.unique(first)) < len(first):
        return False
    return _memory(first) > _MEMORY


def check_return_like(table: Table) -> Iterator[Finding]:
    """Find prices without memory below 2: returns that are all positive, or gross returns."""
    with np.errstate(invalid="ignore"):
        low = (table.values < _LARGEST_RETURN_LIKE).any(axis=0)  # no other column has so low a median
    for column in np.flatnonzero(low).tolist():
        name, rows = table.names[column], np.flatnonzero(np.isfinite(table.values[:, column]))
        known = table.values[rows, column]
        for count in double_lengths(_MEMORY_ROWS, len(known)):
            first = known[:count]
            median = float(np.median(first))
            if (first > 0).all() and median < _LARGEST_RETURN_LIKE and _memory(first) < _NO_MEMORY:
                date = table.dates[rows[0]]
                text = (
                    f"{table.source}: column {name!r}, {date:%Y-%m-%d}: price is {first[0]:g}, and its first {count}"
                    f" values scatter around {median:g} without memory of the value before, as no price does: if they"
                    " are returns, set data.values: returns (percent_returns if in percent); if they are gross"
                    " returns, 1 plus the return, subtract 1 in the file and set data.values: returns"
                )
                yield Finding("returns as prices", "warning", name, date, text)
                break


def _memory(values: Floats) -> float:
    """Return the rank correlation of neighbours, which single wrong values hardly move; ties rank in their order."""
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable").astype(np.float64)
    return float(np.corrcoef(ranks[:-1], ranks[1:])[0, 1])


def check_counts(table: Table) -> Iterator[Finding]:
    """Find columns that more than double at one date in ten: counts or volumes, no prices."""
    returns = table.returns
    with np.errstate(invalid="ignore"):
        doubled = np.cumsum(returns > 1.0, axis=0)
    known = np.cumsum(np.isfinite(returns), axis=0)
    for column, name in enumerate(table.names):
        for rows in double_lengths(2 * _SHORTEST, len(returns)):
            count, total = int(doubled[rows - 1, column]), int(known[rows - 1, column])
            if total >= _SHORTEST and count > _COUNTED * total:
                date = table.dates[int(np.argmax(returns[:, column] > 1.0))]
                text = (
                    f"{table.source}: column {name!r}, {date:%Y-%m-%d}: it more than doubles at {count} of its first "
                    f"{total} dates: it looks like a volume or another count, not like the price of an asset: remove it"
                )
                yield Finding("count as asset", "fatal", name, date, text)
                break

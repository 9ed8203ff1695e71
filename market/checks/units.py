"""Units: whether returns are fractions, percent or prices, judged by the frequency of the table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from foundation.counts import format_percent
from foundation.types import Floats
from market.checks.integrity import PERCENT_LIKE
from market.checks.plausibility import check_percent_like, check_price_like, check_return_like
from market.findings import Finding
from market.values.table import Table, double_lengths

_FIRST_ROWS = 24
"""A column whose first values are all above 0, so many of them, and large, holds prices."""
_ENOUGH = 12
"""Values that a column must have before it is judged, if the table has so many rows."""
_SMOOTH = 0.2
"""Relative change from value to value below which large positive values look like prices."""
_IMPLAUSIBLE_SHARE = 1 / 3
"""Share of the move that counts as implausible in one step which the median return may not exceed."""
_GROWTH_YEARS = 3
_GROWTH = 1.0
"""Log growth per year of all assets over at least `_GROWTH_YEARS` from which a warning is given."""
_FRACTIONS = 0.002
"""Annual volatility of the median asset below which returns in percent are taken for fractions."""
_STEADY = 0.75
"""Share of gains among returns from which such a growth is fatal."""
_SURE_GROWTH = 2.0
"""Log growth per year that is fatal for any share of gains: 640 % a year, for years."""


def check_units(table: Table, *, percent: bool = False) -> Iterator[Finding]:
    """Find prices and percentages in a table of returns as fractions, and returns in a table of prices.

    The check looks at beginnings of the table of fixed lengths, so that a table as of an earlier date is never refused
    if the whole is accepted.

    Parameters
    ----------
    table : Table
    percent : bool
        Whether the returns were converted from percent; then no warning suggests percent.
    """
    if table.kind == "prices":
        yield from check_return_like(table)
        return
    found = [*_check_prices(table), *_check_percent(table)]
    found += [] if found else check_price_like(table)
    yield from found
    if not found and not percent:
        yield from check_percent_like(table)


def _check_prices(table: Table) -> Iterator[Finding]:
    """Find columns whose values are large and all positive: prices, or percent."""
    enough = max(3, min(_ENOUGH, len(table.values)))
    for column, name in enumerate(table.names):
        rows = np.flatnonzero(np.isfinite(table.values[:, column]))[:_FIRST_ROWS]
        values = table.values[rows, column]
        if len(values) >= enough and (values > 0).all() and np.median(values) > PERCENT_LIKE:
            date = table.dates[rows[0]]
            smooth = float(np.median(np.abs(np.diff(values)) / values[:-1])) < _SMOOTH
            look = (
                "prices: set data.values: prices" if smooth else "percent: set data.values: percent_returns"
            )
            if smooth and _may_be_gross(values):
                look += "; or like gross returns, 1 plus the return: then subtract 1 in the file"
            text = (
                f"{table.source}: column {name!r}, {date:%Y-%m-%d}: return is {values[0]:g}, and its first"
                f" {len(values)} values are all positive, {np.median(values):g} in the median; they look like {look}"
            )
            yield Finding("prices as returns" if smooth else "percent", "fatal", name, date, text)


def _may_be_gross(values: Floats) -> bool:
    """Whether values near 1 may scatter without memory: the steps of a price vary less than its level, theirs more."""
    level, steps = float(np.var(values)), float(np.var(np.diff(values)))
    return 0.7 < float(np.median(values)) < 1.4 and steps > 0.5 * level


def _check_percent(table: Table) -> Iterator[Finding]:
    """Find tables of percent, or single columns of percent among fractions."""
    finding = _find_large_returns(table) or _find_steep_growth(table)
    if finding is not None:
        yield finding
    if finding is None or finding.severity != "fatal":
        yield from _check_percent_columns(table)


def _find_large_returns(table: Table) -> Finding | None:
    """Find a table of percent by the size of a typical return."""
    frequency, values = table.frequency, table.values
    limit = frequency.implausible * _IMPLAUSIBLE_SHARE
    for rows in double_lengths(max(_ENOUGH * 2, frequency.periods_per_year), len(values)):
        sizes = np.abs(values[:rows][np.isfinite(values[:rows])])
        median = float(np.median(sizes)) if len(sizes) else 0.0
        if median > limit:
            text = f"half of the first {rows} rows' returns exceed {median:g} in size"
            return _make_percent_finding(table, "fatal", text)
    return None


def _find_steep_growth(table: Table) -> Finding | None:
    """Find a table of percent by a growth that no asset has for years."""
    frequency, values = table.frequency, table.values
    worst: Finding | None = None
    for rows in double_lengths(_GROWTH_YEARS * frequency.periods_per_year, len(values)):
        known = values[:rows][np.isfinite(values[:rows])]
        if (known <= -1).any():
            break  # a loss of everything is fatal by itself
        growth = float(np.mean(np.log1p(known))) * frequency.periods_per_year
        if growth > _GROWTH:
            sure = growth > _SURE_GROWTH or float(np.mean(known > 0)) > _STEADY
            text = f"a typical asset grows {format_percent(float(np.expm1(growth)))} a year over the first {rows} rows"
            worst = _make_percent_finding(table, "fatal" if sure else "warning", text)
            if sure:
                break
    return worst


def _check_percent_columns(table: Table) -> Iterator[Finding]:
    """Find single columns of percent among fractions, by a steady growth that no asset has for years."""
    per_year = table.frequency.periods_per_year
    for column, name in enumerate(table.names):
        values = table.values[:, column]
        rows = np.flatnonzero(np.isfinite(values))
        known = values[rows]
        for count in double_lengths(_GROWTH_YEARS * per_year, len(known)):
            first = known[:count]
            if (first <= -1).any():
                break  # a loss of everything is fatal by itself
            growth = float(np.mean(np.log1p(first))) * per_year
            if growth > _GROWTH and float(np.mean(first > 0)) > _STEADY:
                date = table.dates[rows[0]]
                growing = format_percent(float(np.expm1(growth)))
                text = (
                    f"{table.source}: column {name!r}, {date:%Y-%m-%d}: return is {first[0]:g}, and the column grows by"
                    f" {growing} a year over its first {count} values, which no asset does; if it is in percent,"
                    " divide it by 100 in the file"
                )
                yield Finding("percent", "fatal", name, date, text)
                break


def check_fractions(table: Table) -> Iterator[Finding]:
    """Find fractions that are declared as percent, by the first volatility of the median asset."""
    first = table.values[: 2 * _FIRST_ROWS]
    known = np.isfinite(first).sum(axis=0) >= _FIRST_ROWS
    if len(first) < 2 * _FIRST_ROWS or not known.any():
        return
    yearly = np.nanstd(first[:, known], axis=0) * np.sqrt(table.frequency.periods_per_year)
    median = float(np.median(yearly))
    if 0 < median < _FRACTIONS:
        row, column = _first_cell(table.values)
        text = (
            f"{table.source}: column {table.names[column]!r}, {table.dates[row]:%Y-%m-%d}: read as percent, the median "
            f"asset has a volatility of {median:.2%} a year; the values look like fractions: set data.values: returns"
        )
        yield Finding("fractions as percent", "fatal", None, table.dates[row], text)


def _make_percent_finding(table: Table, severity: Literal["fatal", "warning"], why: str) -> Finding:
    row, column = _first_cell(table.values)
    name, date = table.names[column], table.dates[row]
    known = table.values[np.isfinite(table.values)]
    prices = "; if they are prices, set data.values: prices" if (known > 0).all() else ""
    text = (
        f"{table.source}: column {name!r}, {date:%Y-%m-%d}: return is {table.values[row, column]:g}, and {why};"
        f" for {table.frequency.name} returns as fractions that is too much: if they are in percent, set"
        f" data.values: percent_returns{prices}"
    )
    return Finding("percent", severity, None, date, text)


def _first_cell(values: Floats) -> tuple[int, int]:
    row, column = np.argwhere(np.isfinite(values))[0]
    return int(row), int(column)

"""Anomalies that are possible but unlikely: gaps, late starts, stale runs, moves like missed splits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foundation.counts import format_count
from foundation.types import Floats
from market.checks.integrity import looks_like_percent
from market.checks.periods import check_carried, check_periods
from market.checks.suspicions.jumps import find_unit_changes
from market.findings import Finding
from market.frequency import count_missing
from market.values.table import Table

_SPLITS = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 20.0)
_SPLIT_TOLERANCE = 0.03
"""A stock also moves by a percent or two on the day of its split; falls of a third or more are rare."""
_LEAST_SPLIT = 0.3
"""Log return below which no move is near a split: it is less than that of the smallest, with its tolerance."""

_LARGEST_RETURN = 1000.0
"""Return in one step, a fraction, above which the values must be in another unit."""
_LARGEST_VOLATILITY = 10.0
"""Annual volatility of the median column, a fraction, above which the values cannot be returns."""


def check_anomalies(table: Table) -> Iterator[Finding]:
    """Find values that are possible but unlikely, in a table without fatal findings."""
    yield from _check_calendar(table)
    yield from check_periods(table.source, table.dates, table.frequency)
    yield from check_carried(table)
    yield from _check_life(table)
    yield from _check_stale(table)
    yield from _check_moves(table)
    if table.kind == "returns" and looks_like_percent(table.values):
        median = np.nanmedian(np.abs(table.values))
        text = (
            f"{table.source}: half of all returns exceed {median:g} in size; expected fractions, not percent"
            " (data.values: percent_returns)"
        )
        yield Finding("percent", "warning", None, table.dates[0], text)


def check_magnitude(table: Table) -> Iterator[Finding]:
    """Find returns and volatilities that no asset has: the numbers are in another unit, or no prices at all."""
    returns = table.returns

    def say(row: int, column: int) -> str:
        return f"return of {returns[row, column]:+.3g} in one step, expected at most {_LARGEST_RETURN:g} as a fraction"

    yield from table.find_by_column("impossible return", "fatal", returns > _LARGEST_RETURN, say)
    volatility = _annual_volatility(np.where(returns > _LARGEST_RETURN, np.nan, returns), table)
    typical = float(np.median(volatility)) if len(volatility) else 0.0
    if typical > _LARGEST_VOLATILITY:
        hint = "; the values look like percent, expected fractions" if table.kind == "returns" else ""
        text = (
            f"{table.source}: the volatility of the median column is {typical:,.0%} a year, expected less than "
            f"{_LARGEST_VOLATILITY:,.0%}{hint}"
        )
        yield Finding("impossible volatility", "fatal", None, table.dates[0], text)


def _annual_volatility(returns: Floats, table: Table) -> Floats:
    """Return the annual volatility of the columns that have more than a year of returns, shape (n,)."""
    year = table.frequency.periods_per_year
    columns = (column[np.isfinite(column)] for column in returns.T)
    return np.array([column.std() * np.sqrt(year) for column in columns if len(column) > year])


def _check_calendar(table: Table) -> Iterator[Finding]:
    """Find intervals of the calendar that the table lacks."""
    unit, dates = table.frequency.unit, table.dates
    missing = count_missing(dates, unit)
    gaps = np.flatnonzero(missing > table.frequency.excused)
    if len(gaps):
        worst = gaps[int(np.argmax(missing[gaps]))]
        span = f"{dates[worst - 1]:%Y-%m-%d} and {dates[worst]:%Y-%m-%d}"
        longest = format_count(int(missing[worst]), unit.removesuffix("s"))
        text = (
            f"{table.source}: {format_count(len(gaps), 'gap')} in its {table.frequency.name} dates, the first before"
            f" {dates[gaps[0]]:%Y-%m-%d}, the longest of {longest} between {span}"
        )
        yield Finding("calendar gap", "warning", None, dates[gaps[0]], text)


def _check_life(table: Table) -> Iterator[Finding]:
    """Find assets that list late or end early, and holes within their lives."""
    valid = np.isfinite(table.values)
    born = np.argmax(valid, axis=0)
    died = len(valid) - 1 - np.argmax(valid[::-1], axis=0)
    rows = np.arange(len(valid))[:, None]
    hole = ~valid & (rows > born) & (rows < died)
    yield from table.find_by_column(
        "missing value",
        "warning",
        hole,
        lambda _row, _column: "missing value after its first and before its last",
    )
    late, early = rows == np.where(born > 0, born, -1), rows == np.where(died < len(valid) - 1, died, -1)
    start, end = f"{table.dates[0]:%Y-%m-%d}", f"{table.dates[-1]:%Y-%m-%d}"
    yield from table.find_by_column(
        "starts late", "note", late, lambda *_: f"first value; the table starts {start}"
    )
    yield from table.find_by_column(
        "ends early", "note", early, lambda *_: f"last value; the table ends {end}"
    )


def _check_stale(table: Table) -> Iterator[Finding]:
    """Find values that stay the same for suspiciously many observations."""
    returns = table.returns
    longest = table.frequency.stale_after
    for column, name in enumerate(table.names):
        rows = np.flatnonzero(np.isfinite(returns[:, column]))
        edges = np.diff(np.concatenate(([0], returns[rows, column] == 0.0, [0])).astype(np.int8))
        starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
        lengths = ends - starts
        stale = np.flatnonzero(lengths >= longest)
        if len(stale):
            date = table.dates[rows[starts[stale[0]]]]
            text = (
                f"{table.source}: column {name!r}, {date:%Y-%m-%d}: unchanged for {lengths[stale[0]]}"
                f" observations ({format_count(len(stale), 'such run')} of {longest} or more, "
                f"the longest {lengths.max()})"
            )
            yield Finding("stale run", "warning", name, date, text)


def _check_moves(table: Table) -> Iterator[Finding]:
    """Find moves that look like missed splits, and others that are implausibly large."""
    returns, daily = table.returns, table.frequency.unit in ("weekdays", "days")
    moves = _take_large_moves(table)
    split = np.zeros(moves.shape, dtype=np.bool_)
    if daily:
        cells = np.nonzero(moves)
        ratios = np.exp(np.abs(moves[cells]))
        near = np.zeros(len(ratios), dtype=np.bool_)
        for n in _SPLITS:
            near |= np.abs(ratios / n - 1.0) <= _SPLIT_TOLERANCE
        split[cells] = near
        # A crash that takes all down is no split: most of the move must be left after the median asset's.
        rows = np.flatnonzero(split.any(axis=1))
        left = np.abs(moves[rows] - _median_log_return(returns[rows])[:, None])
        split[rows] &= left > 0.5 * np.abs(moves[rows])

    def looks_split(row: int, column: int) -> str:
        ratio = float(np.exp(moves[row, column]))
        return f"one-day move by a factor of {ratio:.3g} looks like a missed split"

    def too_large(row: int, column: int) -> str:
        return f"return of {returns[row, column]:+.0%} in one {table.frequency.name} step; is it real?"

    large = (np.abs(moves) > table.frequency.implausible) & ~split & ~find_unit_changes(table)
    yield from table.find_by_column("possible split", "warning", split, looks_split)
    yield from table.find_by_column("implausible move", "warning", large, too_large)


def _take_large_moves(table: Table) -> Floats:
    """Return the log returns that may be implausible or a split, and 0 elsewhere, shape (T, N); they are few."""
    least = min(table.frequency.implausible, _LEAST_SPLIT)
    returns, moves = table.returns, np.zeros(table.returns.shape)
    # A loss of everything is minus infinity, and an error of its own.
    with np.errstate(invalid="ignore", divide="ignore"):
        large = np.isfinite(returns) & ((returns > np.expm1(least)) | (returns < np.expm1(-least)))
        moves[large] = np.log1p(returns[large])
    return moves


def _median_log_return(returns: Floats) -> Floats:
    """Return the median log return across assets at each date, 0 where fewer than 3 have one; shape (T,)."""
    out = np.zeros(len(returns))
    enough = np.isfinite(returns).sum(axis=1) >= 3
    out[enough] = np.log1p(np.nanmedian(returns[enough], axis=1))
    return out

"""Checks of cash: whether a column can hold its returns, and which kind of values it resembles."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from foundation.counts import format_count, format_percent
from foundation.types import Floats
from market.findings import Finding
from market.values.cash import CashColumn, CashKind

_MEANING: dict[CashKind, str] = {
    "returns": "one step's simple return, a fraction",
    "percent_returns": "one step's return in percent",
    "prices": "a price or index level",
    "annual_rate": "an annual rate, a fraction",
    "annual_percent": "an annual rate in percent",
}
_GAPS = ("the rate before stands", "cash earns 0 there, and its return counts at the next price")
"""What cash earns at dates without a rate, and without a price."""

_SUSPICIOUS = 0.25
"""Annual return of cash above which the configuration must state the kind of the column. The highest quarter of the US
T-bill, in 1981, has 0.16."""
_IMPOSSIBLE = 3.0
"""Annual return of cash above which the values are refused."""
_LOSS = 0.1
"""Loss of cash in one step from which the values are refused."""
_QUARTER = 4
"""Parts of a year: cash is judged by its median over each of them."""
_FEWEST = 3
"""Values that such a median needs at least; half of the quarter's rows if that is more."""


def check_cash_values(column: CashColumn) -> Iterator[Finding]:
    """Find codes for missing values, and values that are impossible for the kind of the column."""
    dates, kind = column.dates, column.kind
    if column.coded.any():
        row = int(np.argmax(column.coded))
        cells = f"({format_count(int(column.coded.sum()), 'such cell')})"
        text = f"{column.where}, {dates[row]:%Y-%m-%d}: {column.values[row]:g} is read as a missing value {cells}"
        yield Finding("missing code", "warning", None, dates[row], text)
    values = column.known
    wrong = np.isinf(values)
    if kind == "prices":
        wrong |= values <= 0
    if wrong.any():
        row = int(np.argmax(wrong))
        expected = "a price above 0" if kind == "prices" else "a number"
        found = f"{values[row]:g}, expected {expected} (values: {kind or 'returns'})"
        text = f"{column.where}, {dates[row]:%Y-%m-%d}: {found}"
        yield Finding("cash", "fatal", None, dates[row], text)


def check_cash_returns(column: CashColumn) -> Iterator[Finding]:
    """Find dates without a value, and returns that no step of cash has."""
    if column.gaps.any():
        first = column.dates[int(np.argmax(column.gaps))]
        count = format_count(int(column.gaps.sum()), "date")
        text = f"{column.where}, {first:%Y-%m-%d}: no value at {count}; {_GAPS[column.kind == 'prices']}"
        yield Finding("cash without a value", "warning", None, first, text)
    yield from _check_size(column)


def _check_size(column: CashColumn) -> Iterator[Finding]:
    """Find returns of cash that are too large to be returns of one step.

    The check uses the median over each quarter of a year, so that one extreme day raises no alarm. A quarter that
    raises an alarm does so in every longer file too: a file as of an earlier date never fares worse than the whole.
    """
    dates, values, kind, returns = column.dates, column.known, column.kind, column.returns
    sizes = np.abs(returns)
    a_step, annual = _measure_sizes(column)
    over = (annual > (_SUSPICIOUS if kind is None else _IMPOSSIBLE)) | (sizes >= 1.0) | (returns <= -_LOSS)
    if over.any():
        step = float(np.nanmedian(sizes[over]))
        first = int(np.argmax(np.isfinite(values)))
        yearly = format_percent(step * column.periods_per_year)
        moves = f"cash moves by {format_percent(step, 2)} in a step, {yearly} a year"
        advice = _advise(column)
        read = f"read as {_MEANING[kind or 'returns']}"
        text = f"{column.where}, {dates[first]:%Y-%m-%d}: {values[first]:g}; {read}, {moves}. {advice}"
        yield Finding("cash", "fatal", None, dates[int(np.argmax(over))], text)
    elif kind is not None and np.nanmax(annual, initial=0.0) > _SUSPICIOUS:
        row = int(np.nanargmax(annual))
        text = (
            f"{column.where}, {dates[row]:%Y-%m-%d}: read as {_MEANING[kind]}, cash moves by"
            f" {format_percent(a_step[row], 2)} in a step, {format_percent(annual[row])} a year; is it real?"
        )
        yield Finding("cash", "warning", None, dates[row], text)


def _measure_sizes(column: CashColumn) -> tuple[Floats, Floats]:
    """Return the median size of a step over the last quarter of a year, and what such steps make in a year."""
    per_year = column.periods_per_year
    length = max(1, per_year // _QUARTER)
    enough = min(length, max(_FEWEST, length // 2))  # a file may be shorter than a quarter, and have gaps
    a_step = pd.Series(np.abs(column.returns)).rolling(length, min_periods=enough).median().to_numpy()
    compounds = column.kind in ("annual_rate", "annual_percent")
    return a_step, (1.0 + a_step) ** per_year - 1.0 if compounds else a_step * per_year


def check_cash(source: str, dates: pd.DatetimeIndex, returns: Floats) -> Iterator[Finding]:
    """Find dates (T,) at which the return of cash (T,) is missing or a loss of everything."""
    bad = np.flatnonzero(~np.isfinite(returns) | (returns <= -1))
    if len(bad):
        more = f" ({len(bad)} such dates)" if len(bad) > 1 else ""
        known = np.flatnonzero(np.isfinite(returns))
        ends = [f"data.start: {dates[known[0]]:%Y-%m-%d}"] if len(known) and bad[0] < known[0] else []
        ends += [f"data.end: {dates[known[-1]]:%Y-%m-%d}"] if len(known) and bad[-1] > known[-1] else []
        hint = f"; set {' and '.join(ends)}, where cash has returns" if ends else ""
        text = (
            f"{source}: {dates[bad[0]]:%Y-%m-%d}: cash return is {returns[bad[0]]:g},"
            f" expected a fraction above -1{more}{hint}"
        )
        yield Finding("cash", "fatal", None, dates[bad[0]], text)


def _advise(column: CashColumn) -> str:
    """Return likely kinds of the column, the return of cash for each, and how to configure them."""
    values, kind = column.known, column.kind
    guesses = {
        guess: rate
        for guess, rate in guess_cash_kinds(values, column.periods_per_year).items()
        if guess != (kind or "returns")
    }
    large = bool(np.nanmax(np.abs(values)) >= 1.0)  # no return of cash in one step: not to be believed either
    own = "" if kind or large else "; or values: returns if these are one step's returns all the same"
    if not guesses:
        return f"That is no cash: name another column, or remove data.cash{own}"
    named = [
        f"cash: {{column: {column.name}, values: {guess}}} ({rate:.1%} a year)"
        for guess, rate in guesses.items()
    ]
    looks = " or ".join(_MEANING[guess] for guess in guesses)
    return f"It looks like {looks}: set {'; or '.join(named)}{own}"


def guess_cash_kinds(values: Floats, periods_per_year: int) -> dict[CashKind, float]:
    """Return the possible kinds of the values, likeliest first, with the implied annual return of cash."""
    known = values[np.isfinite(values)]
    size, mean = float(np.quantile(np.abs(known), 0.9)), float(np.mean(known))
    if _rises_like_a_price(known, periods_per_year):
        growth = np.log(known[-1] / known[0]) / (len(known) - 1) * periods_per_year
        return {"prices": float(np.expm1(growth))}
    guesses: dict[CashKind, float] = {}
    if size <= _SUSPICIOUS:
        guesses["annual_rate"] = mean
    if size / 100.0 * periods_per_year <= _SUSPICIOUS:
        guesses["percent_returns"] = mean / 100.0 * periods_per_year
    if _SUSPICIOUS / periods_per_year < size <= 100.0 * _SUSPICIOUS and "annual_rate" not in guesses:
        guesses["annual_percent"] = mean / 100.0
    return guesses


def _rises_like_a_price(known: Floats, periods_per_year: int) -> bool:
    """Whether values are the level of an index of cash, which rarely falls and rises slowly."""
    if len(known) < 2 or (known <= 0).any():
        return False
    with np.errstate(over="ignore"):  # from one end of the range of numbers to the other: no index of cash
        steps = np.diff(known) / known[:-1]
    slow = (
        abs(float(np.median(steps))) * periods_per_year <= _SUSPICIOUS
        and float(np.max(np.abs(steps))) < _SUSPICIOUS
    )
    rises = float(np.mean(steps >= 0)) >= 0.6 and float(np.mean(steps > 0)) >= 0.2
    return known[0] > 0.5 and slow and (rises or known[0] > 100.0 * _SUSPICIOUS)

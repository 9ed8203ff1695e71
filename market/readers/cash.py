"""Cash: the return of each step, from a column of returns, prices or annual rates, and what the column looks like."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.types import Bools, Floats
from market.errors import SourceError
from market.findings import MISSING_CODES, Finding, raise_if_fatal
from market.returns import simple_returns

CashKind = Literal["returns", "percent_returns", "prices", "annual_rate", "annual_percent"]
KINDS: tuple[CashKind, ...] = get_args(CashKind)
MEANING: dict[CashKind, str] = {
    "returns": "one step's simple return, a fraction",
    "percent_returns": "one step's return in percent",
    "prices": "a price or index level",
    "annual_rate": "an annual rate, a fraction",
    "annual_percent": "an annual rate in percent",
}

SUSPICIOUS = 0.25
"""Annual return of cash that is not believed unless the configuration says what the column holds. The highest quarter
of the US T-bill, in 1981, has 0.16."""
IMPOSSIBLE = 3.0
"""Annual return of cash that is never believed."""
LOSS = 0.1
"""Loss of cash in one step that is never believed."""
QUARTER = 4
"""Parts of a year: cash is judged by its median over each of them."""


def read_role(source: str, role: str, given: str | Mapping[str, str] | None) -> tuple[str | None, Any]:
    """Return the column of a role (cash or market), and what it holds if that was said.

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


def convert_cash(
    source: str,
    column: str,
    dates: pd.DatetimeIndex,
    values: Floats,
    kind: CashKind | None,
    periods_per_year: int,
) -> tuple[Floats, tuple[Finding, ...]]:
    """Convert a column to the return of cash in each step.

    Parameters
    ----------
    source, column : str
        What to call the file and the column in messages.
    dates : DatetimeIndex of length T
        Rows at which an asset has a value.
    values : ndarray of shape (T,)
        The column at these rows, NaN where it is empty.
    kind : str or None
        What the column holds, one of `KINDS`. None means returns, and refuses what does not look like them.
    periods_per_year : int

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
        If the values cannot be what they are said to be.
    """
    where = f"{source}: cash column {column!r}"
    values, coded = _remove_codes(where, dates, values, kind)
    found = coded + raise_if_fatal(_check_numbers(where, dates, values, kind))
    if kind in (None, "returns", "percent_returns"):
        returns = values / 100.0 if kind == "percent_returns" else values
    elif kind == "prices":
        returns, gaps = _from_prices(where, dates, values)
        found += gaps
    else:
        rates = values / 100.0 if kind == "annual_percent" else values
        returns, gaps = _from_rates(where, dates, rates, periods_per_year)
        found += gaps
    return returns, found + raise_if_fatal(
        _check_size(where, column, dates, values, returns, kind, periods_per_year)
    )


def _remove_codes(
    where: str, dates: pd.DatetimeIndex, values: Floats, kind: CashKind | None
) -> tuple[Floats, tuple[Finding, ...]]:
    """Return the values in percent without the codes that stand for a missing value, and a warning if there are any."""
    coded = np.isin(values, MISSING_CODES) & (kind in ("percent_returns", "annual_percent"))
    if not coded.any():
        return values, ()
    row = int(np.argmax(coded))
    cells = f"({format_count(int(coded.sum()), 'such cell')})"
    text = f"{where}, {dates[row]:%Y-%m-%d}: {values[row]:g} is read as a missing value {cells}"
    return np.where(coded, np.nan, values), (Finding("missing code", "warning", None, dates[row], text),)


def _check_numbers(
    where: str, dates: pd.DatetimeIndex, values: Floats, kind: CashKind | None
) -> Iterator[Finding]:
    """Find what no value of this kind can be."""
    wrong = np.isinf(values)
    if kind == "prices":
        wrong |= values <= 0
    if wrong.any():
        row = int(np.argmax(wrong))
        expected = "a price above 0" if kind == "prices" else "a number"
        text = f"{where}, {dates[row]:%Y-%m-%d}: {values[row]:g}, expected {expected} (values: {kind or 'returns'})"
        yield Finding("cash", "fatal", None, dates[row], text)


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
    """Return what each step earns at the annual rate that was known when it began."""
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


def check_cash(source: str, dates: pd.DatetimeIndex, returns: Floats) -> Iterator[Finding]:
    """Find steps in which the return of cash is missing or a loss of everything.

    Parameters
    ----------
    source : str
    dates : DatetimeIndex of length T
    returns : ndarray of shape (T,)
        Returns of cash as `convert_cash` gives them.
    """
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


def _check_size(
    where: str,
    column: str,
    dates: pd.DatetimeIndex,
    values: Floats,
    returns: Floats,
    kind: CashKind | None,
    periods_per_year: int,
) -> Iterator[Finding]:
    """Find returns of cash that are too large to be returns of one step.

    The median over each quarter of a year is judged, so that one wild day is no alarm. A quarter that alarms alarms
    in every longer file too: the file as it was at an earlier date is never judged worse than the whole.
    """
    length = max(1, periods_per_year // QUARTER)
    sizes = np.abs(returns)
    a_step = pd.Series(sizes).rolling(length, min_periods=length).median().to_numpy()
    rates = kind in ("annual_rate", "annual_percent")
    annual = (1.0 + a_step) ** periods_per_year - 1.0 if rates else a_step * periods_per_year
    over = (annual > (SUSPICIOUS if kind is None else IMPOSSIBLE)) | (sizes >= 1.0) | (returns <= -LOSS)
    if over.any():
        step = float(np.nanmedian(sizes[over]))
        first = int(np.argmax(np.isfinite(values)))
        moves = f"cash moves by {step:.2%} in a step, {step * periods_per_year:,.0%} a year"
        advice = _advice(column, values, kind, periods_per_year)
        read = f"read as {MEANING[kind or 'returns']}"
        text = f"{where}, {dates[first]:%Y-%m-%d}: {values[first]:g}; {read}, {moves}. {advice}"
        yield Finding("cash", "fatal", None, dates[int(np.argmax(over))], text)
    elif kind is not None and np.nanmax(annual, initial=0.0) > SUSPICIOUS:
        row = int(np.nanargmax(annual))
        text = (
            f"{where}, {dates[row]:%Y-%m-%d}: read as {MEANING[kind]}, cash moves by"
            f" {a_step[row]:.2%} in a step, {annual[row]:.0%} a year; is it real?"
        )
        yield Finding("cash", "warning", None, dates[row], text)


def _advice(column: str, values: Floats, kind: CashKind | None, periods_per_year: int) -> str:
    """Return what the column may be, with what cash would earn, and how to say so."""
    guesses = {
        guess: rate
        for guess, rate in _candidates(values, periods_per_year).items()
        if guess != (kind or "returns")
    }
    large = bool(np.nanmax(np.abs(values)) >= 1.0)  # no return of cash in one step: not to be believed either
    own = "" if kind or large else "; or values: returns if these are one step's returns all the same"
    if not guesses:
        return f"That is no cash: name another column, or remove data.cash{own}"
    named = [
        f"cash: {{column: {column}, values: {guess}}} ({rate:.1%} a year)" for guess, rate in guesses.items()
    ]
    looks = " or ".join(MEANING[guess] for guess in guesses)
    return f"It looks like {looks}: set {'; or '.join(named)}{own}"


def _candidates(values: Floats, periods_per_year: int) -> dict[CashKind, float]:
    """Return what the values may be, the likeliest first, with the annual return of cash that follows."""
    known = values[np.isfinite(values)]
    size, mean = float(np.quantile(np.abs(known), 0.9)), float(np.mean(known))
    if _rises_like_a_price(known, periods_per_year):
        growth = np.log(known[-1] / known[0]) / (len(known) - 1) * periods_per_year
        return {"prices": float(np.expm1(growth))}
    guesses: dict[CashKind, float] = {}
    if size <= SUSPICIOUS:
        guesses["annual_rate"] = mean
    if size / 100.0 * periods_per_year <= SUSPICIOUS:
        guesses["percent_returns"] = mean / 100.0 * periods_per_year
    if SUSPICIOUS / periods_per_year < size <= 100.0 * SUSPICIOUS and "annual_rate" not in guesses:
        guesses["annual_percent"] = mean / 100.0
    return guesses


def _rises_like_a_price(known: Floats, periods_per_year: int) -> bool:
    """Whether values are the level of an index of cash, which rarely falls and rises slowly."""
    if len(known) < 2 or (known <= 0).any():
        return False
    steps = np.diff(known) / known[:-1]
    slow = (
        abs(float(np.median(steps))) * periods_per_year <= SUSPICIOUS
        and float(np.max(np.abs(steps))) < SUSPICIOUS
    )
    rises = float(np.mean(steps >= 0)) >= 0.6 and float(np.mean(steps > 0)) >= 0.2
    return known[0] > 0.5 and slow and (rises or known[0] > 100.0 * SUSPICIOUS)

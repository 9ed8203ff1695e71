"""Integrity of a table: values that no price or return can have."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foundation.types import Floats
from market.findings import MISSING_CODES, Finding
from market.values.table import Table

PERCENT_LIKE = 0.3
"""Median absolute return above which values cannot be fractions."""
_RETURNS_LIKE = 0.2
"""Share of values at or below 0 from which a column of prices looks like one of returns."""


def check_impossible(table: Table) -> Iterator[Finding]:
    """Find impossible values: infinity, prices of 0 or less, losses of 100 % or more."""
    values = table.values
    yield from table.find_by_column(
        "infinite value", "fatal", np.isinf(values), lambda t, n: f"expected a number, found {values[t, n]}"
    )
    yield from _find_nonpositive(table) if table.kind == "prices" else _find_losses(table)
    for column in np.flatnonzero(np.isnan(values).all(axis=0)):
        name = table.names[column]
        text = f"{table.source}: column {name!r} holds no number at all; remove it or supply its {table.kind}"
        yield Finding("empty column", "fatal", name, None, text)


def _find_nonpositive(table: Table) -> Iterator[Finding]:
    """Find prices of 0 or less."""
    values = table.values

    def explain(row: int, column: int) -> str:
        what = _explain_price(values, row, column)
        return f"price is {values[row, column]:g}, expected more than 0; {what}"

    return table.find_by_column("non-positive price", "fatal", np.isfinite(values) & (values <= 0), explain)


def _find_losses(table: Table) -> Iterator[Finding]:
    """Find losses of 100 % or more."""
    values = table.values

    def explain(row: int, column: int) -> str:
        what = _explain_loss(values, row, column)
        return f"return is {values[row, column]:g}, expected more than -1{what}"

    # A code for a missing value in percent, divided by 100 as if it were a return, is a loss of almost everything.
    lost = (values <= -1) | np.isclose(values, -0.9999, rtol=0, atol=1e-12)
    return table.find_by_column("impossible return", "fatal", np.isfinite(values) & lost, explain)


def _explain_price(values: Floats, row: int, column: int) -> str:
    """Return what a price of 0 or less may be, and what to do."""
    price = values[row, column]
    known = values[:, column][np.isfinite(values[:, column])]
    zeros = int(np.sum(known == 0))
    mostly_signed = float(np.mean((values < 0).any(axis=0))) > 0.5
    if price in MISSING_CODES and not mostly_signed:
        return f"some files write {price:g} where there is no value: leave the cell empty"
    if mostly_signed and np.mean(known <= 0) > _RETURNS_LIKE:
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
        "returns of another contract, end the file before that date, or make it a series of data.series (CRSP marks "
        "the mean of bid and ask by a minus sign: take its absolute value)"
    )


def _explain_loss(values: Floats, row: int, column: int) -> str:
    """Return what a loss of 100 % or more may be, and what to do; "" if nothing is known."""
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

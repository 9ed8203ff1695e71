"""Alignment: columns that move with the others of another date, and so know them a day early."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from foundation.types import Floats
from market.findings import Finding
from market.values.table import Table

_BLOCK = 252
"""Rows over which columns are compared; blocks follow each other from the beginning."""
_SHORTEST = 60
_FEWEST = 4
"""Columns below which nothing is compared."""
_FOLLOWED = 0.65
"""Correlation with the others a row later from which a column is misdated: US stocks have 0.6 with Asian ones."""
_UNALIKE = 0.15
"""Correlation at the same dates above which it is not."""


def check_alignment(table: Table) -> Iterator[Finding]:
    """Find columns whose returns predict those of the others, or repeat them, one row apart."""
    returns, found = table.returns, set()
    if returns.shape[1] < _FEWEST:
        return
    for start in range(1, len(returns) - _SHORTEST, _BLOCK):
        block = returns[start : start + _BLOCK]
        columns = np.flatnonzero(np.isfinite(block).all(axis=0))
        if len(block) < _SHORTEST or len(columns) < _FEWEST:
            continue
        own = _standardise(block[:, columns])
        others = _standardise(own.sum(axis=1, keepdims=True) - own)
        unlike = np.flatnonzero(np.abs(np.einsum("ij,ij->j", own, others)) < _UNALIKE)
        own, others, columns = own[:, unlike], others[:, unlike], columns[unlike]
        for early in (True, False):
            one, other = (own[:-1], others[1:]) if early else (own[1:], others[:-1])
            apart = np.einsum("ij,ij->j", _standardise(one), _standardise(other))
            for k in np.flatnonzero(apart > _FOLLOWED):
                if columns[k] not in found:
                    found.add(columns[k])
                    yield _report(table, start, int(columns[k]), float(apart[k]), early=early)


def _standardise(values: Floats) -> Floats:
    """Return columns of mean 0 and length 1; constant ones are 0."""
    centred = values - values.mean(axis=0)
    length = np.sqrt(np.einsum("ij,ij->j", centred, centred))
    return np.asarray(centred / np.where(length > 0, length, np.inf))


def _report(table: Table, start: int, column: int, likeness: float, *, early: bool) -> Finding:
    name, date = table.names[column], table.dates[start]
    what = (
        "its returns are those of the others one row later: it is dated a row too early, and knows their next return"
        if early
        else "its returns follow those of the others by one row: it is dated a row too late, or its prices are stale"
    )
    text = (
        f"{table.source}: column {name!r}, {date:%Y-%m-%d}: {what} (correlation {likeness:.2f}, and less than "
        f"{_UNALIKE:g} at the same date)"
    )
    return Finding("misdated column", "warning", name, date, text, "correct its dates")

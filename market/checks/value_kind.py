"""Value kind: whether a file holds prices, returns or returns in percent, for files of which no setting says it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from foundation.types import Floats
from market.checks.integrity import looks_like_percent
from market.checks.units import check_fractions, check_units
from market.findings import MISSING_CODES, ValueKind
from market.values.table import Table

_SIGNED = 0.2
"""Share of values at or below 0 above which a column cannot hold prices."""
_FEWEST = 3
"""Values that a column must have to be judged."""
_PERSISTENT = 0.6
"""Correlation of neighbours above which signed values are a level, such as a spread or a sentiment, and no returns."""


def infer_value_kind(table: Table) -> tuple[ValueKind, str]:
    """Return what the values of a table are, and why they are returns; prices need no reason.

    Values count as returns only if most columns say so: a fifth of their values at or below 0, and little memory of the
    value before.

    Parameters
    ----------
    table : Table
        Values as the file holds them, whatever its kind.
    """
    values = np.where(np.isin(table.values, MISSING_CODES), np.nan, table.values)
    judged = np.isfinite(values).sum(axis=0) >= _FEWEST
    columns = values[:, judged]
    if not columns.shape[1]:
        return "prices", ""
    share = _share_below_zero(columns)
    if np.mean(share > _SIGNED) <= 0.5 or _median_memory(columns) > _PERSISTENT:
        return "prices", ""
    size = float(np.nanmedian(np.abs(values)))
    why = f"{float(np.median(share)):.0%} of a typical column's values are 0 or less"
    fractions = replace(table, values=values, kind="returns")
    percent = looks_like_percent(values) or any(f.check == "percent" for f in check_units(fractions))
    as_percent = replace(fractions, values=values / 100.0)
    if percent and not tuple(check_fractions(as_percent)):
        return "percent_returns", f"{why}, and half of all exceed {size:.3g} in size"
    return "returns", why


def _share_below_zero(values: Floats) -> Floats:
    """Return the share of each column's values that no price can have, shape (N,)."""
    known = np.isfinite(values)
    share = (known & (values <= 0)).sum(axis=0) / known.sum(axis=0)
    # A column of dividends or splits is 0 at most dates, and never less.
    return np.asarray(np.where((values < 0).any(axis=0), share, 0.0))


def _median_memory(values: Floats) -> float:
    """Return the median correlation of neighbouring values, over columns whose values differ."""
    found = []
    for column in values.T:
        known = column[np.isfinite(column)]
        before, after = known[:-1], known[1:]
        if np.std(before) > 0 and np.std(after) > 0:
            found.append(float(np.corrcoef(before, after)[0, 1]))
    return float(np.median(found)) if found else 0.0

"""Checks of the values of series and tables: zeros for missing values, constant stretches, undefined transforms."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from foundation.counts import format_count
from foundation.types import Floats
from market.as_of.expressions import needs_positive
from market.findings import Finding
from market.macro import MacroSeries

_DISTINCT = 10
"""Distinct values from which a series is no indicator of a few states."""
_FAR = 10.0
"""Usual changes of a series that a fall to 0 in one step must exceed."""
_MONTHS = 120
"""Months without change that are noted."""


def check_sign(name: str, transform: str, values: Floats) -> Iterator[Finding]:
    """Find values of which a transform is not defined."""
    wrong = int((values <= 0).sum())
    if wrong and needs_positive(transform):
        text = (
            f"{name}: {wrong} of its {len(values)} values are not above 0, so that {transform} gives none there; use"
            " change_N for values of any sign"
        )
        yield Finding("transform undefined", "warning", None, None, text)


def check_zeros(name: str, series: MacroSeries) -> Iterator[Finding]:
    """Find zeros that are far from the values beside them, all of one sign: they probably stand for no value."""
    dates, values = _take_newest(series)
    zero = values == 0.0
    others = values[~zero]
    if not zero.any() or len(np.unique(others)) < _DISTINCT or (np.sign(others) != np.sign(others[0])).any():
        return
    usual = float(np.median(np.abs(np.diff(others))))
    edges = np.flatnonzero(zero[1:] != zero[:-1])
    beside = np.maximum(np.abs(values[edges]), np.abs(values[edges + 1]))
    far = np.flatnonzero(beside > _FAR * usual)
    if not usual or not len(far):
        return
    text = (
        f"{name}: {int(zero.sum())} of its {len(values)} values are exactly 0, the first of {dates[zero][0]:%Y-%m-%d},"
        f" and others far from it ({beside[far[0]]:g} beside a 0 near {dates[edges[far[0]]]:%Y-%m-%d}): 0 probably"
        " stands for no value; say na_values: [0]"
    )
    yield Finding("zeros", "warning", None, dates[zero][0], text)


def check_constant(name: str, series: MacroSeries) -> Iterator[Finding]:
    """Note a regular series that keeps a value other than 0 for many years, such as a pegged price."""
    dates, values = _take_newest(series)
    if not series.period_months or len(np.unique(values)) < _DISTINCT:
        return
    starts = np.flatnonzero(np.concatenate([[True], values[1:] != values[:-1]]))
    lengths = np.where(values[starts] == 0.0, 0, np.diff(np.append(starts, len(values))))
    longest = int(np.argmax(lengths))
    if lengths[longest] * series.period_months >= _MONTHS:
        text = (
            f"{name}: does not change for {format_count(int(lengths[longest]), 'observation')} from"
            f" {dates[starts[longest]]:%Y-%m-%d} on"
        )
        yield Finding("stale run", "note", None, dates[starts[longest]], text)


def _take_newest(series: MacroSeries) -> tuple[pd.DatetimeIndex, Floats]:
    """Return the periods in order, each with its last vintage."""
    frame = pd.Series(series.values, index=series.observed_at)
    last = frame[~frame.index.duplicated(keep="last")].sort_index()
    return pd.DatetimeIndex(last.index), np.asarray(last, dtype=np.float64)

"""Compiled loops over records in the order in which they became known.

Records belong to slots: one per period of a regular series, else one per observed date. At each date the slots hold
what was known then, so that a change or a z-score compares observations of the same vintage.
"""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints, SmallInts
from market.as_of.expressions import (
    AGE,
    CHAIN,
    CHANGE,
    GROWTH,
    GROWTH_CHANGE,
    LOG,
    LOG_CHANGE,
    SECOND_CHANGE,
    SECOND_LOG_CHANGE,
    SURPRISE,
    VALUE,
    VALUE_CHANGE,
)

_MONTH = 30.4375
_FEWEST = 8
"""Observations that a z-score of an irregular series needs."""


@compiled
def count_by_asset(asset: SmallInts, n_assets: int) -> tuple[Ints, Ints]:
    """Return the records of each asset, in their order: `order[begins[i] : begins[i + 1]]` are those of asset i."""
    begins = np.zeros(n_assets + 1, dtype=np.int64)
    for i in asset:
        begins[i + 1] += 1
    for i in range(n_assets):
        begins[i + 1] += begins[i]
    free, order = begins[:-1].copy(), np.empty(len(asset), dtype=np.int64)
    for record in range(len(asset)):
        order[free[asset[record]]] = record
        free[asset[record]] += 1
    return begins, order


@compiled
def _step_back(current: Floats, slot: int, steps: int, regular: bool) -> int:
    """Return the slot so many observations earlier, -1 if nothing is known of it."""
    if regular:
        slot -= steps
        return slot if slot >= 0 and not np.isnan(current[slot]) else -1
    while steps > 0:
        slot -= 1
        if slot < 0:
            return -1
        if not np.isnan(current[slot]):
            steps -= 1
    return slot


@compiled
def _transform(current: Floats, slot: int, code: int, count: int, regular: bool) -> float:
    """Return the transformed value of a slot, from values of one vintage; NaN if it is not defined."""
    if code in (CHANGE, LOG_CHANGE, GROWTH):
        return _compare(current, slot, code, count, regular)
    if code in (SECOND_CHANGE, SECOND_LOG_CHANGE, GROWTH_CHANGE):
        return _compare_twice(current, slot, code, regular)
    x: float = current[slot]
    if code == LOG:
        return float(np.log(x)) if x > 0.0 else np.nan
    return x


@compiled
def _compare(current: Floats, slot: int, code: int, count: int, regular: bool) -> float:
    """Return the change of a slot over `count` observations."""
    back = _step_back(current, slot, count, regular)
    if back < 0:
        return np.nan
    x, y = current[slot], current[back]
    if code == CHANGE:
        return float(x - y)
    if not (x > 0.0 and y > 0.0):
        return np.nan
    return float(np.log(x) - np.log(y)) if code == LOG_CHANGE else float(x / y - 1.0)


@compiled
def _compare_twice(current: Floats, slot: int, code: int, regular: bool) -> float:
    """Return the change of a slot's change over one observation."""
    first, second = _step_back(current, slot, 1, regular), _step_back(current, slot, 2, regular)
    if first < 0 or second < 0:
        return np.nan
    x, y, z = current[slot], current[first], current[second]
    if code == SECOND_CHANGE:
        return float(x - 2.0 * y + z)
    if not (x > 0.0 and y > 0.0 and z > 0.0):
        return np.nan
    if code == GROWTH_CHANGE:
        return float(x / y - y / z)
    return float(np.log(x) - 2.0 * np.log(y) + np.log(z))


@compiled
def _find_earlier(current: Floats, days: Ints, slot: int, months: int, period: int) -> int:
    """Return the slot of the observation so many months before, -1 if there is none; at least one period back."""
    if period > 0:
        return _step_back(current, slot, max(1, round(months / period)), True)
    span = round(_MONTH * months)
    found = np.searchsorted(days[:slot], days[slot] - span, side="right") - 1
    while found >= 0 and np.isnan(current[found]):
        found -= 1
    return found if found >= 0 and days[slot] - days[found] <= span + max(span // 2, 10) else -1


@compiled
def _standardise(
    current: Floats, days: Ints, slot: int, months: int, period: int, code: int, count: int
) -> float:
    """Return the z-score of a slot among the observations of the last months, itself included."""
    regular = period > 0
    span = round(_MONTH * months)
    first = slot - max(1, round(months / period)) + 1 if regular else 0
    total, n, oldest = 0.0, 0, slot
    here = _transform(current, slot, code, count, regular)
    values = np.empty(slot - max(first, 0) + 1)
    for s in range(slot, max(first, 0) - 1, -1):
        if not regular and days[slot] - days[s] >= span:
            break
        x = _transform(current, s, code, count, regular) if not np.isnan(current[s]) else np.nan
        if not np.isnan(x):
            values[n] = x
            total, n, oldest = total + x, n + 1, s
    few = 2 * n < slot - first + 1 or n < 4 if regular else n < _FEWEST
    if few or np.isnan(here) or (not regular and 2 * (days[slot] - days[oldest]) < span):
        return np.nan
    mean = total / n
    squares = 0.0
    for i in range(n):
        squares += (values[i] - mean) ** 2
    spread = np.sqrt(squares / (n - 1))
    return float((here - mean) / spread) if spread > 1e-12 * max(abs(mean), 1e-300) else np.nan


@compiled
def evaluate(
    dates: Ints, records: Ints, value: Floats, slot_days: Ints, most: int, codes: Ints, out: Floats
) -> None:
    """Write a statistic of one series at each date to `out`, shape (T,).

    Parameters
    ----------
    dates : ndarray of shape (T,)
        Days, increasing.
    records : ndarray of shape (R, 3)
        Day on which each record became known, in this order; its slot; the day that it describes.
    value : ndarray of shape (R,)
    slot_days : ndarray of shape (S,)
        Day of each slot, increasing.
    most : int
        Age in days from which a value counts as missing.
    codes : ndarray of shape (5,)
        Transform and its count, statistic and its count, months in a period (0 if irregular).
    """
    current, days = np.full(len(slot_days), np.nan), slot_days.copy()
    before = current.copy()
    slots = np.full(2, -1)  # the newest one, and the newest one in the chain
    sums = np.array([0.0, np.nan])  # the chain, and the last surprise
    at = 0
    for t in range(len(dates)):
        while at < len(value) and records[at, 0] <= dates[t]:
            stop = at + 1
            while stop < len(value) and records[stop, 0] == records[at, 0]:
                stop += 1
            if codes[2] == SURPRISE:
                before[:] = current
            revised = _apply_records(records[at:stop], value[at:stop], current, days, slots)
            at = stop
            if codes[2] == SURPRISE and revised >= 0:
                new = _transform(current, revised, codes[0], codes[1], codes[4] > 0)
                sums[1] = new - _transform(before, revised, codes[0], codes[1], codes[4] > 0)
            elif codes[2] == CHAIN:
                _extend_chain(current, slots, sums, codes)
        if slots[0] >= 0 and codes[2] == AGE:
            out[t] = dates[t] - days[slots[0]]
        elif slots[0] >= 0 and dates[t] - days[slots[0]] <= most:
            out[t] = _read_statistic(current, days, slots, sums, codes)


@compiled
def _apply_records(records: Ints, value: Floats, current: Floats, days: Ints, slots: Ints) -> int:
    """Write records that became known on one day into the slots; return the newest slot that they revised, or -1."""
    revised = -1
    for r in range(len(value)):
        if not np.isnan(current[records[r, 1]]):
            revised = max(revised, records[r, 1])
    for r in range(len(value)):
        slot = records[r, 1]
        current[slot], days[slot] = value[r], records[r, 2]
        slots[0] = max(slots[0], slot)
    return revised


@compiled
def _extend_chain(current: Floats, slots: Ints, sums: Floats, codes: Ints) -> None:
    """Add the change from the newest slot in the chain to the newest one, within this vintage, to the chain."""
    if slots[0] <= slots[1]:
        return
    x = _transform(current, slots[0], codes[0], codes[1], codes[4] > 0)
    if np.isnan(x):
        return
    if slots[1] >= 0:
        step = x - _transform(current, slots[1], codes[0], codes[1], codes[4] > 0)
        sums[0] += 0.0 if np.isnan(step) else step
    slots[1] = slots[0]


@compiled
def _read_statistic(current: Floats, days: Ints, slots: Ints, sums: Floats, codes: Ints) -> float:
    """Return the statistic of what is known."""
    newest, code, count, statistic, months = slots[0], codes[0], codes[1], codes[2], codes[3]
    period, regular = codes[4], codes[4] > 0
    if statistic == SURPRISE:
        return float(sums[1])
    if statistic == CHAIN:
        return float(sums[0]) if slots[1] >= 0 else np.nan
    here = _transform(current, newest, code, count, regular)
    if statistic == VALUE:
        return here
    if statistic == VALUE_CHANGE:
        back = _find_earlier(current, days, newest, months, period)
        return here - _transform(current, back, code, count, regular) if back >= 0 else np.nan
    return _standardise(current, days, newest, months, period, code, count)

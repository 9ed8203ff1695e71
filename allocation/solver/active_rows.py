"""Active rows: which limits on sums are met as equations, and how their multipliers act on the assets."""

from __future__ import annotations

import numpy as np

from allocation.solver import cholesky
from allocation.solver.segments import neighbouring_segment
from foundation.compiled import compiled
from foundation.types import Floats, Ints

_OUT, AT_LOWER, AT_UPPER, EQUATION = 0, -1, 1, 2
"""State of a row: inactive, met at one of its limits, or an equation (both limits are equal)."""


@compiled
def classify_rows(row_state: Ints, rows: Floats, free: Ints) -> tuple[Ints, Ints, Floats]:
    """Split the active rows into those that constrain the free weights, and those that depend on the former there.

    Returns
    -------
    ruling, idle : ndarray of int
    shares : ndarray of shape (M, M)
        On the free weights, idle row b is shares[b] @ rows, of the ruling ones.
    """
    count = len(rows)
    rules, idle, shares = np.zeros(count, np.bool_), np.zeros(count, np.bool_), np.zeros((count, count))
    for b in range(count):
        if row_state[b] != _OUT:
            rules[b] = _is_independent(rows, np.flatnonzero(rules), b, free, shares[b])
            idle[b] = not rules[b]
    return np.flatnonzero(rules), np.flatnonzero(idle), shares


@compiled
def _is_independent(rows: Floats, before: Ints, b: int, free: Ints, shares: Floats) -> bool:
    """Return whether row b is independent of the rows before it on the free weights; put its projection in `shares`."""
    r, own, rest = len(before), 0.0, 0.0
    gram, right = np.zeros((r, r)), np.zeros((1, r))
    for i in free:
        own += rows[b, i] ** 2
        for c in range(r):
            right[0, c] += rows[before[c], i] * rows[b, i]
            for d in range(c + 1):
                gram[c, d] += rows[before[c], i] * rows[before[d], i]
    if r and cholesky.factorise(gram):
        cholesky.solve_factorised(gram, right)
    for i in free:
        left = rows[b, i]
        for c in range(r):
            left -= right[0, c] * rows[before[c], i]
        rest += left**2
    for c in range(r):
        shares[before[c]] = right[0, c]
    return own > 0.0 and rest > 1e-18 * own


@compiled
def change_row(
    row_state: Ints, rows: Floats, lower: Floats, upper: Floats, w: Floats, prices: Floats
) -> bool:
    """Drop the row whose multiplier has the wrong sign most, else activate the row that is broken most, if any."""
    worst, row, wanted = 0.0, -1, _OUT
    for b in range(len(rows)):
        worst = max(worst, 1e-12 * abs(prices[b]))
    for b in range(len(rows)):
        if row_state[b] in (AT_LOWER, AT_UPPER) and -row_state[b] * prices[b] > worst:
            worst, row = -row_state[b] * prices[b], b
    if row < 0:
        worst = 1e-12
        for b in range(len(rows)):
            if row_state[b] == _OUT:
                total = np.dot(rows[b], w)
                if total - upper[b] > worst:
                    worst, row, wanted = total - upper[b], b, AT_UPPER
                if lower[b] - total > worst:
                    worst, row, wanted = lower[b] - total, b, AT_LOWER
    if row >= 0:
        row_state[row] = wanted
    return row >= 0


@compiled
def judge_idle(
    idle: Ints, shares: Floats, segments: Ints, w: Floats, gradient: Floats, breakpoints: Floats, slopes: Floats,
    rows: Floats, row_state: Ints, lower: Floats, upper: Floats, prices: Floats,
) -> int:  # fmt: skip
    """Find multipliers of the dependent rows, up to the first row for which an asset or a row must change.

    Less its `shares` of the independent rows, such a row acts on weights at breakpoints only. Raising its multiplier by
    t, and theirs by -t shares, does not move the free weights, until an asset leaves its breakpoint or the multiplier
    of another row reaches 0. If the row is met, any multiplier between those two is valid.

    Returns
    -------
    int
        0 if `prices` now holds valid multipliers, -1 if no asset and no row can change.
    """
    for b in idle:
        changed = _judge(
            b, shares[b], segments, w, gradient, breakpoints, slopes, rows, row_state, lower, upper, prices
        )
        if changed != 0:
            return changed
    return 0


@compiled
def _judge(
    index: int, shares: Floats, segments: Ints, w: Floats, gradient: Floats, breakpoints: Floats, slopes: Floats,
    rows: Floats, row_state: Ints, lower: Floats, upper: Floats, prices: Floats,
) -> int:  # fmt: skip
    """Find the multiplier of one dependent row; see `judge_idle`."""
    prices[index] = 0.0
    # Floor and ceiling of the multiplier; who changes there (assets, then rows); and what they change to.
    ends, who = np.array([-np.inf, np.inf]), np.full(4, -1)
    missing = row_limit(index, row_state, lower, upper) - np.dot(rows[index], w)
    for c in range(len(rows)):
        if shares[c] != 0.0:
            missing -= shares[c] * (row_limit(c, row_state, lower, upper) - np.dot(rows[c], w))
            if row_state[c] != EQUATION:
                _narrow(ends, who, prices[c] / shares[c], -row_state[c] * shares[c], len(w) + c, _OUT)
    size = _narrow_by_assets(ends, who, index, shares, segments, gradient, breakpoints, slopes, rows, prices)
    if abs(missing) <= 1e-14 and ends[0] <= ends[1] + 1e-12 * size:
        raised = _between(ends[0], ends[1], row_state[index])
        for c in range(len(rows)):
            prices[c] -= raised * shares[c]
        prices[index] = raised
        return 0
    # If the row is met, one weight rises and one falls; if not, one change meets it.
    ups, downs = missing > -1e-14 and who[0] >= 0, missing < 1e-14 and who[1] >= 0
    if not (ups or downs) or (ups and downs and who[0] == who[1]):
        return -1
    if ups:
        _give_way(who[0], who[2], segments, row_state)
    if downs:
        _give_way(who[1], who[3], segments, row_state)
    return int(ups) + int(downs)


@compiled
def _narrow(ends: Floats, who: Ints, price: float, sense: float, candidate: int, freed: int) -> None:
    """Raise the floor (sense above 0) or lower the ceiling to the multiplier at which a candidate changes."""
    if sense > 0 and price > ends[0]:
        ends[0], who[0], who[2] = price, candidate, freed
    if sense < 0 and price < ends[1]:
        ends[1], who[1], who[3] = price, candidate, freed


@compiled
def _narrow_by_assets(
    ends: Floats, who: Ints, index: int, shares: Floats, segments: Ints, gradient: Floats, breakpoints: Floats,
    slopes: Floats, rows: Floats, prices: Floats,
) -> float:  # fmt: skip
    """Narrow the interval by the assets that would leave their breakpoints; return the largest gradient."""
    size = 1e-3
    for i in range(len(segments)):
        if segments[i] % 2:
            continue
        entry, pull = rows[index, i], gradient[i]
        for c in range(len(rows)):
            entry -= shares[c] * rows[c, i]
            pull += rows[c, i] * prices[c]
        if abs(entry) < 1e-12:
            continue
        size = max(size, abs(pull))
        for side in (1, -1):
            freed = neighbouring_segment(segments[i], side, breakpoints[i])
            if freed >= 0:
                # With a positive entry it is bought below -(pull + slope) / entry.
                _narrow(ends, who, -(pull + slopes[i, freed // 2]) / entry, side * entry, i, freed)
    return size


@compiled
def row_limit(index: int, row_state: Ints, lower: Floats, upper: Floats) -> float:
    """Return the limit at which a row is met."""
    return float(upper[index] if row_state[index] > 0 else lower[index])


@compiled
def _give_way(which: int, freed: int, segments: Ints, row_state: Ints) -> None:
    """Free an asset, or drop a row: rows are counted after the assets."""
    if which < len(segments):
        segments[which] = freed
    else:
        row_state[which - len(segments)] = _OUT


@compiled
def _between(floor: float, ceiling: float, row_state: int) -> float:
    """Return a multiplier between two that may be infinite, with the sign that the row's state requires if possible."""
    floor = max(floor, 0.0) if row_state == AT_UPPER else floor
    ceiling = min(ceiling, 0.0) if row_state == AT_LOWER else ceiling
    if np.isfinite(floor) and np.isfinite(ceiling):
        return 0.5 * (floor + ceiling)
    if np.isfinite(floor):
        return floor
    return ceiling if np.isfinite(ceiling) else 0.0

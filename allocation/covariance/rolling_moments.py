"""Moments of many windows of one length, put together from sums that windows share.

**Method.** Rows are cut into blocks of `window` rows, counted from row 0 of the panel. A window that ends in a block
is the end of the block before and the beginning of this one (van Herk 1992, who did this for maxima). Sums of products
are gathered from the boundary between the two, backward and forward, `_GROUP` rows at a time; a window adds the two
sums it needs and the few rows on either side that fill no group. So:

* nothing is subtracted that had been added: what has left the window leaves no residue;
* which sums a window is made of depends on the row of the panel alone: not on what comes later, and not on which other
  windows are asked for. The value at a row is the same bits in a panel that was cut off there;
* loops and not BLAS make the sums: no thread count or matrix size decides how they are rounded.

**Rounding.** Deviations are taken from the mean of the whole block before, which is known when the block begins; the
window's own mean m is then taken out of the sums. What that costs is a factor 1 + m^2 / s^2 in the error, relative to
the two assets' standard deviations s, of W eps at the very most. A window in which the factor exceeds `_MOST_CANCELLED`
for some asset (its level moved by dozens of standard deviations) is computed alone instead: so all agree with windows
computed alone to 1e-10 of the standard deviations, and mostly to 1e-14.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, repeat

import numpy as np

from allocation.covariance.moments import Moments, window_moments
from foundation.compiled import compiled
from foundation.types import Floats, Ints

_GROUP = 8
"""Rows that are added at a time: each entry is then read and written once for eight products."""

_MOST_CANCELLED = 1e3
"""Mean square over variance, up to which a window's variance is taken as their difference."""

MAXIMUM_DECAY = 500.0
"""Half-lives in a window up to which weights can be stated relative to the middle of it without overflow."""


def rolling_moments(
    returns: Floats,
    inside: Ints,
    positions: Ints,
    *,
    window: int,
    decay: float,
    into: Iterable[Floats] | None = None,
) -> Iterator[Moments]:
    """Yield the moments of the window that ends at each position.

    Parameters
    ----------
    returns : ndarray of shape (T, N)
        NaN is allowed outside the windows.
    inside : ndarray of int, shape (M,)
        Columns to take.
    positions : ndarray of int, shape (D,), increasing
        Last rows of the windows, `window` or more: there is a whole block before each.
    window : int
    decay : float
        Half-lives that a row ages by in each period, with `window` times it at most `MAXIMUM_DECAY`; 0 counts all rows
        alike.
    into : iterable of D ndarray of shape (M, M), optional
        Where the covariances are written. By default into one array: each is overwritten by the next.
    """
    n_columns = len(inside) + 2
    roots = np.exp2(0.5 * decay * np.arange(-window, window))
    counted = np.square(roots[:window])
    rows = float(counted.sum()) ** 2 / float(np.square(counted).sum())
    forward, total = np.empty((n_columns, n_columns)), np.empty((n_columns, n_columns))
    samples = iter(repeat(np.empty((len(inside), len(inside)))) if into is None else into)
    backward = np.empty((0, n_columns, n_columns))
    for block, members in groupby(positions.tolist(), lambda p: p // window):
        first = (block - 1) * window
        ends = np.array(list(members), dtype=np.int64) - first
        groups = (2 * window - 1 - ends) // _GROUP
        wanted = np.unique(groups)
        if len(wanted) > len(backward):
            backward = np.empty((len(wanted), n_columns, n_columns))
        z = _extended(returns[first : first + ends[-1] + 1], inside, roots)
        _gather_backward(z, window, wanted, backward)
        forward[:] = 0.0
        done = 0
        for end, place in zip(ends.tolist(), np.searchsorted(wanted, groups).tolist(), strict=True):
            done = _gather_forward(z, window, done, end, forward)
            _join(z, window, end, backward[place], forward, total)
            sample = next(samples)
            spread, exact = _finish(total, sample)
            if exact:
                yield Moments(sample, sample, spread, window, rows)
            else:
                alone = returns[first + end - window + 1 : first + end + 1][:, inside]
                yield window_moments(alone, counted if decay else None)


@compiled
def _extended(values: Floats, inside: Ints, roots: Floats) -> Floats:
    """Return `roots` times (x, 1, |x|^2), for x the deviations from the mean of the first half of all rows."""
    n = len(inside)
    window = len(roots) // 2
    out = np.empty((len(values), n + 2))
    mean = np.zeros(n)
    for t in range(len(values)):
        row, given = out[t], values[t]
        for i in range(n):
            value = given[inside[i]]
            # What is missing is in no window.
            row[i] = value if value - value == 0.0 else 0.0
        if t < window:
            for i in range(n):
                mean[i] += row[i]
    for i in range(n):
        mean[i] /= window
    for t in range(len(values)):
        row, root = out[t], roots[t]
        square = 0.0
        for i in range(n):
            x = row[i] - mean[i]
            square += x * x
            row[i] = root * x
        row[n] = root
        row[n + 1] = root * square
    return out


@compiled
def _add(total: Floats, z: Floats, t: int) -> None:
    """Add the products of rows t to t + 7 to the lower triangle."""
    z0, z1, z2, z3 = z[t], z[t + 1], z[t + 2], z[t + 3]
    z4, z5, z6, z7 = z[t + 4], z[t + 5], z[t + 6], z[t + 7]
    for i in range(len(total)):
        row = total[i]
        a0, a1, a2, a3, a4, a5, a6, a7 = z0[i], z1[i], z2[i], z3[i], z4[i], z5[i], z6[i], z7[i]
        for j in range(i + 1):
            row[j] += ((a0 * z0[j] + a1 * z1[j]) + (a2 * z2[j] + a3 * z3[j])) + (
                (a4 * z4[j] + a5 * z5[j]) + (a6 * z6[j] + a7 * z7[j])
            )


@compiled
def _gather_backward(z: Floats, boundary: int, wanted: Ints, out: Floats) -> None:
    """Write the sums of the last `wanted[k]` groups before the boundary, for increasing `wanted`."""
    total = np.zeros(out.shape[1:])
    done = 0
    for k in range(len(wanted)):
        while done < wanted[k]:
            done += 1
            _add(total, z, boundary - _GROUP * done)
        for i in range(len(total)):
            row, from_row = out[k, i], total[i]
            for j in range(i + 1):
                row[j] = from_row[j]


@compiled
def _gather_forward(z: Floats, boundary: int, done: int, end: int, total: Floats) -> int:
    """Add the whole groups from the boundary up to row `end`, of which some are done; return how many are now."""
    while boundary + _GROUP * (done + 1) <= end + 1:
        _add(total, z, boundary + _GROUP * done)
        done += 1
    return done


@compiled
def _join(z: Floats, window: int, end: int, backward: Floats, forward: Floats, total: Floats) -> None:
    """Write the sums of the window that ends at row `end`: two sums, and the rows on either side of them."""
    n = len(total)
    for i in range(n):
        row, before, after = total[i], backward[i], forward[i]
        for j in range(i + 1):
            row[j] = before[j] + after[j]
    few = np.zeros((2 * _GROUP, n))
    head = (2 * window - 1 - end) % _GROUP
    tail = (end + 1 - window) % _GROUP
    for k in range(head):
        few[k] = z[end - window + 1 + k]
    for k in range(tail):
        few[head + k] = z[end - tail + 1 + k]
    for start in range(0, head + tail, _GROUP):
        _add(total, few, start)


@compiled
def _finish(total: Floats, sample: Floats) -> tuple[float, bool]:
    """Write the covariance about the window's mean; return the mean of |x|^4 about it, and whether all is exact."""
    n = len(sample)
    weight = total[n, n]
    share = 1.0 / weight
    mean = total[n, :n] / weight
    # By column, so that the additions do not wait for one another.
    columns = np.zeros(n)
    exact = True
    for i in range(n):
        row, sums = sample[i], total[i]
        for j in range(i):
            value = sums[j] * share - mean[i] * mean[j]
            row[j] = value
            columns[j] += mean[i] * value
        row[i] = sums[i] * share - mean[i] * mean[i]
        exact = exact and row[i] * _MOST_CANCELLED >= sums[i] * share
    length = 0.0  # |mean|^2
    quadratic = 0.0  # mean' covariance mean
    cubic = 0.0  # mean' (mean of |x|^2 x)
    for i in range(n):
        length += mean[i] * mean[i]
        quadratic += mean[i] * (2.0 * columns[i] + sample[i, i] * mean[i])
        cubic += mean[i] * total[n + 1, i] / weight
    for i in range(n):
        for j in range(i):
            sample[j, i] = sample[i, j]
    # |x - m|^2 = q - 2 m'x + m'm for q = |x|^2; its square, averaged.
    q, q2 = total[n + 1, n] / weight, total[n + 1, n + 1] / weight
    spread = q2 + 4.0 * (quadratic + length * length) + length * length
    spread += 2.0 * length * q - 4.0 * cubic - 4.0 * length * length
    return float(spread), exact

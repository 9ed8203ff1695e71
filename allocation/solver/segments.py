"""Segments: each asset is at a breakpoint (2j) or free between two (2j + 1), and what changes that."""

from __future__ import annotations

import numpy as np

from foundation.compiled import compiled
from foundation.types import Floats, Ints


@compiled
def guess_segments(gradient: Floats, breakpoints: Floats, slopes: Floats, nearest: Ints, w: Floats) -> Ints:
    """Guess the segments from the gradient at `w`; the budget's multiplier is that of the average asset off its bounds.

    Parameters
    ----------
    gradient : ndarray of shape (n,)
        H w - q.
    breakpoints, slopes : ndarray
        As in `solve_active_set`.
    nearest : ndarray of int, shape (n,)
        The breakpoint at which each asset is now, or -1: free.
    w : ndarray of shape (n,)
    """
    last = breakpoints.shape[1] - 1
    count, total, lowest = 0.0, 0.0, np.inf
    for i in range(len(w)):
        lowest = min(lowest, gradient[i])
        if breakpoints[i, 0] < w[i] < breakpoints[i, last]:
            count += 1.0
            total -= gradient[i]
    y = total / count if count > 0.0 else -lowest
    segments = segments_at(nearest, breakpoints, w)
    for i in range(len(w)):
        if nearest[i] >= 0:
            segments[i] = _free_segment(segments[i], gradient[i] + y, 0.0, breakpoints[i], slopes[i])
    return segments


@compiled
def segments_at(nearest: Ints, breakpoints: Floats, w: Floats) -> Ints:
    """Return the segments of assets at the breakpoints `nearest`, or free around their weight where that is -1."""
    segments = 2 * nearest
    for i in range(len(w)):
        if nearest[i] < 0:
            interval = 0
            while interval < breakpoints.shape[1] - 2 and w[i] > breakpoints[i, interval + 1]:
                interval += 1
            segments[i] = 2 * interval + 1
    return segments


@compiled
def change_segments(
    segments: Ints, w: Floats, gradient: Floats, breakpoints: Floats, slopes: Floats, rows: Floats, prices: Floats,
    single: bool,
) -> int:  # fmt: skip
    """Change the segments that the solution contradicts, only the last if `single`; return how many."""
    changed, last, its = 0, -1, 0
    for i in range(len(w)):
        if segments[i] % 2:
            target = _hit_breakpoint(segments[i], w[i], breakpoints[i])
        else:
            pull, size = gradient[i], abs(gradient[i])
            for b in range(len(prices)):
                pull += rows[b, i] * prices[b]
                size += abs(rows[b, i] * prices[b])
            target = _free_segment(segments[i], pull, 1e-12 * size, breakpoints[i], slopes[i])
        if target != segments[i]:
            changed += 1
            last, its = i, target
            if not single:
                segments[i] = target
    if single and changed:
        segments[last] = its
    return changed


@compiled
def _hit_breakpoint(segment: int, w: float, breakpoints: Floats) -> int:
    """Return the segment of a free weight: the breakpoint that it crossed, or its own."""
    interval = segment // 2
    if w < breakpoints[interval] - 1e-15:
        return segment - 1
    return segment + 1 if w > breakpoints[interval + 1] + 1e-15 else segment


@compiled
def _free_segment(segment: int, pull: float, small: float, breakpoints: Floats, slopes: Floats) -> int:
    """Return the segment of a weight at a breakpoint: free on the side where the objective falls, or its own."""
    last = len(slopes)
    right = segment // 2
    while right < last and breakpoints[right + 1] == breakpoints[segment // 2]:
        right += 1
    if right < last and pull + slopes[right] < -small - 1e-12 * abs(slopes[right]):
        return 2 * right + 1
    left = segment // 2 - 1
    while left >= 0 and breakpoints[left] == breakpoints[segment // 2]:
        left -= 1
    if left >= 0 and pull + slopes[left] > small + 1e-12 * abs(slopes[left]):
        return 2 * left + 1
    return segment


@compiled
def neighbouring_segment(segment: int, side: int, breakpoints: Floats) -> int:
    """Return the free segment above (side 1) or below (-1) a breakpoint, or -1 if the breakpoint is a bound."""
    last, here = len(breakpoints) - 1, breakpoints[segment // 2]
    point = segment // 2
    while 0 <= point + side <= last and breakpoints[point + side] == here:
        point += side
    if not 0 <= point + side <= last:
        return -1
    return 2 * point + side

"""Tests whether a series has changed recently, against its earlier windows of the same length."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from foundation.types import Floats
from validation.errors import StatisticError

_OVERLAPPING = 1.5
"""Overlapping stretches say as much as so many times those that do not overlap (Meketon and Schmeiser, 1984)."""


def page_hinkley(values: Floats, tolerance: float, mean: float | None = None) -> tuple[Floats, Floats]:
    """Return the largest cumulative rise above the mean and fall below it up to each date.

    Parameters
    ----------
    values : ndarray of shape (..., n)
        The last axis is time.
    tolerance : float
        Deviations up to this size are ignored.
    mean : float, optional
        What is expected: the two are then Page's two-sided CUSUM. Without it, the mean of the values so far, which is
        Hinkley's test of a series that is its own reference.

    Returns
    -------
    rise, fall : ndarray of shape (..., n)
        Not negative, in the unit of the values; an alarm is raised where one exceeds a threshold.

    Raises
    ------
    StatisticError
        If the tolerance is negative.

    Notes
    -----
    Page (1954), *Biometrika* 41, 100-115; Hinkley (1971), *Biometrika* 58, 509-523.
    """
    if not tolerance >= 0:
        raise StatisticError(f"tolerance is {tolerance}, expected 0 or more")
    count = np.arange(1, values.shape[-1] + 1)
    deviation = values - (np.cumsum(values, axis=-1) / count if mean is None else mean)
    return _rise_above_minimum(deviation - tolerance), _rise_above_minimum(-deviation - tolerance)


def _rise_above_minimum(steps: Floats) -> Floats:
    """Return by how much the sum of the steps stands above its lowest point so far, the start included."""
    total = np.cumsum(steps, axis=-1)
    return np.asarray(total - np.minimum(np.minimum.accumulate(total, axis=-1), 0.0))


def recent_p_value(
    values: Floats, length: int, statistic: Callable[[Floats, Floats], Floats]
) -> tuple[float, float, float]:
    """Test whether the last dates of a series differ from all earlier windows of the same length.

    Parameters
    ----------
    values : ndarray of shape (n,)
        In time order, all finite.
    length : int
        Dates that are the recent ones.
    statistic : callable
        Takes stretches (S, length) and the reference (n - length,), and returns how unusual each is, (S,).

    Returns
    -------
    found, usual, p_value : float
        The statistic of the recent dates, its median over the stretches of the reference, and the share of those with
        as large a one, the recent one counted too. NaN if the reference has fewer than twice as many dates as the
        recent stretch, or where all values are the same.

    Notes
    -----
    Subsampling (Politis and Romano, 1994, *Annals of Statistics* 22, 2031-2050): stretches keep whatever dependence
    there is. They overlap, so the recent one counts as one of as many as they are worth, and no p-value is smaller than
    one over that number and one: with 200 dates before, 0.04 for the last 12. At 5 % a true null is rejected 2 to 6 %
    of the time over autoregressions with coefficients up to 0.9, and up to 10 % at 0.98 (`benchmarks/drift.py`).
    """
    reference, recent = values[:-length], values[-length:]
    if len(reference) < 2 * length or not np.ptp(values) > 0:
        return math.nan, math.nan, math.nan
    before = statistic(np.lib.stride_tricks.sliding_window_view(reference, length), reference)
    found = float(statistic(recent[None, :], reference)[0])
    # Rounding must not decide between equals.
    as_large = float((before >= found - 1e-12 * abs(found)).mean())
    worth = _OVERLAPPING * len(reference) / length
    return found, float(np.median(before)), (1 + worth * as_large) / (1 + worth)

"""Tests whether the distribution of a feature has changed, with serially dependent dates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from foundation.types import Bools, Floats
from validation.counting import count_by_row
from validation.drift.two_samples import ks_p_value, stability_index
from validation.errors import StatisticError

_BINS = 20
"""Quantile bins of the reference, beside one below and one above all that it holds, and one for missing values."""
_POOLED = np.array([0, 1, *range(4, _BINS + 1, 2)])
"""Where each bin of the stability index begins: missing values, and tenths of the reference with open ends."""
_ENOUGH = 20_000
"""Values from which quantiles are taken; of more, evenly spread ones."""
_STRETCHES = 200
"""Approximate number of reference windows that give the stability index by chance."""


@dataclass(frozen=True)
class Shift:
    """How recent values of one feature differ from those before.

    Attributes
    ----------
    psi : float
        Population stability index of tenths of the reference, and one bin for missing values.
    usual : float
        Its median over stretches of the reference that are as long as the recent one.
    distance : float
        Kolmogorov and Smirnov's, at the quantiles of the reference.
    p_value : float
        That both are of one distribution. NaN where nothing can be said.
    before, after : float
        How many independent values say as much as the reference, and as the recent dates.
    missing_before, missing_after : float
        Shares of values that are missing where an asset is listed.
    """

    psi: float
    usual: float
    distance: float
    p_value: float
    before: float
    after: float
    missing_before: float
    missing_after: float


_UNKNOWN = Shift(*[math.nan] * 8)


def measure_shift(
    reference: Floats, recent: Floats, listed_before: Bools | None = None, listed_after: Bools | None = None
) -> Shift:
    """Compare the recent dates of a feature with the reference.

    Parameters
    ----------
    reference : ndarray of shape (n, N)
        Consecutive dates, all assets; NaN where the feature is missing. N is 1 for what all assets share.
    recent : ndarray of shape (m, N)
        Consecutive dates, all after the reference.
    listed_before, listed_after : ndarray of bool, same shapes, optional
        Pairs that count; all by default. A date without any is left out.

    Returns
    -------
    Shift
        Of NaN if the reference has fewer than twice as many dates as the recent stretch.

    Raises
    ------
    StatisticError
        If the numbers of assets differ.

    Notes
    -----
    Observations are dates, each of the same weight, whatever the number of its assets. What matters is how much the
    share of values below a level u, averaged over m dates, varies by itself: V(u), the mean squared deviation over all
    stretches of m dates of the reference (overlapping batch means, Meketon and Schmeiser, 1984). m' = sum of
    F (1 - F) / sum of V is the number of independent values whose shares would vary as much. It knows how much dates
    resemble their neighbours and how much assets of one date resemble each other, and asks for no lag. For the
    reference the same is done with longer stretches, of a fifth of it. The test is Kolmogorov and Smirnov's with n' and
    m'. Missing values lie below all others.

    At 5 % a true null is rejected 0 to 6 % of the time over first-order autoregressions of one and of ten series with
    coefficients from 0 to 0.98 (`benchmarks/drift.py`), where taking pairs as independent rejects up to 98 %.
    """
    if reference.shape[1:] != recent.shape[1:]:
        raise StatisticError(f"reference {reference.shape} and recent {recent.shape}: the assets differ")
    levels = _find_levels(reference, listed_before)
    before, pairs_before = _count_shares(reference, listed_before, levels)
    after, pairs_after = _count_shares(recent, listed_after, levels)
    n, m = len(before), len(after)
    if m == 0 or n < 2 * m:
        return _UNKNOWN
    total = np.concatenate([np.zeros((1, _BINS + 3)), np.cumsum(before, axis=0)])
    below = np.cumsum(total[-1] / n)[:-1]
    distance = float(np.abs(below - np.cumsum(after.mean(axis=0))[:-1]).max())
    stretch = max(m, n // 5)
    own = _count_independent(total, m)
    whole = min(own * n / m, _count_independent(total, stretch) * n / stretch, pairs_before)
    own = min(own, pairs_after)
    return Shift(
        psi=float(_stability_index(total[-1], after.sum(axis=0))),
        usual=_median_index(total, m),
        distance=distance,
        p_value=ks_p_value(distance, max(1, int(whole)), max(1, int(own))),
        before=whole,
        after=own,
        missing_before=float(total[-1, 0] / n),
        missing_after=float(after[:, 0].mean()),
    )


def _find_levels(values: Floats, listed: Bools | None) -> Floats:
    """Return just below the smallest value, the quantiles between bins, and the largest value, increasing."""
    known = values[np.isfinite(values) if listed is None else listed & np.isfinite(values)]
    if not len(known):
        return np.zeros(_BINS + 1)
    some = np.sort(known[:: -(-len(known) // _ENOUGH)])
    inner = np.quantile(some, np.arange(1, _BINS) / _BINS)
    return np.concatenate([[np.nextafter(known.min(), -np.inf)], inner, [known.max()]])


def _count_shares(values: Floats, listed: Bools | None, levels: Floats) -> tuple[Floats, float]:
    """Return the share of each date in each bin (dates with any, BINS + 3), the missing first, and the pairs in all."""
    bins = _BINS + 3
    place = np.where(np.isnan(values), 0, 1 + np.searchsorted(levels, values, side="left"))
    # What is not listed falls into one bin more, which is left out.
    place = place if listed is None else np.where(listed, place, bins)
    counts = count_by_row(place, bins + 1)[:, :bins]
    total = counts.sum(axis=1, keepdims=True)
    some = total[:, 0] > 0
    return counts[some] / total[some], float(total.sum())


def _sum_stretches(total: Floats, length: int, every: int) -> Floats:
    """Return the sums over stretches of dates from running sums (n + 1, B), (stretches, B)."""
    return np.asarray(total[length::every] - total[:-length:every])


def _count_independent(total: Floats, length: int) -> float:
    """Return how many independent values say as much as a stretch of so many dates.

    Deviations are from the mean of all dates, of which the stretch is a part: the last factor makes up for that.
    Stretches that begin a sixteenth of their length apart say as much as all.
    """
    n = len(total) - 1
    below = np.cumsum(_sum_stretches(total, length, max(1, length // 16)) / length, axis=1)[:, :-1]
    mean = np.cumsum(total[-1] / n)[:-1]
    spread = float(np.square(below - mean).mean(axis=0).sum())
    binomial = float((mean * (1 - mean)).sum()) * (1 - length / n)
    return binomial / spread if spread > 1e-12 * binomial else math.inf


def _stability_index(before: Floats, after: Floats) -> Floats:
    """Return the stability index of counts in dates, (..., BINS + 3) each."""
    return stability_index(
        np.add.reduceat(before, _POOLED, axis=-1), np.add.reduceat(after, _POOLED, axis=-1)
    )


def _median_index(total: Floats, length: int) -> float:
    """Return the median stability index of stretches of the reference, each against the dates outside of it."""
    inside = _sum_stretches(total, length, max(1, len(total) // _STRETCHES))
    return float(np.median(_stability_index(np.maximum(total[-1] - inside, 0.0), inside)))

"""Optimal block lengths of bootstraps."""

from __future__ import annotations

import math

import numpy as np

from foundation.types import Floats


def block_length(values: Floats) -> tuple[int, int]:
    """Return the block length for the stationary and the circular block bootstrap of a mean.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, K)
        One or several series; of several the median length is taken. Series without variation are left out.

    Notes
    -----
    `_optimal_lengths` rounded up, and not less than n^(1/3), because the correlogram of a short sample misses weak
    dependence (tests of 120 dates then reject a true null 6 % of the time instead of 5 %). It looks for correlation
    in the series itself: give it what the statistic averages.
    """
    columns = values[:, None] if values.ndim == 1 else values
    columns = columns[:, np.ptp(columns, axis=0) > 0] if len(columns) else columns
    least = max(1, round(len(columns) ** (1 / 3)))
    if len(columns) < 10 or not columns.shape[1]:
        return least, least
    stationary, circular = np.median(_optimal_lengths(columns), axis=1)
    return max(least, math.ceil(stationary)), max(least, math.ceil(circular))


def _optimal_lengths(values: Floats) -> Floats:
    """Return the optimal block lengths of the stationary and the circular bootstrap of series (n, K), of shape (2, K).

    Notes
    -----
    Politis and White (2004), *Econometric Reviews* 23, 53-70, as corrected by Patton, Politis and White (2009), with
    the choices of Patton's program: the correlogram ends before the first k autocorrelations in a row that are
    insignificant, and no block is longer than 3 sqrt(n) or n / 3. Equal to `arch.bootstrap.optimal_block_length`.
    """
    n, width = values.shape
    k = max(5, int(math.log10(n)))
    lags = np.arange(math.ceil(math.sqrt(n)) + k + 1)
    x = values - values.mean(axis=0)
    cross = np.array([(x[lag:] * x[: n - lag]).sum(axis=0) for lag in lags])
    head = np.concatenate([np.zeros((1, width)), np.cumsum(x**2, axis=0)])
    # The size of an autocorrelation, each side of it by the sum of squares with one date less than is at hand.
    size = np.sqrt((head[-1] - head[lags + 1]) * head[n - 1 - lags])
    weak = np.abs(cross) < 2 * math.sqrt(math.log10(n) / n) * size
    in_a_row = np.array([weak[lag : lag + k].all(axis=0) for lag in lags[: len(lags) - k]])
    first = np.where(in_a_row.any(axis=0), in_a_row.argmax(axis=0), len(lags))
    most = np.minimum(2 * np.maximum(first, 1), lags[-1])
    share = lags[1:, None] / most
    weight = np.clip(2 * (1 - share), 0, 1)
    covariance = cross / n
    slope = (2 * weight * lags[1:, None] * covariance[1:]).sum(axis=0)
    total = covariance[0] + (2 * weight * covariance[1:]).sum(axis=0)
    longest = math.ceil(min(3 * math.sqrt(n), n / 3))
    with np.errstate(divide="ignore", invalid="ignore"):
        lengths = [(2 * slope**2 / (c * total**2) * n) ** (1 / 3) for c in (2, 4 / 3)]
    # Where the variance in the long run is 0, no length is long enough.
    return np.asarray(np.fmin(lengths, longest))

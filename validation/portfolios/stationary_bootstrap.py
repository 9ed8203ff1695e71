"""The stationary bootstrap of means, which all tests of the best of several strategies rest on."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foundation.types import Floats
from validation.counting import count_by_row

_AT_ONCE = 100
"""Resamples whose dates are held in memory together."""


def stationary_means(values: Floats, block: int, n_resamples: int, seed: int) -> Floats:
    """Return the mean of each resample of the dates, of shape (n_resamples, K).

    Parameters
    ----------
    values : ndarray of shape (n, K)
    block : int
        Mean length of the blocks; they run on from the last date to the first.
    n_resamples, seed : int

    Notes
    -----
    Politis and Romano (1994), *Journal of the American Statistical Association* 89, 1303-1313. Numbers are drawn in
    the order of `arch.bootstrap.StationaryBootstrap`: the same seed gives the same resamples. How often each date was
    drawn times the values is one product of matrices, and takes far less than to gather them.
    """
    drawn = _draw_counts(len(values), block, n_resamples, seed)
    return np.concatenate([counts.astype(np.float64) @ values / len(values) for counts in drawn])


@functools.lru_cache(maxsize=2)
def _draw_counts(n: int, block: int, n_resamples: int, seed: int) -> tuple[NDArray[Any], ...]:
    """Return how often each date was drawn in each resample, in chunks of shape (AT_ONCE, n).

    The tests of one set of strategies have the same dates and blocks: the draws are the same.
    """
    random = np.random.default_rng(seed)
    dates = np.arange(n)
    out = []
    for first in range(0, n_resamples, _AT_ONCE):
        size = min(_AT_ONCE, n_resamples - first)
        starts, u = np.empty((size, n), dtype=np.int64), np.empty((size, n))
        for row in range(size):
            starts[row] = random.integers(n, size=n)
            random.random(out=u[row])
        begins = u <= 1 / block
        begins[:, 0] = True
        since = np.maximum.accumulate(np.where(begins, dates, 0), axis=1)
        drawn = (np.take_along_axis(starts, since, axis=1) + dates - since) % n
        counts = count_by_row(drawn, n).astype(np.min_scalar_type(n))  # kept as small as may be
        counts.setflags(write=False)
        out.append(counts)
    return tuple(out)


def stationary_variance(values: Floats, block: int) -> Floats:
    """Return n times the variance of the mean of a resample, of shape (K,).

    Notes
    -----
    Politis and Romano (1994), lemma 1: the autocovariances, weighted by how often blocks keep a lag together.
    """
    n = len(values)
    spectrum = np.abs(np.fft.rfft(values - values.mean(axis=0), 2 * n, axis=0)) ** 2
    covariance = np.fft.irfft(spectrum, axis=0)[:n] / n
    lags, stay = np.arange(1, n), 1 - 1 / block
    weight = (1 - lags / n) * stay**lags + lags / n * stay ** (n - lags)
    variance = covariance[0] + 2 * weight @ covariance[1:]
    return np.asarray(np.maximum(variance, 0.0))  # it may be as little as rounding

"""Test whether two Sharpe ratios differ, by the studentised circular block bootstrap."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foundation.types import Floats
from validation.counting import count_by_row
from validation.errors import StatisticError
from validation.forecasts.scores import hac_stderr, has_variation
from validation.portfolios.block_length import block_length
from validation.portfolios.sharpe import sharpe_influence, sharpe_ratio
from validation.shapes import check_same_shape

_CHUNK = 500  # resamples whose counts (CHUNK, n) are in memory at a time


@dataclass(frozen=True)
class SharpeDifference:
    """Difference of two Sharpe ratios, per observation.

    Attributes
    ----------
    difference, stderr : float
        Ratio of `a` less that of `b`, and its HAC standard error (Bartlett, as many lags as a block is long).
    p_value : float
        Two-sided, from the bootstrap, that the ratios are equal. For one comparison, not the best of several.
    interval : tuple of float
        95 % interval of the difference, symmetric, from the same resamples.
    block : int
        Length of the blocks drawn.
    """

    difference: float
    stderr: float
    p_value: float
    interval: tuple[float, float]
    block: int


def sharpe_difference(
    a: Floats, b: Floats, *, n_resamples: int = 2000, seed: int = 0, block: int | None = None
) -> SharpeDifference:
    """Return the difference of the Sharpe ratios of excess returns of the same dates, and its significance.

    Parameters
    ----------
    a, b : ndarray of shape (n,)
    n_resamples : int
    seed : int
    block : int, optional
        Observations in a block. None: by `block_length` of the difference's influence series.

    Returns
    -------
    SharpeDifference
        Error and p-value are NaN below 10 observations, without variation, and if the two are the same up to
        leverage.

    Raises
    ------
    StatisticError
        If the shapes differ, or a given block is longer than half of the observations.

    Notes
    -----
    Ledoit and Wolf (2008), *Journal of Empirical Finance* 15, 850-859, section 3.2 and equations 7 to 9: every
    resample is divided by its own standard error, from its blocks; p = (1 + count) / (1 + n_resamples).
    """
    check_same_shape(a=a, b=b)
    n, difference = len(a), sharpe_ratio(a) - sharpe_ratio(b)
    unknown = SharpeDifference(difference, math.nan, math.nan, (math.nan, math.nan), 0)
    if n < 10 or not math.isfinite(difference):
        return unknown
    influence = sharpe_influence(a) - sharpe_influence(b)
    if not has_variation(influence, 1e4):  # standardised: a ten-thousand-millionth of the spread is rounding
        return unknown
    block = block_length(influence)[1] if block is None else block
    if not 1 <= block <= n // 2:
        raise StatisticError(f"block is {block}, expected 1 to {n // 2}, half of the observations")
    stderr = hac_stderr(influence - influence.mean(), block)
    x = np.column_stack([a / a.std(), b / b.std()])  # the ratio knows no scale
    spread = _studentised(
        np.column_stack([x, x * x]), difference * math.sqrt(n / (n - 1)), n_resamples, seed, block
    )
    p_value = (1 + int((spread >= abs(difference) / stderr).sum())) / (1 + n_resamples)
    half = float(np.quantile(spread, 0.95, method="higher")) * stderr
    return SharpeDifference(difference, stderr, p_value, (difference - half, difference + half), block)


@functools.lru_cache(maxsize=4)
def _draw_counts(n: int, drawn: int, n_resamples: int, seed: int) -> tuple[NDArray[Any], ...]:
    """Return how often each block was drawn in each resample, in chunks of shape (CHUNK, n).

    Many portfolios are compared over the same dates, with blocks of a few lengths: the draws are the same.
    """
    rng = np.random.default_rng(seed)
    out = []
    for start in range(0, n_resamples, _CHUNK):
        size = min(_CHUNK, n_resamples - start)
        counts = count_by_row(rng.integers(n, size=(size, drawn)), n)
        counts = counts.astype(np.min_scalar_type(drawn))  # kept as small as may be
        counts.setflags(write=False)
        out.append(counts)
    return tuple(out)


def _studentised(moments: Floats, difference: float, n_resamples: int, seed: int, block: int) -> Floats:
    """Return |difference of a resample - difference| / its standard error, shape (n_resamples,).

    A resample is given by the number of draws of each block, so that its moments, and the sums of products of its
    blocks' sums, are one matrix product.
    """
    n = len(moments)
    wrapped = np.concatenate(
        [np.zeros((1, 4)), np.cumsum(np.concatenate([moments, moments[: block - 1]]), axis=0)]
    )
    sums = wrapped[block:] - wrapped[:-block]
    first, second = np.triu_indices(4)
    table = np.column_stack([sums, sums[:, first] * sums[:, second]])
    drawn = n // block
    out = []
    for counts in _draw_counts(n, drawn, n_resamples, seed):
        size = len(counts)
        totals = counts @ table / drawn
        mean = totals[:, :4] / block
        products = np.empty((size, 4, 4))
        products[:, first, second] = products[:, second, first] = totals[:, 4:]
        va, vb = mean[:, 2] - mean[:, 0] ** 2, mean[:, 3] - mean[:, 1] ** 2
        with np.errstate(invalid="ignore", divide="ignore"):
            # A resample of one day over and over has no variation: it counts as far away, against significance.
            ratio = mean[:, 0] / np.sqrt(va) - mean[:, 1] / np.sqrt(vb)
            gradient = np.column_stack(
                [
                    mean[:, 2] / va**1.5,
                    -mean[:, 3] / vb**1.5,
                    -mean[:, 0] / va**1.5 / 2,
                    mean[:, 1] / vb**1.5 / 2,
                ]
            )
            covariance = products / block - block * mean[:, :, None] * mean[:, None, :]
            variance = np.einsum("ri,rij,rj->r", gradient, covariance, gradient) / (drawn * block)
            far = np.abs(ratio - difference) / np.sqrt(variance)
        out.append(np.where(np.isfinite(far), far, np.inf))
    return np.concatenate(out)

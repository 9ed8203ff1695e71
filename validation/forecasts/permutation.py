"""Monte Carlo permutation tests: the return of the same positions on other dates."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from foundation.types import Floats
from validation.errors import StatisticError
from validation.shapes import check_same_shape

ROWS = 256  # dates whose pairings with all dates, (ROWS, D), are in memory at a time


@dataclass(frozen=True)
class PermutationTest:
    """A mean over dates, and its distribution when the dates of the outcomes are shuffled.

    Attributes
    ----------
    mean : float
        As it happened.
    by_chance, spread : float
        Mean and standard deviation over the permutations.
    p_value : float
        One-sided, (1 + permutations at least as good) / (1 + permutations). NaN below 10 dates.
    n : int
        Dates.
    block : int
        Dates that stay together.
    """

    mean: float
    by_chance: float
    spread: float
    p_value: float
    n: int
    block: int


def permutation_test(
    weights: Floats, returns: Floats, *, block: int = 1, n_permutations: int = 1000, seed: int = 0
) -> PermutationTest:
    """Test whether positions earned more than the same positions on other dates' returns, before costs.

    Parameters
    ----------
    weights : ndarray of shape (D, N)
        Held over the period of each date.
    returns : ndarray of shape (D, N)
        Of that period. NaN in either counts as nothing held.
    block : int
        Dates of returns that stay together: at least the overlap + 1, more if returns or their volatility are
        serially correlated.
    n_permutations, seed : int

    Returns
    -------
    PermutationTest
        What a constant tilt earns is in `by_chance`, not in the test: constant weights have a p-value of 1.

    Raises
    ------
    StatisticError
        If the shapes differ or the block is below 1.

    Notes
    -----
    Aronson (2006), *Evidence-Based Technical Analysis*, chapter 5, with blocks, after Masters. All pairings of
    weights and returns are one matrix product; a permutation's mean is a sum of its entries.
    """
    check_same_shape(weights=weights, returns=returns)
    known, earned = np.isfinite(weights), np.isfinite(returns)
    usable: NDArray[np.bool_] = np.any(known & earned, axis=1)
    w, r = np.where(known, weights, 0.0), np.where(earned, returns, 0.0)
    return _permute(w, r, usable, block, n_permutations, seed)


def permutation_test_ic(
    forecast: Floats,
    realised: Floats,
    *,
    rank: bool = True,
    block: int = 1,
    n_permutations: int = 1000,
    seed: int = 0,
) -> PermutationTest:
    """Test whether the mean information coefficient is above that with outcomes of other dates.

    Parameters as for `permutation_test`; `rank` as for `information_coefficient`. Dates with fewer than 3 pairs or
    no variation are left out. Each row is scaled over its own finite values: with assets missing on some dates a
    row's product is not exactly its correlation, in the same way for the sample and for every permutation.
    """
    check_same_shape(forecast=forecast, realised=realised)
    both = np.isfinite(forecast) & np.isfinite(realised)
    f = scale_rows(np.where(both, forecast, np.nan), rank=rank)
    y = scale_rows(np.where(both, realised, np.nan), rank=rank)
    usable = (both.sum(axis=1) >= 3) & f.any(axis=1) & y.any(axis=1)
    return _permute(f, y, usable, block, n_permutations, seed)


def scale_rows(values: Floats, *, rank: bool) -> Floats:
    """Return rows, or their ranks, less their mean and with length 1, so that products of rows are correlations.

    Missing values and rows without variation become 0.
    """
    if rank and values.size:
        values = stats.rankdata(values, axis=1, nan_policy="omit")
    finite = np.isfinite(values)
    count = np.maximum(finite.sum(axis=1, keepdims=True), 1)
    filled = np.where(finite, values, 0.0)
    centred = np.where(finite, filled - filled.sum(axis=1, keepdims=True) / count, 0.0)
    norm = np.sqrt((centred * centred).sum(axis=1, keepdims=True))
    size = np.abs(filled).max(axis=1, keepdims=True, initial=0.0)
    return np.where(norm > 1e-14 * size, centred / np.where(norm > 0, norm, 1.0), 0.0)


def _permute(
    left: Floats, right: Floats, usable: NDArray[np.bool_], block: int, n_permutations: int, seed: int
) -> PermutationTest:
    if block < 1:
        raise StatisticError(f"block is {block}, expected at least 1")
    left, right = left[usable], right[usable]
    n = len(left)
    if n < 10 or n < 2 * block:
        mean = float((left * right).sum() / n) if n else math.nan
        return PermutationTest(mean, math.nan, math.nan, math.nan, n, block)
    orders = _draw_orders(n, block, n_permutations, np.random.default_rng(seed))
    total, mean = np.zeros(n_permutations), 0.0
    for start in range(0, n, ROWS):
        rows = slice(start, min(start + ROWS, n))
        pairing = left[rows] @ right.T
        index = np.arange(len(pairing))
        total += pairing[index, orders[:, rows]].sum(axis=1)
        mean += float(pairing[index, index + start].sum())
    total, mean = total / n, mean / n
    rounding = 1e-12 * float(np.sqrt((left * left).sum(axis=1) @ (right * right).sum(axis=1)) / n)
    count = int((total >= mean - rounding).sum())
    chance, spread = float(total.mean()), float(total.std(ddof=1)) if n_permutations > 1 else math.nan
    return PermutationTest(mean, chance, spread, (1 + count) / (1 + n_permutations), n, block)


def _draw_orders(n: int, block: int, n_permutations: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """Return permutations of n dates that move whole blocks, cut at a place that is drawn anew each time."""
    n_blocks = -(-n // block)
    dates = np.arange(n_blocks * block, dtype=np.int32).reshape(n_blocks, block)
    orders = np.empty((n_permutations, n), dtype=np.int32)
    for row in orders:
        cut = int(rng.integers(n))
        moved = dates[rng.permutation(n_blocks)].ravel()
        np.subtract(moved[moved < n], cut, out=row)
    orders += np.where(orders < 0, np.int32(n), np.int32(0))
    return orders

"""Probability of backtest overfitting: how often the best in one half of the dates is a poor choice in the other."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from foundation.types import Floats
from validation.errors import StatisticError
from validation.forecasts.scores import has_variation


@dataclass(frozen=True, eq=False)
class Overfitting:
    """What combinatorially symmetric cross-validation says of choosing the best of several strategies.

    Attributes
    ----------
    probability : float
        Share of splits in which the best in sample ranks below the median out of sample; exactly the median counts
        as half. 0.5 for noise, near 0 with a true best. NaN with fewer than 2 strategies or dates for the blocks.
    slope : float
        Of the chosen one's Sharpe ratio out of sample on that in sample, over splits. With few strategies it is
        negative by construction: what one half of the dates got, the other did not.
    probability_of_loss : float
        Share of splits in which the chosen one loses out of sample.
    logits : ndarray of shape (n_splits,)
        Of the chosen one's relative rank out of sample: above 0 is better than the median.
    n_strategies, n_splits : int
    """

    probability: float
    slope: float
    probability_of_loss: float
    logits: Floats = field(repr=False)
    n_strategies: int
    n_splits: int


def probability_of_backtest_overfitting(returns: Floats, n_blocks: int = 16) -> Overfitting:
    """Return how likely it is that choosing by the backtest chose noise.

    Parameters
    ----------
    returns : ndarray of shape (T, M)
        Returns in excess of cash of all strategies tried, on the same dates. The first T modulo n_blocks dates are
        left out, and so are strategies whose return never varies; in a half where a strategy's return does not
        vary its Sharpe ratio is 0.
    n_blocks : int
        Even, at least 2; all C(n_blocks, n_blocks / 2) halves are tried (12,870 for 16).

    Raises
    ------
    StatisticError
        If n_blocks is odd or below 2.

    Notes
    -----
    Bailey, Borwein, López de Prado and Zhu (2017), *Journal of Computational Finance* 20(4), 39-69. Sharpe ratios of
    a half come from sums and sums of squares of its blocks.
    """
    if n_blocks < 2 or n_blocks % 2:
        raise StatisticError(f"n_blocks is {n_blocks}, expected an even number of at least 2")
    n_dates = len(returns) - len(returns) % n_blocks
    x = returns[len(returns) - n_dates :]
    if n_dates >= 2 * n_blocks:
        scale = float(np.abs(x).max()) if x.size else 0.0
        varies = [has_variation(column - column.mean(), scale) for column in x.T]
        x = x[:, np.array(varies, dtype=bool)]
    n_strategies = x.shape[1]
    if n_strategies < 2 or n_dates < 2 * n_blocks:
        return Overfitting(math.nan, math.nan, math.nan, np.empty(0), n_strategies, 0)
    # The ratio knows no scale; around 1 the variance of sums of squares rounds least.
    blocks = (x / x.std(axis=0)).reshape(n_blocks, n_dates // n_blocks, n_strategies)
    sums, squares = blocks.sum(axis=1), (blocks * blocks).sum(axis=1)
    chosen_blocks = np.array(list(combinations(range(n_blocks), n_blocks // 2)))
    half = np.zeros((len(chosen_blocks), n_blocks))
    np.put_along_axis(half, chosen_blocks, 1.0, axis=1)
    inside = _sharpe(half @ sums, half @ squares, n_dates // 2)
    # Splits come in the order of combinations: the complement of the k-th is the k-th from the end.
    outside = inside[::-1]
    best = inside.argmax(axis=1)
    split = np.arange(len(half))
    expected, earned = inside[split, best], outside[split, best]
    apart = outside - earned[:, None]
    below, ties = (apart < -1e-9).sum(axis=1), (np.abs(apart) <= 1e-9).sum(axis=1)
    rank = (below + (ties + 1) / 2) / (n_strategies + 1)
    logits = np.log(rank / (1 - rank))
    spread = expected - expected.mean()
    slope = float(spread @ earned / (spread @ spread)) if has_variation(spread, 1.0) else math.nan
    probability = float((rank < 0.5 - 1e-12).mean() + (np.abs(rank - 0.5) <= 1e-12).mean() / 2)
    return Overfitting(probability, slope, float((earned < 0).mean()), logits, n_strategies, len(half))


def _sharpe(sums: Floats, squares: Floats, n: int) -> Floats:
    mean = sums / n
    variance = squares / n - mean**2
    varies = variance > 1e-12
    return np.where(varies, mean / np.sqrt(np.where(varies, variance, 1.0)), 0.0)

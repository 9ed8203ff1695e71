"""Contest of strategies with a benchmark: differences that vary, and their resampled means."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foundation.types import Floats
from validation.errors import StatisticError
from validation.forecasts.scores import has_variation
from validation.portfolios.block_length import block_length
from validation.portfolios.stationary_bootstrap import stationary_means, stationary_variance

_MINIMUM = 20
"""Fewest dates that are tested: Hansen's threshold, sqrt(2 log log T), means nothing below."""


@dataclass(frozen=True, eq=False)
class Contest:
    """Differences from the benchmark that vary, (T, K), divided by their standard deviation if studentised."""

    gain: Floats
    names: tuple[str, ...]
    block: int


def make_contest(
    returns: Floats, benchmark: Floats, names: Sequence[str] | None, *, studentise: bool
) -> Contest:
    """Return the contest of strategies, returns (T, M), with a benchmark (T,); those that never differ are left out."""
    if returns.shape[:1] != benchmark.shape:
        raise StatisticError(
            f"returns {returns.shape} and benchmark {benchmark.shape}: expected (T, M) and (T,)"
        )
    names = [str(k) for k in range(returns.shape[1])] if names is None else list(names)
    if len(names) != returns.shape[1]:
        raise StatisticError(f"{len(names)} names for {returns.shape[1]} strategies")
    gain = returns - benchmark[:, None]
    scale = float(np.abs(returns).max()) if returns.size else 1.0
    known = [
        k
        for k in range(gain.shape[1])
        if len(gain) >= _MINIMUM and has_variation(gain[:, k] - gain[:, k].mean(), scale)
    ]
    if not known:
        return Contest(np.empty((len(gain), 0)), (), 0)
    gain = gain[:, known]
    block = block_length(gain)[0]
    if studentise:
        gain = gain / gain.std(axis=0, ddof=1)
    return Contest(gain, tuple(names[k] for k in known), block)


def resample_means(contest: Contest, n_resamples: int, seed: int) -> Floats:
    """Return resampled mean differences, less Hansen's three centres, of shape (3, n_resamples, K).

    Lower centres drop what did worse, the consistent what did so by more than chance allows, upper keep all.
    """
    mean, n = contest.gain.mean(axis=0), len(contest.gain)
    chance = np.sqrt(stationary_variance(contest.gain, contest.block) / n * 2 * math.log(math.log(n)))
    centres = np.stack([np.maximum(mean, 0), np.where(mean >= -chance, mean, 0), mean])
    means = stationary_means(contest.gain, contest.block, n_resamples, seed)
    return np.asarray(means - centres[:, None, :])

"""Tests of the best of several strategies, which account for the number of trials.

Returns are of shape (T, M) and the benchmark's (T,), on the same dates; nothing is annual. Blocks are those of the
stationary bootstrap with a mean length by `block_length` of the differences. A strategy whose difference from the
benchmark never varies (the benchmark itself) can be neither tested nor superior and is left out; one return that is
not finite makes the whole test unknown, because leaving its strategy out would hide a trial. Arrays and names that
do not fit are refused with a StatisticError.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np

from foundation.types import Bools, Floats
from validation.portfolios.contest import Contest, make_contest, resample_means


@dataclass(frozen=True)
class SuperiorityTest:
    """Test that no strategy has a higher expected return than the benchmark.

    Attributes
    ----------
    lower, consistent, upper : float
        p-values: of Hansen's three, `consistent` is the one to read; `upper` takes every strategy to be as good as
        the benchmark, `lower` drops all that did worse. NaN if nothing could be tested.
    best : str
        Strategy with the largest statistic; empty if there is none.
    tested : int
        Strategies in the test.
    block : int
        Mean length of the blocks.
    """

    lower: float
    consistent: float
    upper: float
    best: str
    tested: int
    block: int


@dataclass(frozen=True)
class StepwiseTest:
    """Strategies found superior, with the chance of even one false one at most `size`.

    Attributes
    ----------
    superior : tuple of str
    size : float
    tested : int
    block : int
    """

    superior: tuple[str, ...]
    size: float
    tested: int
    block: int


def _test_contest(contest: Contest, n_resamples: int, seed: int) -> SuperiorityTest:
    if not contest.names:
        return SuperiorityTest(math.nan, math.nan, math.nan, "", 0, 0)
    mean = contest.gain.mean(axis=0)
    better = (resample_means(contest, n_resamples, seed).max(axis=2) > mean.max()).sum(axis=1)
    # The sample itself counts as a draw, so that no p-value is 0.
    lower, consistent, upper = ((better + 1) / (n_resamples + 1)).tolist()
    best = contest.names[int(mean.argmax())]
    return SuperiorityTest(lower, consistent, upper, best, len(contest.names), contest.block)


def reality_check(
    returns: Floats,
    benchmark: Floats,
    names: Sequence[str] | None = None,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> SuperiorityTest:
    """Test the best mean difference, in returns: a volatile strategy counts most, and bad ones cost power.

    Parameters
    ----------
    returns : ndarray of shape (T, M)
    benchmark : ndarray of shape (T,)
    names : sequence of str, optional
        Of the strategies; their numbers if None.
    n_resamples, seed : int

    Returns
    -------
    SuperiorityTest
        White's p-value is `upper`.

    Notes
    -----
    White (2000), *Econometrica* 68, 1097-1126.
    """
    return _test_contest(make_contest(returns, benchmark, names, studentise=False), n_resamples, seed)


def superior_predictive_ability(
    returns: Floats,
    benchmark: Floats,
    names: Sequence[str] | None = None,
    *,
    n_resamples: int = 1000,
    seed: int = 0,
) -> SuperiorityTest:
    """Test the best studentised mean difference. Parameters as for `reality_check`.

    Notes
    -----
    Hansen (2005), *Journal of Business & Economic Statistics* 23, 365-380. Differences are divided by their standard
    deviation. The paper divides by a HAC error; any fixed scale is valid, and this one is less noisy: of 200
    autocorrelated dates a true null is rejected 6 % of the time instead of 8 %. (`arch.bootstrap.SPA` compares raw
    means whatever its `studentize` says.)
    """
    return _test_contest(make_contest(returns, benchmark, names, studentise=True), n_resamples, seed)


def stepm(
    returns: Floats,
    benchmark: Floats,
    names: Sequence[str] | None = None,
    *,
    size: float = 0.05,
    n_resamples: int = 1000,
    seed: int = 0,
) -> StepwiseTest:
    """Return which strategies are superior. Parameters as for `reality_check`.

    Notes
    -----
    Romano and Wolf (2005), *Econometrica* 73, 1237-1282, with Hansen's consistent centring, on studentised
    differences: what is superior is taken out and the rest tested again, on the same resamples.
    (`arch.bootstrap.StepM` fails where all turn out superior.)
    """
    contest = make_contest(returns, benchmark, names, studentise=True)
    if not contest.names:
        return StepwiseTest((), size, 0, 0)
    _, consistent, _ = resample_means(contest, n_resamples, seed)
    superior = _step_down(contest.gain.mean(axis=0), consistent, size)
    return StepwiseTest(tuple(compress(contest.names, superior)), size, len(contest.names), contest.block)


def _step_down(mean: Floats, resampled: Floats, size: float) -> Bools:
    """Return which means (K,) are above a quantile of the largest resampled mean (B, K), of those left at each step."""
    rest = np.ones(len(mean), dtype=np.bool_)
    found = True
    while found and rest.any():
        more = rest & (mean > np.quantile(resampled[:, rest].max(axis=1), 1 - size))
        rest &= ~more
        found = bool(more.any())
    return ~rest

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

import numpy as np

from foundation.types import Floats
from validation.errors import StatisticError
from validation.forecasts.scores import has_variation
from validation.portfolios.block_length import block_length
from validation.portfolios.stationary_bootstrap import stationary_means, stationary_variance

_MINIMUM = 20
"""Fewest dates that are tested: Hansen's threshold, sqrt(2 log log T), means nothing below."""


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


@dataclass(frozen=True, eq=False)
class _Contest:
    """Differences from the benchmark that vary, (T, K), divided by their standard deviation if studentised."""

    gain: Floats
    names: tuple[str, ...]
    block: int


def _make_contest(
    returns: Floats, benchmark: Floats, names: Sequence[str] | None, *, studentise: bool
) -> _Contest:
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
        return _Contest(np.empty((len(gain), 0)), (), 0)
    gain = gain[:, known]
    block = block_length(gain)[0]
    if studentise:
        gain = gain / gain.std(axis=0, ddof=1)
    return _Contest(gain, tuple(names[k] for k in known), block)


def _resample(contest: _Contest, n_resamples: int, seed: int) -> Floats:
    """Return resampled mean differences, less Hansen's three centres, of shape (3, n_resamples, K).

    Lower centres drop what did worse, the consistent what did so by more than chance allows, upper keep all.
    """
    mean, n = contest.gain.mean(axis=0), len(contest.gain)
    chance = np.sqrt(stationary_variance(contest.gain, contest.block) / n * 2 * math.log(math.log(n)))
    centres = np.stack([np.maximum(mean, 0), np.where(mean >= -chance, mean, 0), mean])
    means = stationary_means(contest.gain, contest.block, n_resamples, seed)
    return np.asarray(means - centres[:, None, :])


def _test_contest(contest: _Contest, n_resamples: int, seed: int) -> SuperiorityTest:
    if not contest.names:
        return SuperiorityTest(math.nan, math.nan, math.nan, "", 0, 0)
    mean = contest.gain.mean(axis=0)
    better = (_resample(contest, n_resamples, seed).max(axis=2) > mean.max()).sum(axis=1)
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
    return _test_contest(_make_contest(returns, benchmark, names, studentise=False), n_resamples, seed)


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
    return _test_contest(_make_contest(returns, benchmark, names, studentise=True), n_resamples, seed)


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
    contest = _make_contest(returns, benchmark, names, studentise=True)
    if not contest.names:
        return StepwiseTest((), size, 0, 0)
    _, consistent, _ = _resample(contest, n_resamples, seed)
    mean = contest.gain.mean(axis=0)
    rest = np.ones(len(mean), dtype=bool)
    found = True
    while found and rest.any():
        more = rest & (mean > np.quantile(consistent[:, rest].max(axis=1), 1 - size))
        rest &= ~more
        found = bool(more.any())
    named = tuple(name for name, not_better in zip(contest.names, rest, strict=True) if not not_better)
    return StepwiseTest(named, size, len(contest.names), contest.block)

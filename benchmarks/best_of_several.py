"""Time of tests for the best of several strategies, against arch, whose p-values equal Tangency's.

Run with `make bench BENCH=best_of_several`. 1000 resamples of monthly returns.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
from arch.bootstrap import SPA, optimal_block_length

from validation.portfolios.best_of_many import superior_predictive_ability

SIZES = ("120x8", "600x20", "600x100")


def cases(size: str) -> dict[str, Callable[[], object]]:
    """Return the contenders for independent returns with this number of dates and strategies."""
    n, m = map(int, size.split("x"))
    gain = np.random.default_rng(0).normal(size=(n, m))
    nothing = np.zeros(n)

    seeds = itertools.count(1)  # a new seed each time, because draws of one seed are cached

    def ours(seed: int) -> float:
        return superior_predictive_ability(gain, nothing, seed=seed).consistent

    def arch(seed: int) -> float:
        block = max(round(n ** (1 / 3)), int(np.ceil(optimal_block_length(gain)["stationary"].median())))
        test = SPA(nothing, -gain / gain.std(axis=0, ddof=1), block, 1000, seed=seed)
        test.compute()
        return (test.pvalues["consistent"] * 1000 + 1) / 1001

    if abs(ours(0) - arch(0)) > 1e-12:
        raise AssertionError("the p-values differ")
    return {"tangency": lambda: ours(next(seeds)), "arch": lambda: arch(next(seeds))}

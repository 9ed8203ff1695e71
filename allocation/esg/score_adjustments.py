"""Scores of assets: imputation of missing ones, floor as a linear limit, tilt of returns and benchmarks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from allocation.errors import InputError
from foundation.types import Bools, Floats

Missing = Literal["exclude", "mean", "worst"] | float
"""What an asset without a score is: not held, average or worst of the universe's known ones, or a score of its own."""


def impute_scores(position: int, scores: Floats, universe: Bools, missing: Missing) -> tuple[Floats, Bools]:
    """Return scores without gaps in the universe, and the remaining universe.

    Parameters
    ----------
    position : int
        Row of the decision, for messages.
    scores : ndarray of shape (N,)
        NaN where there is none.
    universe : ndarray of bool, shape (N,)
    missing : Missing

    Raises
    ------
    InputError
        If no asset of the universe has a score, and `missing` is no number.
    """
    known = universe & np.isfinite(scores)
    if not known.any() and isinstance(missing, str):
        raise InputError(f"row {position}: none of the {int(universe.sum())} assets has a score")
    if missing == "exclude":
        return scores, known
    if isinstance(missing, str):
        missing = float(scores[known].mean() if missing == "mean" else scores[known].min())
    return np.where(universe & ~known, missing, scores), universe


def tilt_returns(mu: Floats, scores: Floats, universe: Bools, strength: float) -> Floats:
    """Return expected returns with `strength` added per standard deviation of score, shape (N,).

    Parameters
    ----------
    mu : ndarray of shape (N,)
    scores : ndarray of shape (N,)
        Finite in the universe.
    universe : ndarray of bool, shape (N,)
    strength : float
        Expected excess return over one horizon that a score of one cross-sectional standard deviation above the mean of
        the universe is worth.
    """
    spread = float(scores[universe].std())
    if spread <= 1e-12 * float(np.abs(scores[universe]).max()):
        return mu
    z = (scores - float(scores[universe].mean())) / spread
    return np.where(universe, mu + strength * z, mu)


def tilt_benchmark(benchmark: Floats, scores: Floats) -> Floats:
    """Return benchmark weights times scores, scaled to the benchmark's sum, shape (N,).

    Parameters
    ----------
    benchmark : ndarray of shape (N,)
    scores : ndarray of shape (N,)
        0 or more where the benchmark holds something.

    Raises
    ------
    InputError
        If a score is negative or missing there, or all are 0.
    """
    held = benchmark != 0
    if not (scores[held] >= 0).all() or not (benchmark[held] * scores[held]).sum() > 0:
        raise InputError(
            "a benchmark is tilted by scores of 0 or more, known for all that it holds and not all 0"
        )
    weights = np.where(held, benchmark * np.where(held, scores, 0.0), 0.0)
    return np.asarray(weights * (benchmark.sum() / weights.sum()))


def floor_coefficients(
    assets: Sequence[str], scores: Floats, universe: Bools, floor: float
) -> dict[str, float]:
    """Return s_i - floor by asset of the universe: the floor is the linear limit sum_i w_i (s_i - floor) >= 0.

    Parameters
    ----------
    assets : sequence of str, length N
    scores : ndarray of shape (N,)
        Finite in the universe.
    universe : ndarray of bool, shape (N,)
    floor : float
    """
    return {assets[i]: float(scores[i] - floor) for i in np.flatnonzero(universe).tolist()}

"""Stability of regimes under refits: agreement of the labels of two fits.

States are labelled 0, 1, ... by date, with -1 where the state was not known.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from foundation.types import Ints
from validation.shapes import check_same_shape


@dataclass(frozen=True)
class RegimeStability:
    """Agreement of the labels of two fits on the same dates.

    Attributes
    ----------
    adjusted_rand : float
        1 if they part the dates alike, whatever the states are called; 0 as by chance.
    relabelled : float
        Share of dates whose state has another number.
    n : int
        Dates known to both; the rest NaN if there are fewer than 2.
    """

    adjusted_rand: float
    relabelled: float
    n: int


def regime_stability(before: Ints, after: Ints) -> RegimeStability:
    """Return how far two streams of labels, of an earlier and a later fit, shape (T,), agree.

    Notes
    -----
    Hubert and Arabie (1985), *Journal of Classification* 2, 193-218.
    """
    check_same_shape(before=before, after=after)
    both = (before >= 0) & (after >= 0)
    n = int(both.sum())
    if n < 2:
        return RegimeStability(math.nan, math.nan, n)
    a, b = before[both], after[both]
    return RegimeStability(_adjusted_rand(a, b), float((a != b).mean()), n)


def _adjusted_rand(a: Ints, b: Ints) -> float:
    """Return the adjusted Rand index, from how many pairs of dates share a state by one, both or neither."""
    states = int(max(a.max(), b.max())) + 1
    table = np.bincount(a * states + b, minlength=states * states).reshape(states, states)
    n, squares = len(a), int((table**2).sum())
    together_in_a, together_in_b = (int((table.sum(axis=axis) ** 2).sum()) - squares for axis in (1, 0))
    if not together_in_a and not together_in_b:
        return 1.0
    both, neither = squares - n, n * n - together_in_a - together_in_b - squares
    chance = (both + together_in_a) * (together_in_a + neither) + (both + together_in_b) * (
        together_in_b + neither
    )
    return 2.0 * (both * neither - together_in_a * together_in_b) / chance

"""Corrections of p-values for the number of tests made at once."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from foundation.types import Floats
from validation.errors import StatisticError


def benjamini_hochberg(p_values: ArrayLike) -> Floats:
    """Return p-values adjusted for the false-discovery rate: those at or below q are found, with at most q false.

    Parameters
    ----------
    p_values : array of shape (K,)
        NaN are no test: they are left out of the count and stay NaN.

    Returns
    -------
    ndarray of shape (K,)

    Raises
    ------
    StatisticError
        If a p-value is outside of 0 to 1.

    Notes
    -----
    Benjamini and Hochberg (1995), *Journal of the Royal Statistical Society B* 57, 289-300: the expected share of
    false finds is at most q for independent tests, and for positively dependent ones (Benjamini and Yekutieli, 2001),
    as those of features that are made of the same returns mostly are.
    """
    return _adjust(p_values, stats.false_discovery_control)


def holm(p_values: ArrayLike) -> Floats:
    """Return p-values adjusted so that even one false find is no more likely than the level, whatever the dependence.

    Parameters, result and errors as for `benjamini_hochberg`.

    Notes
    -----
    Holm (1979), *Scandinavian Journal of Statistics* 6, 65-70.
    """
    return _adjust(p_values, _step_down)


def _adjust(p_values: ArrayLike, adjust: Callable[[Floats], Floats]) -> Floats:
    adjusted = np.array(p_values, dtype=np.float64)
    known = ~np.isnan(adjusted)
    p = adjusted[known]
    if ((p < 0) | (p > 1)).any():
        raise StatisticError(f"p-values must lie between 0 and 1, got {p.min():g} to {p.max():g}")
    adjusted[known] = adjust(p)
    return adjusted


def _step_down(p: Floats) -> Floats:
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    return np.minimum(adjusted, 1.0)

"""Corrections of p-values for the number of tests made at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

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
    return _adjust(p_values, step_up=True)


def holm(p_values: ArrayLike) -> Floats:
    """Return p-values adjusted so that even one false find is no more likely than the level, whatever the dependence.

    Parameters, result and errors as for `benjamini_hochberg`.

    Notes
    -----
    Holm (1979), *Scandinavian Journal of Statistics* 6, 65-70.
    """
    return _adjust(p_values, step_up=False)


def _adjust(p_values: ArrayLike, *, step_up: bool) -> Floats:
    p = np.asarray(p_values, dtype=np.float64)
    known = np.flatnonzero(np.isfinite(p))
    if ((p[known] < 0) | (p[known] > 1)).any():
        raise StatisticError(
            f"p-values must lie between 0 and 1, got {p[known].min():g} to {p[known].max():g}"
        )
    out, n = np.full(p.shape, np.nan), len(known)
    order = known[np.argsort(p[known], kind="stable")]
    rank = np.arange(1, n + 1)
    if step_up:
        adjusted = np.minimum.accumulate((p[order] * n / rank)[::-1])[::-1]
    else:
        adjusted = np.maximum.accumulate(p[order] * (n - rank + 1))
    out[order] = np.minimum(adjusted, 1.0)
    return out

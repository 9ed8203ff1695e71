"""Ratios that are defined for a divisor of 0, and that do not depend on units."""

from __future__ import annotations

import numpy as np

from features.kernels.array_types import as_table
from features.kernels.blocks import TINY
from foundation.compiled import compiled
from foundation.types import Floats


def divide(numerator: Floats, denominator: Floats, floor: float = TINY) -> Floats:
    """Return the ratio, NaN where the denominator's magnitude is at most `floor`.

    Parameters
    ----------
    numerator, denominator : ndarray
    floor : float
        By default the rounding of numbers without a unit, returns for instance. Give 0 for prices, volumes and
        whatever else has a unit: any other floor would make the result depend on that unit.
    """
    if np.shape(numerator) == np.shape(denominator) and np.ndim(numerator):
        out = np.empty(np.shape(numerator))
        _divide(_line(numerator), _line(denominator), floor, out.reshape(-1))
        return out
    usable = np.abs(denominator) > floor
    return np.where(usable, numerator / np.where(usable, denominator, 1.0), np.nan)


@compiled
def _divide(numerator: Floats, denominator: Floats, floor: float, out: Floats) -> None:
    for i in range(len(out)):
        below = denominator[i]
        out[i] = numerator[i] / below if abs(below) > floor else np.nan


def divide_less_one(value: Floats, base: Floats, floor: float = TINY) -> Floats:
    """Return value / base - 1, 0 where that is rounding: a mean of equal values may differ from them in its last bits.

    Parameters
    ----------
    value, base : ndarray of one shape
    floor : float
        As in `divide`: the result is NaN where the magnitude of the base is at most this.
    """
    out = np.empty(np.shape(value))
    _divide_less_one(_line(value), _line(base), floor, out.reshape(-1))
    return out


@compiled
def _divide_less_one(value: Floats, base: Floats, floor: float, out: Floats) -> None:
    for i in range(len(out)):
        gap = value[i] / base[i] - 1.0 if abs(base[i]) > floor else np.nan
        out[i] = 0.0 if abs(gap) <= TINY else gap


def divide_or_zero(part: Floats, whole: Floats, size: Floats | None = None) -> Floats:
    """Return part / whole, where nothing divided by nothing is 0; it does not depend on the unit of either.

    Parameters
    ----------
    part, whole : ndarray of one shape
    size : ndarray of that shape, optional
        Values in the same unit of which part and whole are differences. Each counts as 0 where it is no more than
        `TINY` of the size, which is rounding. By default nothing but 0 is 0.

    Returns
    -------
    ndarray
        NaN where the whole is 0 and the part is not, and where the whole is negative.
    """
    out = np.empty(np.shape(part))
    sizes = np.zeros(1) if size is None else _line(size)
    _divide_or_zero(_line(part), _line(whole), sizes, out.reshape(-1))
    return out


@compiled
def _divide_or_zero(part: Floats, whole: Floats, size: Floats, out: Floats) -> None:
    same = len(size) == 1
    for i in range(len(out)):
        rounding = TINY * size[0 if same else i]
        empty = (abs(whole[i]) <= rounding) & (abs(part[i]) <= rounding)
        ratio = part[i] / whole[i] if whole[i] > rounding else np.nan
        out[i] = 0.0 if empty else ratio


def _line(x: Floats) -> Floats:
    """Return all values in one row, as compiled kernels take them."""
    line: Floats = as_table(np.ravel(x))[:, 0]
    return line

"""Ratios that are defined for a divisor of 0 and do not depend on units."""

from __future__ import annotations

import numpy as np

from features.kernels.arrays import as_table
from features.kernels.windows.blocks import TINY
from foundation.compiled import compiled
from foundation.types import Floats


def divide(numerator: Floats, denominator: Floats, floor: float = TINY) -> Floats:
    """Return the ratio, with NaN if the magnitude of the denominator is at most `floor`.

    Parameters
    ----------
    numerator, denominator : ndarray
    floor : float
        The default is the rounding error of dimensionless numbers such as returns. Use 0 for prices, volumes and other
        values with a unit, because any other floor would make the result depend on the unit.
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
    """Return value / base - 1, with 0 for rounding errors: a mean of equal values may differ in its last bits.

    Parameters
    ----------
    value, base : ndarray of one shape
    floor : float
        As in `divide`: the result is NaN if the magnitude of the base is at most this.
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
    """Return part / whole, with 0 / 0 = 0; the result does not depend on units.

    Parameters
    ----------
    part, whole : ndarray of one shape
    size : ndarray of that shape, optional
        Values in the same unit, of which part and whole are differences. A part or whole of at most `TINY` times the
        size is a rounding error, and counts as 0. By default only 0 counts as 0.

    Returns
    -------
    ndarray
        NaN if the whole is 0 and the part is not, or if the whole is negative.
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
    """Return all values in one row, the form that compiled kernels take."""
    line: Floats = as_table(np.ravel(x))[:, 0]
    return line

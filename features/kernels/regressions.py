"""Covariances and regressions over trailing windows: of one series on another, and of one on its row numbers."""

from __future__ import annotations

import numpy as np

from features.kernels.arrays import allocate_output, as_table, required_count
from features.kernels.carried_state import first_row
from features.kernels.windows import pairs
from foundation.types import Floats


def rolling_covariance(y: Floats, x: Floats, window: int) -> Floats:
    """Return the covariance (ddof 1) over rows where both values are present. Either may be (T,)."""
    return _comoments(y, x, window, pairs.COVARIANCE)[0]


def rolling_correlation(
    y: Floats, x: Floats, window: int, *, sizes: tuple[float, float] = (1.0, 1.0)
) -> Floats:
    """Return the correlation over rows where both values are present. Either may be (T,).

    The result is NaN if the values of y or of x are equal up to rounding: their standard deviation is at most `TINY`
    times their mean.

    Parameters
    ----------
    y, x : ndarray of shape (T,) or (T, N)
    window : int
    sizes : pair of float
        Smallest size of y and of x for the bound on rounding errors, used if their means are smaller: 1 for returns,
        which are differences from 1, and for logarithms. Use 0 for prices, volumes and other values with a unit.
    """
    return _comoments(y, x, window, pairs.CORRELATION, sizes=sizes)[0]


def rolling_beta(y: Floats, x: Floats, window: int) -> Floats:
    """Return the slope of the regression of y on x with a constant. Either may be (T,)."""
    return _comoments(y, x, window, pairs.BETA)[0]


def rolling_residual_std(y: Floats, x: Floats, window: int) -> Floats:
    """Return the standard error (ddof 2) of the regression of y on x with a constant. Either may be (T,)."""
    return _comoments(y, x, window, pairs.RESIDUAL_STD)[0]


def rolling_regression(y: Floats, x: Floats, window: int) -> tuple[Floats, Floats, Floats]:
    """Return beta, correlation and residual standard error of y on x, at little more than the cost of one of them."""
    beta, correlation, residual = _comoments(y, x, window, pairs.BETA, pairs.CORRELATION, pairs.RESIDUAL_STD)
    return beta, correlation, residual


def rolling_slope(x: Floats, window: int) -> Floats:
    """Return the slope per row of the regression of the values present on their row numbers."""
    return _comoments(x, _rows(x), window, pairs.BETA)[0]


def rolling_rsquare(x: Floats, window: int) -> Floats:
    """Return the R2 of the regression of the values present on their row numbers; it does not depend on units."""
    return _comoments(x, _rows(x), window, pairs.R_SQUARE, sizes=(0.0, 1.0))[0]


def rolling_trend_residual(x: Floats, window: int) -> Floats:
    """Return the residual of the newest value in the regression on row numbers; NaN if it is missing."""
    return _comoments(x, _rows(x), window, pairs.LAST_RESIDUAL)[0]


def rolling_trend(x: Floats, window: int) -> tuple[Floats, Floats, Floats]:
    """Return slope, R2 and last residual of the regression on row numbers, at little more than the cost of one."""
    kinds = (pairs.BETA, pairs.R_SQUARE, pairs.LAST_RESIDUAL)
    slope, share, last = _comoments(x, _rows(x), window, *kinds, sizes=(0.0, 1.0))
    return slope, share, last


def _comoments(
    y: Floats, x: Floats, window: int, *kinds: int, sizes: tuple[float, float] = (1.0, 1.0)
) -> list[Floats]:
    """Return statistics of pairs, one array per kind."""
    left, right = as_table(y), as_table(x)
    shape = np.shape(y) if np.ndim(y) >= np.ndim(x) else np.shape(x)
    assets = max(left.shape[1], right.shape[1])
    out, begin = allocate_output((len(kinds), len(left), assets), window)
    enough = float(max(2, required_count(window)))
    wanted, (y_size, x_size) = np.array(kinds, dtype=np.int64), sizes
    pairs.comoments(
        left, right, window, first_row(), begin, enough, wanted, float(y_size), float(x_size), out
    )
    return [statistic.reshape(shape) for statistic in out]


def _rows(x: Floats) -> Floats:
    """Return the row numbers of an array."""
    return np.arange(len(x), dtype=np.float64)

"""Statistics over trailing windows: the kernels for writing features.

Arrays are float64 of shape (T,) or (T, N); rows are dates. A window of length w at row t covers rows t - w + 1 to t.
Rows before row 0 of the panel count as missing.

**Missing values.** A value that is not finite is missing. A statistic uses the values present. It is NaN if fewer than
`required_count(window)` values are present (four fifths of the window, and at least two), or if it is undefined.

**Method.** The compiled loops are in `features.kernels.blocks` and the modules beside it. Each statistic depends only
on the rows of its window and their position in the panel. It is therefore bit-identical for any later rows, any other
columns, and any length of history before the window, if `features.kernels.carried_state` gives the first row of the
history; windows that begin before that row are then NaN. Even a huge value costs no precision after it has left the
window, unlike with differences of cumulative sums.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.kernels import blocks, extremes, moments, ordered, pairs
from features.kernels.array_types import as_table
from features.kernels.blocks import TINY
from features.kernels.carried_state import first_row
from features.kernels.ratios import divide, divide_less_one, divide_or_zero
from features.kernels.recursive import ewm, ewm_mean, running_max
from foundation.types import Floats

__all__ = [
    "TINY",
    "divide",
    "divide_less_one",
    "divide_or_zero",
    "ewm",
    "ewm_mean",
    "lag",
    "required_count",
    "rolling_argmax",
    "rolling_argmin",
    "rolling_beta",
    "rolling_correlation",
    "rolling_count",
    "rolling_covariance",
    "rolling_kurtosis",
    "rolling_max",
    "rolling_mean",
    "rolling_min",
    "rolling_quantile",
    "rolling_quantiles",
    "rolling_rank",
    "rolling_regression",
    "rolling_residual_std",
    "rolling_rsquare",
    "rolling_skew",
    "rolling_slope",
    "rolling_std",
    "rolling_sum",
    "rolling_trend",
    "rolling_trend_residual",
    "running_max",
]


def required_count(window: int) -> int:
    """Return the required number of values in a window: four fifths, and at least two unless the window is one row."""
    return min(window, max(2, -(-4 * window // 5)))


def lag(x: Floats, rows: int) -> Floats:
    """Return `x` delayed by `rows` rows, with NaN in the first rows."""
    out = np.empty_like(x)
    out[:rows] = np.nan
    out[rows:] = x[: max(len(x) - rows, 0)]
    return out


def rolling_count(x: Floats, window: int) -> Floats:
    """Return the number of values present."""
    return _sums(x, window, blocks.COUNT)


def rolling_sum(x: Floats, window: int) -> Floats:
    """Return the sum of the values present."""
    return _sums(x, window, blocks.SUM)


def rolling_mean(x: Floats, window: int) -> Floats:
    """Return the mean of the values present."""
    return _sums(x, window, blocks.MEAN)


def rolling_std(x: Floats, window: int) -> Floats:
    """Return the standard deviation (ddof 1) of the values present, at least two."""
    return _moments(x, window, moments.STD, 2)


def rolling_skew(x: Floats, window: int) -> Floats:
    """Return the adjusted Fisher-Pearson skewness, as in pandas; needs at least three values, not all equal."""
    return _moments(x, window, moments.SKEW, 3)


def rolling_kurtosis(x: Floats, window: int) -> Floats:
    """Return the bias-corrected excess kurtosis, as in pandas; needs at least four values, not all equal."""
    return _moments(x, window, moments.KURTOSIS, 4)


def rolling_max(x: Floats, window: int) -> Floats:
    """Return the largest of the values present."""
    return _maxima(x, window, 1.0)


def rolling_min(x: Floats, window: int) -> Floats:
    """Return the smallest of the values present."""
    return _maxima(x, window, -1.0)


def rolling_argmax(x: Floats, window: int) -> Floats:
    """Return the position of the first largest value: 1 for the oldest row of the window, `window` for the newest."""
    return _places(x, window, 1.0)


def rolling_argmin(x: Floats, window: int) -> Floats:
    """Return the position of the first smallest value: 1 for the oldest row of the window, `window` for the newest."""
    return _places(x, window, -1.0)


def rolling_quantile(x: Floats, window: int, q: float) -> Floats:
    """Return the quantile `q` (0 to 1) of the values present, interpolated linearly as in numpy."""
    select_assets: Floats = rolling_quantiles(x, window, (q,))[0]
    return select_assets


def rolling_quantiles(x: Floats, window: int, levels: Sequence[float]) -> Floats:
    """Return several quantiles of the same windows, shape (len(levels), ...); the values are sorted only once.

    Raises
    ------
    ValueError
        If a level is not between 0 and 1, or the window is shorter than one row.
    """
    for q in levels:
        if not 0.0 <= q <= 1.0:
            raise ValueError(f"quantile is {q}, expected 0 to 1")
    table = as_table(x)
    out, begin = _allocate_output((len(levels), *table.shape), window)
    enough = float(required_count(window))
    ordered.quantiles(table, window, begin, enough, np.array(levels, dtype=np.float64), out)
    return out.reshape(len(levels), *np.shape(x))


def rolling_rank(x: Floats, window: int) -> Floats:
    """Return the rank of the newest value among those present, as a fraction of their number; NaN if it is missing.

    Equals pandas' `rolling(window).rank(pct=True)`: the largest value has rank 1, and ties have the mean of their
    ranks.
    """
    table = as_table(x)
    out, begin = _allocate_output(table.shape, window)
    ordered.ranks(table, window, begin, float(required_count(window)), out)
    return out.reshape(np.shape(x))


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


def _allocate_output(shape: tuple[int, ...], window: int) -> tuple[Floats, int]:
    """Return an array for results, and the first row to compute.

    In the middle of a panel, windows that begin before the arrays are unknown: they are set to NaN and not computed.

    Raises
    ------
    ValueError
        If the window is shorter than one row.
    """
    if window < 1:
        raise ValueError(f"window is {window}, expected at least 1 row")
    out = np.empty(shape)
    begin = min(window - 1, shape[-2]) if first_row() > 0 else 0
    out[..., :begin, :] = np.nan
    return out, begin


def _sums(x: Floats, window: int, kind: int) -> Floats:
    table = as_table(x)
    out, begin = _allocate_output(table.shape, window)
    blocks.sums(table, window, first_row(), begin, float(required_count(window)), kind, out)
    return out.reshape(np.shape(x))


def _moments(x: Floats, window: int, kind: int, least: int) -> Floats:
    table = as_table(x)
    out, begin = _allocate_output(table.shape, window)
    enough = float(max(least, required_count(window)))
    moments.moments(table, window, first_row(), begin, enough, kind, out)
    return out.reshape(np.shape(x))


def _maxima(x: Floats, window: int, sign: float) -> Floats:
    table = as_table(x)
    out, begin = _allocate_output(table.shape, window)
    extremes.maxima(table, sign, window, first_row(), begin, float(required_count(window)), out)
    return out.reshape(np.shape(x))


def _places(x: Floats, window: int, sign: float) -> Floats:
    table = as_table(x)
    out, begin = _allocate_output(table.shape, window)
    extremes.places(table, sign, window, first_row(), begin, float(required_count(window)), out)
    return out.reshape(np.shape(x))


def _comoments(
    y: Floats, x: Floats, window: int, *kinds: int, sizes: tuple[float, float] = (1.0, 1.0)
) -> list[Floats]:
    """Return statistics of pairs, one array per kind."""
    left, right = as_table(y), as_table(x)
    shape = np.shape(y) if np.ndim(y) >= np.ndim(x) else np.shape(x)
    assets = max(left.shape[1], right.shape[1])
    out, begin = _allocate_output((len(kinds), len(left), assets), window)
    enough = float(max(2, required_count(window)))
    wanted, (y_size, x_size) = np.array(kinds, dtype=np.int64), sizes
    pairs.comoments(
        left, right, window, first_row(), begin, enough, wanted, float(y_size), float(x_size), out
    )
    return [statistic.reshape(shape) for statistic in out]


def _rows(x: Floats) -> Floats:
    """Return the row numbers of an array."""
    return np.arange(len(x), dtype=np.float64)

"""Statistics over trailing windows, and all other kernels for writing features but those across assets.

Arrays are float64 of shape (T,) or (T, N); rows are dates. A window of length w at row t covers rows t - w + 1 to t.
Rows before row 0 of the panel count as missing.

**Missing values.** A value that is not finite is missing. A statistic uses the values present. It is NaN if fewer than
`required_count(window)` values are present (four fifths of the window, and at least two), or if it is undefined.

**Method.** The compiled loops are in `features.kernels.windows`. Each statistic depends only on the rows of its window
and their position in the panel. It is therefore bit-identical for any later rows, any other columns, and any length of
history before the window, if `features.kernels.carried_state` gives the first row of the history; windows that begin
before that row are then NaN. Even a huge value costs no precision after it has left the window, unlike with
differences of cumulative sums.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from features.kernels.arrays import allocate_output, as_table, required_count
from features.kernels.carried_state import first_row
from features.kernels.ratios import divide, divide_less_one, divide_or_zero
from features.kernels.recursive import ewm, ewm_mean, running_max
from features.kernels.regressions import (
    rolling_beta,
    rolling_correlation,
    rolling_covariance,
    rolling_regression,
    rolling_residual_std,
    rolling_rsquare,
    rolling_slope,
    rolling_trend,
    rolling_trend_residual,
)
from features.kernels.windows import blocks, extremes, moments, ordered
from features.kernels.windows.blocks import TINY
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
    quantile: Floats = rolling_quantiles(x, window, (q,))[0]
    return quantile


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
    out, begin = allocate_output((len(levels), *table.shape), window)
    enough = float(required_count(window))
    ordered.quantiles(table, window, begin, enough, np.array(levels, dtype=np.float64), out)
    return out.reshape(len(levels), *np.shape(x))


def rolling_rank(x: Floats, window: int) -> Floats:
    """Return the rank of the newest value among those present, as a fraction of their number; NaN if it is missing.

    Equals pandas' `rolling(window).rank(pct=True)`: the largest value has rank 1, and ties have the mean of their
    ranks.
    """
    table = as_table(x)
    out, begin = allocate_output(table.shape, window)
    ordered.ranks(table, window, begin, float(required_count(window)), out)
    return out.reshape(np.shape(x))


def _sums(x: Floats, window: int, kind: int) -> Floats:
    table = as_table(x)
    out, begin = allocate_output(table.shape, window)
    blocks.sums(table, window, first_row(), begin, float(required_count(window)), kind, out)
    return out.reshape(np.shape(x))


def _moments(x: Floats, window: int, kind: int, least: int) -> Floats:
    table = as_table(x)
    out, begin = allocate_output(table.shape, window)
    enough = float(max(least, required_count(window)))
    moments.moments(table, window, first_row(), begin, enough, kind, out)
    return out.reshape(np.shape(x))


def _maxima(x: Floats, window: int, sign: float) -> Floats:
    table = as_table(x)
    out, begin = allocate_output(table.shape, window)
    extremes.maxima(table, sign, window, first_row(), begin, float(required_count(window)), out)
    return out.reshape(np.shape(x))


def _places(x: Floats, window: int, sign: float) -> Floats:
    table = as_table(x)
    out, begin = allocate_output(table.shape, window)
    extremes.places(table, sign, window, first_row(), begin, float(required_count(window)), out)
    return out.reshape(np.shape(x))

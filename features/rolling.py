"""Statistics over trailing windows: the kernels that features are written with.

Arrays are float64, (T,) or (T, N), rows are dates. A window of w at row t is rows t - w + 1 to t; before row
0 everything is missing.

**Missing values.** A value that is not finite is missing. A statistic is over the values present, and NaN
where fewer than `required(window)` of them are (four fifths of the window, and at least two), or where it is
undefined.

**Method.** A window is put together from blocks of 1, 2, 4, ... rows, each the merge of two blocks of half
its length; the binary digits of w say which. Moments merge by the formulas of Chan, Golub and LeVeque (1983)
and Pébay (2008). A statistic takes at most 2 log2(w) passes. It is computed from the rows of its window
alone, in an order that depends on w alone: it is bit-identical whatever comes later, and nothing that left
the window, not even a huge value, costs it precision, as it does with differences of cumulative sums.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
State = tuple[Floats, ...]
Merge = Callable[[State, State], State]

TINY = 1e-12
"""A divisor (a volatility, a price level) below this is rounding, and the ratio is undefined."""


NEGLIGIBLE = 1e-20
"""A weight relative to the newest below this is nothing in double precision."""


def required(window: int) -> int:
    """Return how many values of a window must be present: four fifths, and two unless the window is one."""
    return min(window, max(2, -(-4 * window // 5)))


def divide(numerator: Floats, denominator: Floats) -> Floats:
    """Return the ratio, NaN where the denominator's magnitude is below `TINY`."""
    usable = np.abs(denominator) > TINY
    return np.where(usable, numerator / np.where(usable, denominator, 1.0), np.nan)


def lag(x: Floats, rows: int) -> Floats:
    """Return what `x` was `rows` rows ago, NaN in the first rows."""
    out = np.full_like(x, np.nan)
    out[rows:] = x[: max(len(x) - rows, 0)]
    return out


def rolling_count(x: Floats, window: int) -> Floats:
    """Return the number of values present."""
    return _over_windows(_start(np.isfinite(x)), _merge_sums, window)[0]


def rolling_sum(x: Floats, window: int) -> Floats:
    """Return the sum of the values present."""
    present = np.isfinite(x)
    count, total = _over_windows(_start(present, x), _merge_sums, window)
    return np.where(count >= required(window), total, np.nan)


def rolling_mean(x: Floats, window: int) -> Floats:
    """Return the mean of the values present."""
    count = rolling_count(x, window)
    return rolling_sum(x, window) / np.maximum(count, 1.0)


def rolling_max(x: Floats, window: int) -> Floats:
    """Return the largest of the values present."""
    present = np.isfinite(x)
    state = (present.astype(np.float64), np.where(present, x, -np.inf))
    count, largest = _over_windows(state, _merge_maxima, window)
    return np.where(count >= required(window), largest, np.nan)


def rolling_min(x: Floats, window: int) -> Floats:
    """Return the smallest of the values present."""
    return -rolling_max(-x, window)


def rolling_std(x: Floats, window: int) -> Floats:
    """Return the standard deviation (ddof 1) of at least two values present."""
    present = np.isfinite(x)
    state = (*_start(present, x), np.zeros_like(x))
    count, _, squares = _over_windows(state, _merge_squares, window)
    enough = count >= max(2, required(window))
    return np.where(enough, np.sqrt(squares / np.maximum(count - 1.0, 1.0)), np.nan)


def rolling_skew(x: Floats, window: int) -> Floats:
    """Return the adjusted Fisher-Pearson skewness, as in pandas, of at least three values not all equal."""
    present = np.isfinite(x)
    state = (*_start(present, x), np.zeros_like(x), np.zeros_like(x))
    count, _, squares, cubes = _over_windows(state, _merge_cubes, window)
    n = np.maximum(count, 3.0)
    deviation = np.sqrt(squares / (n - 1.0))
    standardised = divide(divide(divide(cubes, deviation), deviation), deviation)
    enough = count >= max(3, required(window))
    return np.where(enough, standardised * n / ((n - 1.0) * (n - 2.0)), np.nan)


def rolling_covariance(y: Floats, x: Floats, window: int) -> Floats:
    """Return the covariance (ddof 1) over rows where both values are present. Either may be (T,)."""
    n, _, _, products = _comoments(y, x, window)
    return products / (n - 1.0)


def rolling_correlation(y: Floats, x: Floats, window: int) -> Floats:
    """Return the correlation over rows where both values are present. Either may be (T,)."""
    n, y_squares, x_squares, products = _comoments(y, x, window)
    y_std, x_std = np.sqrt(y_squares / (n - 1.0)), np.sqrt(x_squares / (n - 1.0))
    correlation = divide(divide(products / (n - 1.0), y_std), x_std)
    return np.clip(correlation, -1.0, 1.0)


def rolling_beta(y: Floats, x: Floats, window: int) -> Floats:
    """Return the slope of the regression of y on x with a constant. Either may be (T,)."""
    n, _, x_squares, products = _comoments(y, x, window)
    x_std = np.sqrt(x_squares / (n - 1.0))
    return divide(divide(products / (n - 1.0), x_std), x_std)


def rolling_residual_std(y: Floats, x: Floats, window: int) -> Floats:
    """Return the standard error (ddof 2) of the regression of y on x with a constant. Either may be (T,)."""
    n, y_squares, x_squares, products = _comoments(y, x, window)
    x_root = np.sqrt(x_squares)
    explained = divide(products, x_root)
    unexplained = np.maximum(y_squares - explained * explained, 0.0)
    return np.where(n > 2, np.sqrt(unexplained / np.maximum(n - 2.0, 1.0)), np.nan)


def ewm_mean(x: Floats, halflife: float) -> Floats:
    """Return the mean of the values present, weights halving every `halflife` rows.

    As pandas' `ewm(halflife=...).mean()`. NaN until the values present carry half of the weight that an
    endless past would: one half-life without holes.
    """
    decay = 0.5 ** (1.0 / halflife)
    state = _start(np.isfinite(x), x)
    span, factor = 1, decay
    # A block of 2 span rows is the newer one plus the older one, decayed over span rows.
    while span < len(x) and factor > NEGLIGIBLE:
        state = _join(state, state, span, partial(_merge_decayed, factor))
        span, factor = 2 * span, factor * factor
    weights, total = state
    enough = weights * (1.0 - decay) >= 0.5 - 1e-9
    return np.where(enough, total / np.where(enough, weights, 1.0), np.nan)


def _start(present: NDArray[np.bool_], *values: Floats) -> State:
    """Return windows of one row: their count, and their values with 0 for the missing."""
    return (present.astype(np.float64), *(np.where(present, x, 0.0) for x in values))


def _over_windows(state: State, merge: Merge, window: int) -> State:
    """Return the state of each window, given the state of each row."""
    if window < 1:
        raise ValueError(f"window is {window}, expected at least 1 row")
    block, span = state, 1
    total, covered = state, 0
    while True:
        if window & span:
            total = _join(total, block, covered, merge) if covered else block
            covered += span
        if 2 * span > window:
            return total
        block = _join(block, block, span, merge)
        span *= 2


def _join(newer: State, older: State, rows: int, merge: Merge) -> State:
    """Merge each row with what `older` was `rows` rows before; where that is before row 0 it is empty."""
    length = len(newer[0])
    if rows >= length:
        return newer
    merged = merge(tuple(a[rows:] for a in newer), tuple(b[: length - rows] for b in older))
    return tuple(np.concatenate((a[:rows], c)) for a, c in zip(newer, merged, strict=True))


def _merge_sums(a: State, b: State) -> State:
    """Merge any number of sums."""
    return tuple(left + right for left, right in zip(a, b, strict=True))


def _merge_decayed(factor: float, a: State, b: State) -> State:
    """Merge sums of which the older counts `factor`."""
    return tuple(left + factor * right for left, right in zip(a, b, strict=True))


def _merge_maxima(a: State, b: State) -> State:
    """Merge (count, maximum)."""
    return a[0] + b[0], np.maximum(a[1], b[1])


def _merge_squares(a: State, b: State) -> State:
    """Merge (count, mean, sum of squared deviations)."""
    n = a[0] + b[0]
    share = b[0] / np.maximum(n, 1.0)
    gap = b[1] - a[1]
    return n, a[1] + gap * share, a[2] + b[2] + gap * gap * (a[0] * share)


def _merge_cubes(a: State, b: State) -> State:
    """Merge (count, mean, sum of squared deviations, sum of cubed deviations)."""
    n, mean, squares = _merge_squares(a[:3], b[:3])
    gap, safe = b[1] - a[1], np.maximum(n, 1.0)
    skewed = gap * gap * gap * (a[0] * b[0] * (a[0] - b[0]) / (safe * safe))
    crossed = 3.0 * gap * (a[0] * b[2] - b[0] * a[2]) / safe
    return n, mean, squares, a[3] + b[3] + skewed + crossed


def _merge_products(a: State, b: State) -> State:
    """Merge (count, mean of y, mean of x, squares of y, squares of x, products of y and x)."""
    n = a[0] + b[0]
    share = b[0] / np.maximum(n, 1.0)
    weight = a[0] * share
    y_gap, x_gap = b[1] - a[1], b[2] - a[2]
    return (
        n,
        a[1] + y_gap * share,
        a[2] + x_gap * share,
        a[3] + b[3] + y_gap * y_gap * weight,
        a[4] + b[4] + x_gap * x_gap * weight,
        a[5] + b[5] + y_gap * x_gap * weight,
    )


def _comoments(y: Floats, x: Floats, window: int) -> State:
    """Return count, squares of y, squares of x, products of deviations; NaN with too few pairs present."""
    y, x = _aligned(y, x)
    present = np.isfinite(y) & np.isfinite(x)
    zero = np.zeros(present.shape)
    count, _, _, *sums = _over_windows((*_start(present, y, x), zero, zero, zero), _merge_products, window)
    count = np.where(count >= max(2, required(window)), count, np.nan)
    return count, *sums


def _aligned(y: Floats, x: Floats) -> tuple[Floats, Floats]:
    """Give a (T,) series beside a (T, N) array a second axis."""
    if y.ndim == x.ndim:
        return y, x
    return (y[:, None], x) if y.ndim < x.ndim else (y, x[:, None])

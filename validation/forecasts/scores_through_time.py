"""Scores through time: when a forecast was better, and whether it still is."""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from foundation.types import Floats
from validation.forecasts.forecast_tests import mean_by_date
from validation.shapes import check_same_shape


def cumulative_gain(forecast: Floats, realised: Floats, benchmark: Floats) -> Floats:
    """Return the running sum of the benchmark's squared error less the forecast's, shape (D,).

    It rises while the forecast is better. Errors of (D, N) are averaged over each date's assets; a date with none
    adds 0.

    Notes
    -----
    Goyal and Welch (2008), *Review of Financial Studies* 21, 1455-1508, figure 1.
    """
    check_same_shape(forecast=forecast, realised=realised, benchmark=benchmark)
    gain = mean_by_date((realised - benchmark) ** 2 - (realised - forecast) ** 2)
    return np.cumsum(np.where(np.isfinite(gain), gain, 0.0))


def rolling_mean(values: Floats, window: int) -> Floats:
    """Return the mean of the finite values among the last `window` ones, shape (D,).

    NaN before the window is full, and where fewer than half of it is finite. For the information coefficient by
    date, or anything else of one number a date.
    """
    mean = np.full(len(values), np.nan)
    if 0 < window <= len(values):
        inside = sliding_window_view(values, window)
        finite = np.isfinite(inside)
        count = finite.sum(axis=1)
        total = np.where(finite, inside, 0.0).sum(axis=1)
        mean[window - 1 :] = np.where(2 * count >= window, total / np.maximum(count, 1), np.nan)
    return mean

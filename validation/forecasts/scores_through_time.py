"""The gain of a forecast through time: when it was better, and whether it still is."""

from __future__ import annotations

import numpy as np

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

"""Test of timing: whether forecasts say more than a ranking, or a level, that never changes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foundation.types import Floats
from validation.forecasts.permutation import scale_rows
from validation.forecasts.scores import hac_mean, null_lags
from validation.shapes import check_same_shape

_ROUNDING = 1e-12


@dataclass(frozen=True)
class TimingTest:
    """Mean product of a forecast's deviation from its past and an outcome's deviation from its future.

    Attributes
    ----------
    mean, t : float
        For ranks the mean is a rank correlation: the part of the mean rank IC that no constant ranking has.
    p_value : float
        One-sided: small if the mean is above 0. It is 1 for forecasts that never change and NaN below 10 dates.
    n : int
        Dates.
    """

    mean: float
    t: float
    p_value: float
    n: int


def timing_test(forecast: Floats, realised: Floats, overlap: int = 0, *, rank: bool = True) -> TimingTest:
    """Test whether forecasts beat every forecast that is constant over time.

    Parameters
    ----------
    forecast, realised : ndarray of shape (D, N)
        Outcomes follow their forecasts. NaN pairs are left out.
    overlap : int
        Number of following outcomes that share part of the same period: horizon - 1.
    rank : bool
        Compare ranks across assets, scaled so that a row's product is its rank correlation; at least 3 assets. If
        False, compare the numbers as they are.

    Returns
    -------
    TimingTest

    Raises
    ------
    StatisticError
        If the shapes differ.

    Notes
    -----
    The null says that each asset's expected outcome (its rank, or its return) never changes, whatever it is. A
    ranking by long-run means has a positive mean IC under it. The null leaves two mistakes to avoid. Taking full-sample
    means of the forecasts off, as shuffling dates does, is biased where forecasts follow past outcomes (Stambaugh,
    1999): the test rejects a true null almost never for momentum, and often for long-term reversal. Here the mean of an
    asset's *later* outcomes is taken off the outcome, scaled by sqrt(c / (c + 1)) for c of them: forward orthogonal
    deviations, Arellano and Bover (1995), *Journal of Econometrics* 68, 29-51. They have mean 0 given everything known
    at the time and are uncorrelated with each other. The mean of *earlier* forecasts is taken off the forecast, which
    takes out what is constant: Hayakawa (2009), *Econometric Theory* 25, 865-890. The products are uncorrelated beyond
    the overlap, so a t-test with `null_lags` is right.
    """
    check_same_shape(forecast=forecast, realised=realised)
    both = np.isfinite(forecast) & np.isfinite(realised)
    f, y = (np.where(both, values, np.nan) for values in (forecast, realised))
    if rank:
        f, y = scale_rows(f, rank=True), scale_rows(y, rank=True)
        usable = (both.sum(axis=1) >= 3) & f.any(axis=1) & y.any(axis=1)
    else:
        f, y = np.where(both, f, 0.0), np.where(both, y, 0.0)
        usable = both.any(axis=1)
    f, y, both = f[usable], y[usable], both[usable]
    change, has_past = _less_past_mean(f, both)
    surprise, has_future = _less_future_mean(y, both)
    pairs = has_past & has_future
    products = np.where(pairs, change * surprise, 0.0).sum(axis=1)[pairs.any(axis=1)]
    if len(products) < 10:
        return TimingTest(
            float(products.mean()) if len(products) else math.nan, math.nan, math.nan, len(products)
        )
    if not products.any():
        return TimingTest(0.0, 0.0, 1.0, len(products))
    test = hac_mean(products, overlap, null_lags(overlap))
    return TimingTest(test.mean, test.t, test.p_greater, test.n)


def _less_past_mean(values: Floats, known: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return values less the mean of the asset's earlier ones, and whether there are any."""
    count: NDArray[np.int64] = np.cumsum(known, axis=0) - known
    mean = (np.cumsum(values, axis=0) - values) / np.maximum(count, 1)
    change = values - mean
    size = np.abs(values).max(initial=0.0)
    return np.where(np.abs(change) > _ROUNDING * size, change, 0.0), known & (count > 0)


def _less_future_mean(values: Floats, known: NDArray[np.bool_]) -> tuple[Floats, NDArray[np.bool_]]:
    """Return forward orthogonal deviations: uncorrelated where the values are, with the same variance."""
    count: NDArray[np.int64] = np.cumsum(known[::-1], axis=0)[::-1] - known
    total = np.cumsum(values[::-1], axis=0)[::-1] - values
    return (values - total / np.maximum(count, 1)) * np.sqrt(count / (count + 1)), known & (count > 0)

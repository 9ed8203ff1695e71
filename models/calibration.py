"""Calibration: a forecast is shrunk by its own past out-of-sample slope before it is traded."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.base import WalkResult
from models.forecast import Forecast
from models.target import Target, row_mean
from validation.labels import Labels
from validation.scores import historical_mean

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def baseline_mean(labels: Labels, own_weight: float) -> Floats:
    """Return what is expected without a model: the historical mean shrunk toward that of all assets, shape (T, N).

    Parameters
    ----------
    labels : Labels
    own_weight : float
        Weight of each asset's own mean; 0 expects the same of all (James and Stein, 1961, in spirit).
    """
    own = historical_mean(labels)
    grand = row_mean(own)[:, None]
    return np.where(np.isfinite(own), own_weight * own + (1 - own_weight) * grand, grand)


def past_slope(
    predicted: Floats, realised: Floats, ends: Ints, prior_dates: float
) -> tuple[Floats, Floats, Floats]:
    """Return the slope of outcome on prediction that was known at each date.

    Only pairs whose label had ended by row t enter row t. The slope is that of a regression through the origin,
    pulled toward 0 as if `prior_dates` further dates of average prediction had shown no relation, and kept
    within 0 and 1.

    Parameters
    ----------
    predicted, realised : ndarray of shape (T, N)
        NaN pairs are left out.
    ends : ndarray of int, shape (T,)
        Row at which each label becomes known.
    prior_dates : float

    Returns
    -------
    slope, energy, noise : ndarray of shape (T,)
        Slope; the sum of squares that it rests on, prior included; variance of what it leaves unexplained (NaN
        where nothing had ended).
    """
    ok = np.isfinite(predicted) & np.isfinite(realised)
    f, y = np.where(ok, predicted, 0.0), np.where(ok, realised, 0.0)
    per_date = np.stack([(f * y).sum(1), (f * f).sum(1), (y * y).sum(1), ok.sum(1), ok.any(1)], axis=1)
    total = np.concatenate([np.zeros((1, 5)), np.cumsum(per_date, axis=0)])
    matured = np.searchsorted(ends, np.arange(len(ends)), side="right")
    fy, ff, yy, pairs, dates = total[matured].T
    with np.errstate(invalid="ignore", divide="ignore"):
        energy = ff + np.where(dates > 0, ff / dates, 0.0) * prior_dates
        slope = np.where(energy > 0, np.clip(fy / energy, 0.0, 1.0), 0.0)
        noise = np.where(pairs > 0, (yy - 2 * slope * fy + slope**2 * ff) / pairs, np.nan)
    return slope, energy, noise


def calibrate(
    walk: WalkResult, target: Target, labels: Labels, *, prior_periods: float, own_weight: float = 0.0
) -> Forecast:
    """Turn raw predictions into expected excess returns that can be traded.

    mean = baseline + slope * (raw * risk - level), where level is what the baseline itself expects in an
    absolute target and 0 in a relative one. A model without skill has slope 0 and becomes the baseline.

    Parameters
    ----------
    walk : WalkResult
    target : Target
    labels : Labels
    prior_periods : float
        Strength of the belief in slope 0, in independent holding periods.
    own_weight : float
        See `baseline_mean`.
    """
    base = baseline_mean(labels, own_weight)
    level = np.zeros_like(base) if target.relative else base / target.risk
    prediction = walk.raw - level
    slope, energy, noise = past_slope(
        prediction, target.value - level, labels.end, prior_periods * labels.horizon
    )
    mean = base + slope[:, None] * prediction * target.risk
    with np.errstate(invalid="ignore", divide="ignore"):
        # Overlapping labels repeat one another: a horizon of h dates carries the information of one.
        slope_error = np.where(energy > 0, np.sqrt(noise * labels.horizon / energy), 0.0)
    stderr = np.abs(prediction) * target.risk * slope_error[:, None]
    positions = np.flatnonzero(np.isfinite(walk.raw).any(axis=1))
    return Forecast(
        walk.model,
        positions,
        labels.horizon,
        mean[positions],
        np.hypot(stderr, baseline_error(labels)[:, None])[positions],
        walk.raw[positions],
        slope[positions],
        slope_error[positions],
    )


def baseline_error(labels: Labels) -> Floats:
    """Return the standard error of the mean label over assets and matured dates, shape (T,)."""
    common = row_mean(labels.value)
    ok = np.isfinite(common)
    x = np.where(ok, common, 0.0)
    sums = np.concatenate([np.zeros((1, 3)), np.cumsum(np.stack([ok, x, x * x], axis=1), axis=0)])
    matured = np.searchsorted(labels.end, np.arange(len(labels.end)), side="right")
    n, total, squares = sums[matured].T
    with np.errstate(invalid="ignore", divide="ignore"):
        variance = np.maximum(squares / n - (total / n) ** 2, 0.0)
        return np.where(n > 1, np.sqrt(variance * labels.horizon / n), np.nan)

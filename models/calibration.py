"""Calibration: shrink a forecast by its own past out-of-sample slope before it is traded."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

import numpy as np

from foundation.types import Bools, Floats, Ints
from models.calibration_metric import CovarianceMetric, Products, multiply_in_covariance, multiply_pairs
from models.forecast import Forecast
from models.target import Target, row_mean
from models.walk_forward.results import WalkResult
from validation.folds.labels import Labels
from validation.forecasts.scores import historical_mean

Metric = Literal["risk", "return", "inverse_covariance"]

BOUND = 2.0
"""Standard errors by which past forecasts may have been too large in returns before the slope is lowered."""


def baseline_mean(labels: Labels, own_weight: float, riskless: Bools | None = None) -> Floats:
    """Return the forecast without a model: the historical mean shrunk toward that of all assets, shape (T, N).

    Parameters
    ----------
    labels : Labels
    own_weight : float
        Weight of each asset's own mean; 0 expects the same of all (James and Stein, 1961, in spirit).
    riskless : ndarray of bool, shape (T, N), optional
        Where an asset is nearly riskless: it is expected to earn what cash earns, an excess return of 0, and does
        not count in the mean of all.
    """
    outside = np.zeros(labels.value.shape, dtype=np.bool_) if riskless is None else riskless
    own = np.where(outside, np.nan, historical_mean(drop_riskless_labels(labels, outside)))
    grand = row_mean(own)[:, None]
    mean = np.where(np.isfinite(own), own_weight * own + (1 - own_weight) * grand, grand)
    return np.where(outside, 0.0, mean)


def drop_riskless_labels(labels: Labels, riskless: Bools) -> Labels:
    """Return the labels without those of nearly riskless assets."""
    return replace(labels, value=np.where(riskless, np.nan, labels.value))


def _past_slope(products: Products, ends: Ints, prior_periods: float) -> tuple[Floats, Floats, Floats]:
    """Return the slope of outcome on forecast that was known at each date.

    Only dates whose label had ended by row t enter row t. The slope is that of a regression through the origin,
    pulled toward 0 as if `prior_periods` further holding periods of average forecasts had shown no relation, and kept
    within 0 and 1.

    Parameters
    ----------
    products : Products
        In the metric in which the slope is measured.
    ends : ndarray of int, shape (T,)
        Row at which each label becomes known.
    prior_periods : float

    Returns
    -------
    slope, energy, noise : ndarray of shape (T,)
        Slope; the sum of squares that it rests on, prior included; variance of what it leaves unexplained (NaN
        where nothing had ended).
    """
    fy, ff, yy, pairs, dates = _sum_matured(products.by_date, ends)
    with np.errstate(invalid="ignore", divide="ignore"):
        energy = ff + np.where(dates > 0, ff / dates, 0.0) * (prior_periods * products.overlap)
        slope = np.where(energy > 0, np.clip(fy / energy, 0.0, 1.0), 0.0)
        noise = np.where(pairs > 0, (yy - 2 * slope * fy + slope**2 * ff) / pairs, np.nan)
    return slope, energy, noise


def _sum_matured(per_date: Floats, ends: Ints) -> Floats:
    """Return sums over the dates whose labels had ended by each date, shape (S, T), of numbers per date (T, S)."""
    total = np.concatenate([np.zeros((1, per_date.shape[1])), np.cumsum(per_date, axis=0)])
    return np.asarray(total[np.searchsorted(ends, np.arange(len(ends)), side="right")].T)


def _bound_slope(slope: Floats, forecast: Floats, outcome: Floats, labels: Labels) -> Floats:
    """Return the slope at each date, lowered to what the past forecasts support in returns, shape (T,).

    A slope is estimated in units of risk, in which every asset counts the same. Forecasts are traded in returns. If
    past forecasts times the slope were too large in returns, by more than `BOUND` standard errors, the slope is
    lowered until the excess is no larger than that; where the two records agree nothing changes.

    Parameters
    ----------
    slope : ndarray of shape (T,)
        From `_past_slope`.
    forecast, outcome : ndarray of shape (T, N)
        In returns, before the slope; NaN pairs are left out.
    labels : Labels
        Their ends say from when on a pair is known.

    Notes
    -----
    The excess at a date is g = sum over assets of f (slope f - y). The sum of g over n known dates is tested against
    its standard error sqrt(h sum g^2): dates are independent but for the overlap of labels of horizon h, assets
    within a date need not be.
    """
    ok = np.isfinite(forecast) & np.isfinite(outcome)
    f, y = np.where(ok, forecast, 0.0), np.where(ok, outcome, 0.0)
    fy, ff = (f * y).sum(axis=1), (f * f).sum(axis=1)
    per_date = np.stack([fy, ff, fy * fy, fy * ff, ff * ff], axis=1)
    fy, ff, fyfy, fyff, ffff = _sum_matured(per_date, labels.end)
    squares = np.maximum(slope**2 * ffff - 2 * slope * fyff + fyfy, 0.0)
    excess = slope * ff - fy - BOUND * np.sqrt(labels.horizon * squares)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((excess > 0) & (ff > 0), np.maximum(slope - excess / ff, 0.0), slope)


def _convert_to_returns(
    prediction: Floats, target: Target, labels: Labels, base: Floats
) -> tuple[Floats, Floats]:
    """Return forecasts before the slope and their outcomes, both (T, N), less the baseline and in returns.

    Of a relative target both are differences to the mean over the assets of the date.
    """
    forecast = prediction * target.risk
    outcome = np.where(np.isfinite(target.value), labels.value - base, np.nan)
    known = np.isfinite(forecast) & np.isfinite(outcome)
    forecast, outcome = np.where(known, forecast, np.nan), np.where(known, outcome, np.nan)
    if not target.relative:
        return forecast, outcome
    return forecast - row_mean(forecast)[:, None], outcome - row_mean(outcome)[:, None]


def calibrate(
    walk: WalkResult,
    target: Target,
    labels: Labels,
    *,
    prior_periods: float,
    own_weight: float = 0.0,
    metric: Metric = "risk",
    covariances: CovarianceMetric | None = None,
) -> Forecast:
    """Turn raw predictions into expected excess returns that can be traded.

    mean = baseline + slope * (raw * risk - level), where level is what the baseline itself expects in an
    absolute target and 0 in a relative one. A model without skill has slope 0 and becomes the baseline. The slope
    is what the record supports in the metric and in returns; a nearly riskless asset gets the baseline.

    Parameters
    ----------
    walk : WalkResult
    target : Target
    labels : Labels
    prior_periods : float
        Strength of the belief in slope 0, in independent holding periods.
    own_weight : float
        See `baseline_mean`.
    metric : {"risk", "return", "inverse_covariance"}
        In what past forecasts are compared with outcomes: in units of each asset's risk, in returns, where assets
        with a large volatility count more, or in the metric in which an optimiser uses them.
    covariances : CovarianceMetric, optional
        For `inverse_covariance`.

    Raises
    ------
    ValueError
        If the metric needs covariances and there are none.
    """
    base = baseline_mean(labels, own_weight, target.riskless)
    level = np.zeros_like(base) if target.relative else base / target.risk
    prediction = walk.raw - level
    in_returns = _convert_to_returns(prediction, target, labels, base)
    if metric == "risk":
        products = multiply_pairs(prediction, target.value - level, labels.horizon)
    elif metric == "return":
        products = multiply_pairs(*in_returns, labels.horizon)
    elif covariances is None:
        raise ValueError("a calibration in the metric of the inverse covariance needs covariances")
    else:
        products = multiply_in_covariance(
            *in_returns, covariances, horizon=labels.horizon, relative=target.relative
        )
    slope, energy, noise = _past_slope(products, labels.end, prior_periods)
    slope = _bound_slope(slope, *in_returns, labels)
    mean = np.where(target.riskless, base, base + slope[:, None] * prediction * target.risk)
    with np.errstate(invalid="ignore", divide="ignore"):
        # Overlapping labels repeat one another: a horizon of h dates carries the information of one.
        slope_error = np.where(energy > 0, np.sqrt(noise * products.overlap / energy), 0.0)
    common_error = baseline_error(drop_riskless_labels(labels, target.riskless))[:, None]
    stderr = np.hypot(np.abs(prediction) * target.risk * slope_error[:, None], common_error)
    stderr = np.where(target.riskless, np.nan_to_num(target.risk), stderr)
    positions = np.flatnonzero(np.isfinite(walk.raw).any(axis=1))
    return Forecast(
        walk.model,
        positions,
        labels.horizon,
        mean[positions],
        stderr[positions],
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

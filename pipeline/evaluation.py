"""Evaluation: how good the forecasts were, as a whole, by fold and through time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.base import WalkResult
from models.calibration import baseline_mean
from models.forecast import Forecast
from pipeline.timetable import Schedule
from validation.scores import (
    calibration_slope,
    hac_mean,
    historical_mean,
    information_coefficient,
    r2_out_of_sample,
)

Floats = NDArray[np.float64]
Metrics = dict[str, float]


@dataclass(frozen=True, eq=False)
class ForecastScore:
    """How one model forecast over the evaluation dates.

    Attributes
    ----------
    model : str
    metrics : dict of str to float
        See `docs/outputs.md`; NaN where a score does not exist (a constant forecast ranks nothing).
    rank_ic : ndarray of shape (D,)
        Rank correlation across assets at each evaluation date.
    positions : ndarray of int, shape (D,)
        Rows of the panel.
    by_fold : tuple of dict
        The same scores for each refit, with the row of its first test date under "first_test".
    """

    model: str
    metrics: Metrics
    rank_ic: Floats
    positions: NDArray[np.int64]
    by_fold: tuple[Metrics, ...]


def score_forecast(
    forecast: Forecast, walk: WalkResult, schedule: Schedule, own_weight: float
) -> ForecastScore:
    """Score one model's forecasts from the first decision on.

    Rank and Pearson correlations compare the raw prediction with the target (units of risk). R2 compares the
    calibrated forecast in returns with each asset's historical mean, and with the baseline that the calibration
    starts from.
    """
    labels, target = schedule.labels, schedule.target
    keep = forecast.positions >= schedule.decisions[0]
    at = forecast.positions[keep]
    raw, mean = forecast.raw[keep], forecast.mean[keep]
    wanted, earned = target.value[at], labels.value[at]
    overlap = labels.horizon - 1
    rank_ic = information_coefficient(raw, wanted)
    test = hac_mean(rank_ic, overlap)
    history, baseline = historical_mean(labels)[at], baseline_mean(labels, own_weight)[at]
    metrics = {
        "rank_ic": test.mean,
        "rank_ic_stderr": test.stderr,
        "rank_ic_t": test.t,
        "rank_ic_low": test.interval[0],
        "rank_ic_high": test.interval[1],
        "ic": hac_mean(information_coefficient(raw, wanted, rank=False), overlap).mean,
        "hit_rate": _hit_rate(rank_ic),
        "r2": r2_out_of_sample(mean, earned, history),
        "r2_baseline": r2_out_of_sample(mean, earned, baseline),
        "r2_target": r2_out_of_sample(forecast.slope[keep, None] * raw, wanted, np.zeros_like(wanted)),
        "r2_target_raw": r2_out_of_sample(raw, wanted, np.zeros_like(wanted)),
        "raw_slope": calibration_slope(raw, wanted),
        "mean_slope": float(forecast.slope[keep].mean()),
        "last_slope": float(forecast.slope[-1]),
        "n_dates": float(test.n),
    }
    by_fold = []
    starts = [fit.first_test for fit in walk.fits] + [len(labels.end)]
    for fit, start, stop in zip(walk.fits, starts[:-1], starts[1:], strict=True):
        inside = (at >= start) & (at < stop)
        if not inside.any():
            continue
        scores = {
            "first_test": float(fit.first_test),
            "rank_ic": hac_mean(rank_ic[inside], overlap).mean,
            "r2": r2_out_of_sample(mean[inside], earned[inside], history[inside]),
            "slope": float(forecast.slope[keep][inside].mean()),
            "train_rows": float(fit.n_rows),
            "fit_seconds": fit.seconds,
        }
        by_fold.append(scores | {f"chosen_{key}": value for key, value in fit.chosen.items()})
    return ForecastScore(forecast.model, metrics, rank_ic, at, tuple(by_fold))


def _hit_rate(rank_ic: Floats) -> float:
    """Return the share of dates with a positive rank IC."""
    known = rank_ic[np.isfinite(rank_ic)]
    return float((known > 0).mean()) if len(known) else float("nan")

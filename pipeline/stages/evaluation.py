"""Evaluation: accuracy of the forecasts, overall, by fold and through time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foundation.types import Floats
from models.calibration import baseline_mean
from models.forecast import Forecast
from models.walk_forward.results import WalkResult
from pipeline.stages.schedule import Schedule
from validation.forecasts.calibration_tests import calibration, interval_coverage
from validation.forecasts.forecast_tests import (
    clark_west,
    cumulative_gain,
    diebold_mariano,
    mean_by_date,
    pesaran_timmermann,
)
from validation.forecasts.permutation import permutation_test_ic
from validation.forecasts.scores import (
    hac_mean,
    historical_mean,
    information_coefficient,
    null_lags,
    r2_out_of_sample,
)

Metrics = dict[str, float]


@dataclass(frozen=True, eq=False)
class ForecastScore:
    """Scores of one model over the evaluation dates.

    Attributes
    ----------
    model : str
    metrics : dict of str to float
        See `docs/outputs.md`; NaN if a score does not exist (a constant forecast has no ranking).
    rank_ic : ndarray of shape (D,)
        Rank correlation across assets at each evaluation date.
    gain : ndarray of shape (D,)
        Cumulative reduction of the squared error against the baseline, as a share of the baseline's total. Its last
        value is "r2_baseline" if every date has the same number of assets.
    loss : ndarray of shape (D,)
        Squared error of the calibrated forecast at each date, mean over assets.
    positions : ndarray of int, shape (D,)
        Rows of the panel.
    by_fold : tuple of dict
        The same scores for each refit, with the row of its first test date under "first_test".
    """

    model: str
    metrics: Metrics
    rank_ic: Floats
    gain: Floats
    loss: Floats
    positions: NDArray[np.int64]
    by_fold: tuple[Metrics, ...]


@dataclass(frozen=True, eq=False)
class _Matched:
    """Forecasts of the judged dates (D, N) with their outcomes and benchmark forecasts."""

    positions: NDArray[np.int64]
    overlap: int
    raw: Floats
    mean: Floats
    stderr: Floats
    slope: Floats
    wanted: Floats
    earned: Floats
    risk: Floats
    history: Floats
    baseline: Floats

    @staticmethod
    def of(forecast: Forecast, schedule: Schedule, own_weight: float, first: int) -> _Matched:
        labels, target = schedule.labels, schedule.target
        keep = forecast.positions >= first
        at = forecast.positions[keep]
        return _Matched(
            at,
            labels.horizon - 1,
            forecast.raw[keep],
            forecast.mean[keep],
            forecast.stderr[keep],
            forecast.slope[keep],
            target.value[at],
            labels.value[at],
            target.risk[at],
            historical_mean(labels)[at],
            baseline_mean(labels, own_weight, target.riskless)[at],
        )


def score_forecast(
    forecast: Forecast, walk: WalkResult, schedule: Schedule, own_weight: float, first: int | None = None
) -> ForecastScore:
    """Score one model's forecasts from a row on, by default from the first decision.

    Rank and Pearson correlations compare the raw prediction with the target (units of risk). R2 compares the
    calibrated forecast in returns with each asset's historical mean, and with the baseline that the calibration
    starts from.
    """
    start = int(schedule.decisions[0]) if first is None else first
    pairs = _Matched.of(forecast, schedule, own_weight, start)
    rank_ic = information_coefficient(pairs.raw, pairs.wanted)
    metrics = _accuracy(pairs, rank_ic) | _tests(pairs)
    metrics["last_slope"] = float(forecast.slope[-1])
    if walk.untuned is not None:
        metrics |= _tuning_gain(pairs, rank_ic, walk.untuned[pairs.positions])
    by_fold = tuple(_by_fold(pairs, rank_ic, walk, len(schedule.labels.end)))
    saved = cumulative_gain(pairs.mean, pairs.earned, pairs.baseline)
    missed = cumulative_gain(pairs.earned, pairs.earned, pairs.baseline)
    gain = saved / missed[-1] if len(missed) and missed[-1] > 0 else saved
    loss = mean_by_date((pairs.earned - pairs.mean) ** 2)
    return ForecastScore(forecast.model, metrics, rank_ic, gain, loss, pairs.positions, by_fold)


def compare_forecasts(scores: Mapping[str, ForecastScore], horizon: int) -> dict[str, dict[str, float]]:
    """Return the two-sided Diebold-Mariano p-value of equal squared errors for each pair of models.

    NaN for a model with itself, and for two models with the same forecasts.
    """
    return {
        name: {
            other: diebold_mariano(mine.loss, theirs.loss, horizon).p_value if other != name else float("nan")
            for other, theirs in scores.items()
        }
        for name, mine in scores.items()
    }


def _accuracy(pairs: _Matched, rank_ic: Floats) -> Metrics:
    """Return the accuracy of the forecast."""
    test = hac_mean(rank_ic, pairs.overlap)
    nothing = np.zeros_like(pairs.wanted)
    return {
        "rank_ic": test.mean,
        "rank_ic_stderr": test.stderr,
        "rank_ic_t": test.t,
        "rank_ic_low": test.interval[0],
        "rank_ic_high": test.interval[1],
        "rank_ic_p": hac_mean(rank_ic, pairs.overlap, null_lags(pairs.overlap)).p_greater,
        "ic": hac_mean(information_coefficient(pairs.raw, pairs.wanted, rank=False), pairs.overlap).mean,
        "hit_rate": _hit_rate(rank_ic),
        "r2": r2_out_of_sample(pairs.mean, pairs.earned, pairs.history),
        "r2_baseline": r2_out_of_sample(pairs.mean, pairs.earned, pairs.baseline),
        "r2_target": r2_out_of_sample(pairs.slope[:, None] * pairs.raw, pairs.wanted, nothing),
        "r2_target_raw": r2_out_of_sample(pairs.raw, pairs.wanted, nothing),
        "mean_slope": float(pairs.slope.mean()) if len(pairs.slope) else np.nan,
        "n_dates": float(test.n),
    }


def _tests(pairs: _Matched) -> Metrics:
    """Return tests of the forecast against its nested benchmarks, and of its standard errors."""
    overlap = pairs.overlap
    slope = calibration(pairs.raw, pairs.wanted, overlap)
    # The outcome varies around the forecast by the asset's own risk.
    inside = interval_coverage(pairs.mean, np.hypot(pairs.stderr, pairs.risk), pairs.earned, 0.95, overlap)
    signs = pesaran_timmermann(pairs.raw, pairs.wanted, overlap)
    errors = (pairs.earned - pairs.baseline) ** 2, (pairs.earned - pairs.mean) ** 2
    return {
        "clark_west_p": clark_west(pairs.mean, pairs.earned, pairs.baseline, overlap).p_greater,
        "clark_west_history_p": clark_west(pairs.mean, pairs.earned, pairs.history, overlap).p_greater,
        "diebold_mariano_p": diebold_mariano(*errors, overlap + 1).p_greater,
        "raw_slope": slope.slope,
        "raw_slope_stderr": slope.slope_stderr,
        "coverage_95": inside.share,
        "coverage_95_p": inside.p_value,
        "sign_accuracy": signs.share,
        "sign_accuracy_p": signs.p_value,
        "permutation_p": permutation_test_ic(pairs.raw, pairs.wanted, block=max(6, overlap + 1)).p_value,
    }


def _tuning_gain(pairs: _Matched, rank_ic: Floats, untuned: Floats) -> Metrics:
    """Return the out-of-sample effect of tuning, compared with the model's own settings."""
    before = information_coefficient(untuned, pairs.wanted)
    gain = hac_mean(rank_ic - before, pairs.overlap)
    return {
        "untuned_rank_ic": hac_mean(before, pairs.overlap).mean,
        "tuning_gain": gain.mean,
        "tuning_gain_stderr": gain.stderr,
        "tuning_gain_p": gain.p_greater,
    }


def _by_fold(pairs: _Matched, rank_ic: Floats, walk: WalkResult, n_dates: int) -> Iterator[Metrics]:
    """Yield the scores of each refit whose forecasts are judged."""
    starts = [fit.first_test for fit in walk.fits] + [n_dates]
    for fit, start, stop in zip(walk.fits, starts[:-1], starts[1:], strict=True):
        inside = (pairs.positions >= start) & (pairs.positions < stop)
        if not inside.any():
            continue
        scores = {
            "first_test": float(fit.first_test),
            "rank_ic": hac_mean(rank_ic[inside], pairs.overlap).mean,
            "r2": r2_out_of_sample(pairs.mean[inside], pairs.earned[inside], pairs.history[inside]),
            "slope": float(pairs.slope[inside].mean()),
            "train_rows": float(fit.n_rows),
            "fit_seconds": fit.seconds,
        }
        yield scores | {f"chosen_{key}": value for key, value in fit.chosen.items()}


def _hit_rate(rank_ic: Floats) -> float:
    """Return the share of dates with a positive rank IC."""
    known = rank_ic[np.isfinite(rank_ic)]
    return float((known > 0).mean()) if len(known) else float("nan")

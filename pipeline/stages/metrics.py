"""Metrics of a model's forecasts against their outcomes: accuracy, tests, and the gain of tuning."""

from __future__ import annotations

import numpy as np

from foundation.types import Floats
from pipeline.stages.matched_forecasts import MatchedForecasts
from validation.forecasts.calibration_tests import calibration, interval_coverage
from validation.forecasts.forecast_tests import clark_west, diebold_mariano, pesaran_timmermann
from validation.forecasts.permutation import permutation_test_ic
from validation.forecasts.scores import hac_mean, information_coefficient, null_lags, r2_out_of_sample
from validation.forecasts.timing import timing_test

Metrics = dict[str, float]


def measure_accuracy(pairs: MatchedForecasts, rank_ic: Floats) -> Metrics:
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


def measure_significance(pairs: MatchedForecasts) -> Metrics:
    """Return tests of the forecast against its nested benchmarks, and of its standard errors."""
    overlap = pairs.overlap
    slope = calibration(pairs.raw, pairs.wanted, overlap)
    # The outcome varies around the forecast by the asset's own risk.
    inside = interval_coverage(pairs.mean, np.hypot(pairs.stderr, pairs.risk), pairs.earned, 0.95, overlap)
    signs = pesaran_timmermann(pairs.raw, pairs.wanted, overlap)
    ranks = timing_test(pairs.raw, pairs.wanted, overlap)
    returns = timing_test(pairs.mean - pairs.baseline, pairs.earned, overlap, rank=False)
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
        "timing_ic": ranks.mean,
        "timing_ic_t": ranks.t,
        "timing_ic_p": ranks.p_value,
        "timing_return_p": returns.p_value,
    }


def measure_tuning_gain(pairs: MatchedForecasts, rank_ic: Floats, untuned: Floats) -> Metrics:
    """Return the out-of-sample effect of tuning, compared with the model's own settings."""
    before = information_coefficient(untuned, pairs.wanted)
    gain = hac_mean(rank_ic - before, pairs.overlap)
    return {
        "untuned_rank_ic": hac_mean(before, pairs.overlap).mean,
        "tuning_gain": gain.mean,
        "tuning_gain_stderr": gain.stderr,
        "tuning_gain_p": gain.p_greater,
    }


def _hit_rate(rank_ic: Floats) -> float:
    """Return the share of dates with a positive rank IC."""
    known = rank_ic[np.isfinite(rank_ic)]
    return float((known > 0).mean()) if len(known) else float("nan")

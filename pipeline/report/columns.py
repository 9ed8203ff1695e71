"""Columns of the report's tables: heading, metric, and number format."""

from __future__ import annotations

import math
from collections.abc import Callable

from pipeline.report.formats import chance, number, percent
from pipeline.verdict.reasons import LONGEST

Show = Callable[[float], str]


def digits(n: int) -> Show:
    """Format a number with `n` decimal digits."""
    return lambda value: number(value, n)


def share(n: int) -> Show:
    """Format a fraction as a percentage with `n` decimal digits."""
    return lambda value: percent(value, n)


def years(value: float) -> str:
    """Format a number of years; very long times by a bound."""
    return "never" if value == math.inf else f"more than {LONGEST}" if value > LONGEST else number(value, 0)


PORTFOLIO_COLUMNS = (
    ("return", "net_return", share(1)),
    ("volatility", "volatility", share(1)),
    ("Sharpe", "sharpe", digits(2)),
    ("std. error", "sharpe_se", digits(2)),
    ("max. drawdown", "max_drawdown", share(1)),
    ("turnover a year", "turnover", digits(1)),
    ("cost a year", "cost", share(2)),
)
SLEEVE_COLUMNS = (
    ("share of wealth", "share", share(0)),
    ("return a year", "gross_return", share(2)),
    ("cost a year", "cost", share(2)),
    ("after costs", "net_return", share(2)),
    ("part of volatility", "volatility", share(2)),
    ("part of growth", "growth", digits(2)),
)
"""Each adds up over the sleeves of a portfolio."""
FORECAST_COLUMNS = (
    ("rank IC", "rank_ic", digits(3)),
    ("HAC t", "rank_ic_t", digits(1)),
    ("IC", "ic", digits(3)),
    ("dates with IC > 0", "hit_rate", share(0)),
    ("R2 against historical mean", "r2", share(2)),
    ("R2 in units of risk", "r2_target", share(2)),
    ("the same, uncalibrated", "r2_target_raw", share(2)),
    ("mean slope", "mean_slope", digits(2)),
)
RANKING_COLUMNS = (
    ("rank IC", "rank_ic", digits(3)),
    ("above 0, p", "rank_ic_p", chance),
    ("beyond any constant ranking", "timing_ic", digits(3)),
    ("above 0, p", "timing_ic_p", chance),
    ("against outcomes of other dates (permutation), p", "permutation_p", chance),
)
ACCURACY_COLUMNS = (
    ("Clark-West against the baseline, p", "clark_west_p", chance),
    ("Clark-West against historical means, p", "clark_west_history_p", chance),
    ("Diebold-Mariano against the baseline, p", "diebold_mariano_p", chance),
    ("slope before calibration", "raw_slope", digits(2)),
    ("std. error", "raw_slope_stderr", digits(2)),
    ("outcomes within 95 % intervals", "coverage_95", share(1)),
    ("signs right", "sign_accuracy", share(1)),
    ("Pesaran-Timmermann, p", "sign_accuracy_p", chance),
)
EVIDENCE_ROWS = (
    ("chance_p", "forecast better than chance, one-sided p", chance),
    ("timing_p", "forecast better than any that never changes, one-sided p", chance),
    ("permutation_p", "rank IC against outcomes of other dates (permutation test), one-sided p", chance),
    ("forecast_p", "is there skill? the larger of the first two p-values", chance),
    ("forecast_p_corrected", "the same, corrected for all configurations tried", chance),
    (
        "gain",
        "certainty equivalent gained over no forecast, a year, after costs",
        share(2),
    ),
    ("gain_stderr", "its standard error", share(2)),
    ("gain_low", "lower end of its 95 % interval", share(2)),
    ("gain_high", "upper end of its 95 % interval", share(2)),
    ("gain_p", "does it pay? one-sided p that the gain is above 0", chance),
    ("gain_p_corrected", "the same, corrected for all configurations tried", chance),
    ("gain_p_worse", "one-sided p that it is below 0", chance),
    ("verdict_p", "both? the larger of the two corrected p-values: below 5 % is skill that pays", chance),
    ("gain_years_judged", "years judged", digits(0)),
    ("gain_years_needed", "years that show a gain of this size with an even chance", years),
    ("gain_years_needed_80", "the same with a chance of 80 %", years),
    ("active_sharpe", "Sharpe ratio of what was earned above no forecast, a year", digits(2)),
    (
        "deflated_sharpe",
        "probability that it is not the luck of the best trial (deflated Sharpe)",
        share(0),
    ),
    (
        "minimum_track_record_years",
        "years needed to show it is above 0, at 95 %",
        digits(0),
    ),
    (
        "probabilistic_sharpe",
        "probability that the net Sharpe ratio is above 0",
        share(1),
    ),
    ("sharpe_stderr_normal", "its standard error a year for normal, independent returns (Lo)", digits(2)),
    ("sharpe_stderr_mertens", "with their skewness and fat tails (Mertens)", digits(2)),
    ("sharpe_stderr_hac", "with their autocorrelation too", digits(2)),
    (
        "spa_p",
        "best of all that was tried against 1/N: superior predictive ability, p",
        chance,
    ),
    ("reality_check_p", "the same by White's reality check", chance),
    (
        "overfitting_probability",
        "probability that choosing the best in the past chose below the median (PBO)",
        share(0),
    ),
)
"""Tests behind the verdict: key, description, and number format."""
TUNING_COLUMNS = (
    ("searches", "searches", digits(0)),
    ("trials", "trials", digits(0)),
    ("given up early", "pruned", digits(0)),
    ("seconds", "seconds", digits(1)),
    ("rank IC", "rank_ic", digits(3)),
    ("without tuning", "untuned_rank_ic", digits(3)),
    ("gain", "tuning_gain", digits(3)),
    ("std. error", "tuning_gain_stderr", digits(3)),
    ("p, one-sided", "tuning_gain_p", chance),
)
BENCHMARK_COLUMNS = (
    ("alpha a year", "alpha", share(2)),
    ("t", "alpha_t", digits(1)),
    ("beta", "beta", digits(2)),
    ("active return a year", "active_return", share(2)),
    ("tracking error", "tracking_error", share(1)),
    ("information ratio", "information_ratio", digits(2)),
    ("std. error", "information_ratio_stderr", digits(2)),
)
TRANSFER_COLUMNS = (
    ("transfer coefficient", "transfer_coefficient", digits(2)),
    ("at the last trade", "transfer_coefficient_last", digits(2)),
    ("expected active risk a year", "expected_active_risk", share(1)),
    ("effective bets", "effective_bets", digits(1)),
)
AGAINST_COLUMNS = (
    ("Sharpe difference", "sharpe_difference", digits(2)),
    ("std. error", "sharpe_difference_se", digits(2)),
    ("p, two-sided", "p_value", chance),
    ("mean difference a year", "mean_difference", share(2)),
    ("t", "mean_difference_t", digits(1)),
)

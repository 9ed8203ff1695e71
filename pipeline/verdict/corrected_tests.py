"""Tests behind the verdict, corrected for the number of trials: of the forecast, of its value, and against 1/N."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipeline.chains.ledger import Trials
from pipeline.stages.record import trial_id
from pipeline.verdict.trial import gain_of, monthly
from validation.portfolios.best_of_many import reality_check, stepm, superior_predictive_ability
from validation.portfolios.certainty_equivalent import certainty_equivalent_gain, length_to_show
from validation.portfolios.overfitting import probability_of_backtest_overfitting
from validation.portfolios.sharpe import (
    deflated_sharpe,
    estimate_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe,
)

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated


Tests = dict[str, float]
SIZE = 0.05
"""Size of the tests behind a verdict."""


def corrected(p: float, n: float) -> float:
    """Return the probability that the smallest of n independent p-values is at most p, after Šidák (1967)."""
    return -math.expm1(n * math.log1p(-p)) if 0 <= p < 1 else p


def _level(n: float) -> float:
    """Return the p-value that is SIZE after the correction for n trials."""
    return -math.expm1(math.log1p(-SIZE) / n)


def larger(p: float, q: float) -> float:
    """Return the larger of two p-values, NaN if either is NaN: it tests that both effects exist."""
    return math.nan if math.isnan(p) or math.isnan(q) else max(p, q)


def assess_forecast(done: Evaluated, looks: int) -> Tests:
    """Return the tests of the traded forecast: of its ranking if it is relative, else of its size.

    It has to beat chance and every constant forecast: a ranking by long-run means beats chance wherever the assets'
    means differ, and knows nothing of the next date. A tuning trial sees only training windows, so it cannot have been
    chosen for its luck on the judged dates.
    """
    config = done.trained.prepared.config
    metrics = done.scores[config.allocation.forecast].metrics
    # Two assets have no rank correlation.
    ranked = config.target.relative and math.isfinite(metrics["rank_ic_p"])
    chance, timing = (
        metrics[key]
        for key in (("rank_ic_p", "timing_ic_p") if ranked else ("clark_west_p", "timing_return_p"))
    )
    p = larger(chance, timing)
    return {
        "chance_p": chance,
        "timing_p": timing,
        "permutation_p": metrics["permutation_p"],
        "forecast_p": p,
        "forecast_p_corrected": corrected(p, looks),
    }


def assess_portfolio(done: Evaluated, trials: Trials) -> Tests:
    """Return the value of the forecast to the allocator, after costs."""
    prepared = done.trained.prepared
    year, gamma = prepared.panel.periods_per_year, prepared.config.allocation.risk_aversion
    mine, idle = done.results[done.forecasting], done.results["no_forecast"]
    a, b = mine.net - mine.cash_return, idle.net - idle.cash_return
    gain = certainty_equivalent_gain(a, b, gamma)
    seen, level = len(a) / year, _level(trials.looks)
    active, own = estimate_sharpe(a - b), estimate_sharpe(a)
    # The spread of the tried ratios shows how lucky the best of them may be. It is at least the error of one
    # ratio: similar trials, and those with unknown ratios, are treated as independent.
    ratios = [e["gain_sharpe"] for e in trials.distinct() if e["gain_sharpe"] is not None]
    monthly_ratios = np.array(ratios, dtype=np.float64) * math.sqrt(12 / year)
    spread = float(monthly_ratios.var(ddof=1)) if len(ratios) > 1 else 0.0
    variance = max(spread, 1 / max(active.n, 1))
    return {
        "gain": gain.gain * year,
        "gain_stderr": gain.stderr * year,
        "gain_low": gain.interval[0] * year,
        "gain_high": gain.interval[1] * year,
        "gain_p": gain.p_greater,
        "gain_p_corrected": corrected(gain.p_greater, trials.looks),
        "gain_p_worse": gain.p_less,
        "gain_years_judged": seen,
        "gain_years_needed": seen * length_to_show(gain, level, 0.5),
        "gain_years_needed_80": seen * length_to_show(gain, level, 0.8),
        "sharpe_stderr_normal": own.stderr_normal * math.sqrt(year),
        "sharpe_stderr_mertens": own.stderr_mertens * math.sqrt(year),
        "sharpe_stderr_hac": own.stderr_hac * math.sqrt(year),
        "probabilistic_sharpe": probabilistic_sharpe(own.ratio, 0.0, own.n, own.skewness, own.kurtosis),
        "active_sharpe": active.ratio * math.sqrt(year),
        "deflated_sharpe": deflated_sharpe(
            active.ratio,
            active.n,
            trials.count,
            variance,
            active.skewness,
            active.kurtosis,
            active.stderr_hac,
        ),
        "minimum_track_record_years": minimum_track_record_length(
            active.ratio, 0.0, active.skewness, active.kurtosis
        )
        / year,
    }


def compare_with_equal_weight(done: Evaluated, trials: Trials) -> tuple[Tests, tuple[str, ...]]:
    """Test all trials against 1/N: the models and strategies of this run, and the traded portfolios of other runs."""
    seed = done.trained.prepared.config.seed
    columns, models = _monthly_gains(done, trials)
    table = pd.DataFrame(columns)
    gains, nothing, names = table.to_numpy(), np.zeros(len(table)), list(columns)
    spa = superior_predictive_ability(gains, nothing, names, seed=seed)
    check = reality_check(gains, nothing, names, seed=seed)
    # Trials without available returns, mainly tuning trials, count as well.
    share = max(1.0, (models + trials.count - 1) / max(spa.tested, 1))
    overfitting = probability_of_backtest_overfitting(gains)
    tests = {
        "spa_p": corrected(spa.consistent, share),
        "reality_check_p": corrected(check.upper, share),
        "strategies_compared": float(spa.tested),
        "overfitting_probability": overfitting.probability,
    }
    return tests, stepm(gains, nothing, names, seed=seed).superior


def _monthly_gains(done: Evaluated, trials: Trials) -> tuple[dict[str, pd.Series[float]], int]:
    """Return monthly returns above 1/N, by portfolio, and the number of those that are of this run."""
    prepared = done.trained.prepared
    dates = prepared.panel.dates
    equal = monthly(done.results["equal_weight"], dates)
    columns = {
        name.removeprefix("model:"): monthly(result, dates) - equal
        for name, result in done.results.items()
        if name.startswith(("model:", "strategy:"))
    }
    own, mine = len(columns), trial_id(prepared.config, prepared.panel)
    for key, entry in trials.entries.items():
        other = gain_of(entry).reindex(equal.index)
        if key != mine and other.notna().all():
            columns[f"trial {key[:8]}"] = other
    return columns, own

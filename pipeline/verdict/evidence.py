"""Evidence: one verdict on a run, corrected for the number of trials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from foundation.threads import one_thread
from pipeline.chains.ledger import Trials
from pipeline.stages.record import trial_id
from pipeline.verdict.trial import gain_of, monthly
from validation.portfolios.best_of_many import reality_check, stepm, superior_predictive_ability
from validation.portfolios.certainty_equivalent import certainty_equivalent_gain
from validation.portfolios.overfitting import probability_of_backtest_overfitting
from validation.portfolios.sharpe import (
    deflated_sharpe,
    estimate_sharpe,
    minimum_track_record_length,
    probabilistic_sharpe,
)

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated

SIZE = 0.05
SKILL, UNPAID = "skill", "skill, not shown to pay"
NONE, WORSE = "no evidence of skill", "worse than the baseline"

Tests = dict[str, float]


@dataclass(frozen=True)
class Evidence:
    """A verdict and its grounds.

    Attributes
    ----------
    verdict : str
        - "skill": the forecast is better than chance, and its portfolio gains certainty equivalent after costs over
          the same allocator without a forecast. Both one-sided p-values, corrected for all trials, are below 5 %.
        - "skill, not shown to pay": only the forecast passes.
        - "worse than the baseline": the portfolio loses certainty equivalent, one-sided p below 5 %.
        - "no evidence of skill": none of these.
    reason : str
        Two or three sentences.
    trials : mapping
        Configurations and tuning trials counted, and unsealings of the holdout.
    tests : mapping of str to float
        Documented in docs/evidence.md.
    superior : tuple of str
        Models that step-wise testing finds better than 1/N.
    """

    verdict: str
    reason: str
    trials: Mapping[str, Any]
    tests: Mapping[str, float]
    superior: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the evidence for JSON."""
        return {
            "verdict": self.verdict,
            "reason": self.reason,
            "trials": dict(self.trials),
            "tests": dict(self.tests),
            "superior_to_equal_weight": list(self.superior),
        }


def _corrected(p: float, n: float) -> float:
    """Return the probability that the smallest of n independent p-values is at most p, after Šidák (1967)."""
    return -math.expm1(n * math.log1p(-p)) if 0 <= p < 1 else p


def judge(done: Evaluated, trials: Trials) -> Evidence:
    """Judge a run in view of all trials on its data or under its name.

    Parameters
    ----------
    done : Evaluated
    trials : Trials
        Including this run. For an unsealed holdout they are its unsealings, and the runs without the seal; other
        trials have not seen the holdout.
    """
    with one_thread():
        tests = _forecast(done, trials.looks) | _portfolio(done, trials)
        compared, superior = _contest(done, trials)
    tests |= compared
    tests["verdict_p"] = _larger(tests["forecast_p_corrected"], tests["gain_p_corrected"])
    verdict = _name_verdict(tests)
    counted = {
        "count": trials.count,
        "configurations": trials.configurations,
        "tunings": trials.tunings,
        "unsealings": [entry["at"] for entry in trials.unsealings],
    }
    return Evidence(verdict, _reason(verdict, tests, trials) + _traded(done), counted, tests, superior)


def _name_verdict(tests: Tests) -> str:
    """Return the verdict; a NaN p-value shows nothing."""
    if tests["gain_p_worse"] < SIZE:
        return WORSE
    if tests["verdict_p"] < SIZE:
        return SKILL
    return UNPAID if tests["forecast_p_corrected"] < SIZE else NONE


def _larger(p: float, q: float) -> float:
    """Return the larger of two p-values, NaN if either is NaN: it tests that both effects exist."""
    return math.nan if math.isnan(p) or math.isnan(q) else max(p, q)


def _forecast(done: Evaluated, looks: int) -> Tests:
    """Return the test of the traded forecast: of its ranking if it is relative, else of its squared error.

    A tuning trial sees only training windows, so it cannot have been chosen for its luck on the judged dates.
    """
    config = done.trained.prepared.config
    metrics = done.scores[config.allocation.forecast].metrics
    # Two assets have no rank correlation.
    ranked = config.target.relative and math.isfinite(metrics["rank_ic_p"])
    p = metrics["rank_ic_p"] if ranked else metrics["clark_west_p"]
    return {"forecast_p": p, "forecast_p_corrected": _corrected(p, looks)}


def _portfolio(done: Evaluated, trials: Trials) -> Tests:
    """Return the value of the forecast to the allocator, after costs."""
    prepared = done.trained.prepared
    year, gamma = prepared.panel.periods_per_year, prepared.config.allocation.risk_aversion
    mine, idle = done.results[done.forecasting], done.results["no_forecast"]
    a, b = mine.net - mine.cash_return, idle.net - idle.cash_return
    gain = certainty_equivalent_gain(a, b, gamma)
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
        "gain_p_corrected": _corrected(gain.p_greater, trials.looks),
        "gain_p_worse": gain.p_less,
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


def _contest(done: Evaluated, trials: Trials) -> tuple[Tests, tuple[str, ...]]:
    """Test all trials against 1/N: the models and strategies of this run, and the traded portfolios of other runs."""
    prepared = done.trained.prepared
    dates, seed = prepared.panel.dates, prepared.config.seed
    equal = monthly(done.results["equal_weight"], dates)
    columns = {
        name.removeprefix("model:"): monthly(result, dates) - equal
        for name, result in done.results.items()
        if name.startswith(("model:", "strategy:"))
    }
    models, mine = len(columns), trial_id(prepared.config, prepared.panel)
    for key, entry in trials.entries.items():
        other = gain_of(entry).reindex(equal.index)
        if key != mine and other.notna().all():
            columns[f"trial {key[:8]}"] = other
    table = pd.DataFrame(columns)
    gains, nothing, names = table.to_numpy(), np.zeros(len(table)), list(columns)
    spa = superior_predictive_ability(gains, nothing, names, seed=seed)
    check = reality_check(gains, nothing, names, seed=seed)
    # Trials without available returns, mainly tuning trials, count as well.
    share = max(1.0, (models + trials.count - 1) / max(spa.tested, 1))
    overfitting = probability_of_backtest_overfitting(gains)
    tests = {
        "spa_p": _corrected(spa.consistent, share),
        "reality_check_p": _corrected(check.upper, share),
        "strategies_compared": float(spa.tested),
        "overfitting_probability": overfitting.probability,
    }
    return tests, stepm(gains, nothing, names, seed=seed).superior


def _reason(verdict: str, tests: Tests, trials: Trials) -> str:
    """Describe the results of the two tests of the verdict."""
    p, looks = tests["forecast_p_corrected"], trials.looks
    one, many = (
        ("unsealing", "looks at the holdout")
        if trials.on_holdout
        else ("configuration tried", "configurations")
    )
    tried = f"the first {one}" if looks == 1 else f"corrected for {looks:,} {many}"
    forecast = "is better than chance" if p < SIZE else "cannot be distinguished from chance"
    ranks = f"The forecast {forecast} ({_p(p)}, {tried})."
    if not tests["gain"]:
        return f"{ranks} The allocator held the same with it as without."
    change = (
        f"{_percent(tests['gain'])} a year in certainty equivalent after costs, against the same allocator without a "
        f"forecast (95 % interval {_percent(tests['gain_low'])} to {_percent(tests['gain_high'])}, one-sided "
    )
    if verdict == WORSE:
        return f"{ranks} Its portfolio lost: {change}{_p(tests['gain_p_worse'])})."
    passed = tests["gain_p_corrected"] < SIZE
    paid = "Its portfolio gained" if passed else "Its portfolio is not shown to gain"
    alike = "" if looks == 1 else ", corrected for the same"
    return f"{ranks} {paid}: {change}{_p(tests['gain_p_corrected'])}{alike})."


def _traded(done: Evaluated) -> str:
    """Compare a traded strategy with 1/N; the verdict is on the forecast, which the strategy may not use."""
    if done.chosen == done.forecasting:
        return ""
    gap = done.comparisons[done.chosen]["equal_weight"]
    name = done.chosen.removeprefix("strategy:")
    return (
        f" That is the verdict on the forecast. Traded is the strategy {name}: Sharpe ratio "
        f"{gap['sharpe_difference']:+.2f} against 1/N ({_p(gap['p_value'])}, two-sided, one comparison)."
    )


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}" if math.isfinite(value) else "p unknown"


def _percent(value: float) -> str:
    return f"{100 * value:+.2f} %" if math.isfinite(value) else "unknown"

"""Verdicts, and the sentences that say why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pipeline.chains.ledger import Trials
from pipeline.verdict.corrected_tests import Tests

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated

SIZE = 0.05
"""Size of the tests behind a verdict."""
SKILL, UNPAID = "skill", "skill, not shown to pay"
NONE, WORSE = "no evidence of skill", "worse than the baseline"


def name_verdict(tests: Tests) -> str:
    """Return the verdict; a NaN p-value shows nothing."""
    if tests["gain_p_worse"] < SIZE:
        return WORSE
    if tests["verdict_p"] < SIZE:
        return SKILL
    return UNPAID if tests["forecast_p_corrected"] < SIZE else NONE


def describe_reason(verdict: str, tests: Tests, trials: Trials) -> str:
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
        return f"{ranks} The portfolio is the same with and without the forecast."
    change = (
        f"{_percent(tests['gain'])} a year in certainty equivalent after costs, against the same allocator without a "
        f"forecast (95 % interval {_percent(tests['gain_low'])} to {_percent(tests['gain_high'])}, one-sided "
    )
    if verdict == WORSE:
        return f"{ranks} Its portfolio lost: {change}{_p(tests['gain_p_worse'])} for a loss)."
    passed = tests["gain_p_corrected"] < SIZE
    paid = "Its portfolio gained" if passed else "Its portfolio is not shown to gain"
    alike = "" if looks == 1 else ", corrected for the same"
    return f"{ranks} {paid}: {change}{_p(tests['gain_p_corrected'])}{alike})."


def describe_traded(done: Evaluated) -> str:
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

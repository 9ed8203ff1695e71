"""Verdicts, and the sentences that say why."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from pipeline.chains.ledger import Trials
from pipeline.verdict.corrected_tests import SIZE, Tests, corrected

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated

PAYS, UNPAID = "skill that pays", "skill, not shown to pay"
NONE, WORSE = "no evidence of skill", "worse than the baseline"
MEANING = {
    PAYS: "There is skill, and it pays: trading on the forecast earned more than it cost.",
    UNPAID: "There is skill, but it is not shown that trading on it pays.",
    NONE: "Nothing here shows that the forecast has skill.",
    WORSE: "Trading on the forecast was worse than the same allocator without it.",
}
"""Each verdict in plain words."""
LONGEST = 200
"""Years; a longer time is put in words."""


def name_verdict(tests: Tests) -> str:
    """Return the verdict; a NaN p-value shows nothing."""
    if tests["gain_p_worse"] < SIZE:
        return WORSE
    if tests["verdict_p"] < SIZE:
        return PAYS
    return UNPAID if tests["forecast_p_corrected"] < SIZE else NONE


def describe_reason(verdict: str, tests: Tests, trials: Trials) -> str:
    """Describe the verdict in plain words, and the results of its two questions."""
    parts = [MEANING[verdict], _describe_skill(tests, trials), _describe_gain(verdict, tests, trials.looks)]
    if verdict == UNPAID and tests["gain"]:
        parts.append(_describe_years(tests))
    return " ".join(parts)


def _describe_skill(tests: Tests, trials: Trials) -> str:
    """Say whether the forecast beats chance, and whether it beats every constant forecast."""
    looks = trials.looks
    chance, timing = (corrected(tests[key], looks) for key in ("chance_p", "timing_p"))
    one, many = (
        ("unsealing", "looks at the holdout")
        if trials.on_holdout
        else ("configuration tried", "configurations")
    )
    tried = f"the first {one}" if looks == 1 else f"corrected for {looks:,} {many}"
    if not chance < SIZE:
        return f"The forecast cannot be distinguished from chance ({_p(chance)}, {tried})."
    if not timing < SIZE:
        return (
            f"The forecast is better than chance ({_p(chance)}, {tried}), but not shown to be better than a "
            f"forecast that never changes ({_p(timing)})."
        )
    return (
        f"The forecast is better than chance and than any forecast that never changes "
        f"({_p(tests['forecast_p_corrected'])}, {tried})."
    )


def _describe_gain(verdict: str, tests: Tests, looks: int) -> str:
    """Describe the gain of the portfolio, its interval and its p-value."""
    if not tests["gain"]:
        return "The portfolio is the same with and without the forecast."
    change = (
        f"{_percent(tests['gain'])} a year in certainty equivalent after costs, against the same allocator without a "
        f"forecast (95 % interval {_percent(tests['gain_low'])} to {_percent(tests['gain_high'])}, one-sided "
    )
    if verdict == WORSE:
        return f"Its portfolio lost: {change}{_p(tests['gain_p_worse'])} for a loss)."
    passed = tests["gain_p_corrected"] < SIZE
    paid = "Its portfolio gained" if passed else "Its portfolio is not shown to gain"
    alike = "" if looks == 1 else ", corrected for the same"
    return f"{paid}: {change}{_p(tests['gain_p_corrected'])}{alike})."


def _describe_years(tests: Tests) -> str:
    """Say how many years of data would show a gain of the observed size."""
    even, likely = tests["gain_years_needed"], tests["gain_years_needed_80"]
    seen = f"{tests['gain_years_judged']:,.0f} years were judged"
    if even == math.inf:
        return f"The measured gain is not above zero, so no number of years would show it ({seen})."
    if not math.isfinite(even):
        return f"It is unknown how many years of data would show a gain of this size ({seen})."
    if even > LONGEST:
        return f"To show a gain of this size would take more than {LONGEST} years of data ({seen})."
    more = f"more than {LONGEST}" if likely > LONGEST else f"{likely:,.0f}"
    return (
        f"To show a gain of this size takes {even:,.0f} years of data for an even chance and {more} for a chance of "
        f"80 % ({seen})."
    )


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

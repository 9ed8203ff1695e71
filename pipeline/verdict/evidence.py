"""Evidence: one verdict on a run, corrected for the number of trials."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foundation.threads import one_thread
from pipeline.chains.ledger import Trials
from pipeline.verdict.corrected_tests import (
    Tests,
    assess_forecast,
    assess_portfolio,
    compare_with_equal_weight,
)

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated

SIZE = 0.05
SKILL, UNPAID = "skill", "skill, not shown to pay"
NONE, WORSE = "no evidence of skill", "worse than the baseline"


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
        tests = assess_forecast(done, trials.looks) | assess_portfolio(done, trials)
        compared, superior = compare_with_equal_weight(done, trials)
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

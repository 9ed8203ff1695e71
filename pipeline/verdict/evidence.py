"""Evidence: one verdict on a run, corrected for the number of trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foundation.threads import one_thread
from pipeline.chains.ledger import Trials
from pipeline.verdict.corrected_tests import (
    assess_forecast,
    assess_portfolio,
    compare_with_equal_weight,
    larger,
)
from pipeline.verdict.reasons import describe_reason, describe_traded, name_verdict

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated


@dataclass(frozen=True)
class Evidence:
    """A verdict and its grounds.

    Attributes
    ----------
    verdict : str
        - "skill that pays": the forecast is better than chance and than any constant ranking, and its portfolio
          gains certainty equivalent after costs over the same allocator without a forecast. All one-sided p-values,
          corrected for all trials, are below 5 %.
        - "skill, not shown to pay": only the forecast passes.
        - "worse than the baseline": the portfolio loses certainty equivalent, one-sided p below 5 %.
        - "no evidence of skill": none of these.
    reason : str
        Some sentences, of which the first says in plain words what the verdict means.
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
    tests["verdict_p"] = larger(tests["forecast_p_corrected"], tests["gain_p_corrected"])
    verdict = name_verdict(tests)
    counted = {
        "count": trials.count,
        "configurations": trials.configurations,
        "tunings": trials.tunings,
        "unsealings": [entry["at"] for entry in trials.unsealings],
    }
    return Evidence(
        verdict, describe_reason(verdict, tests, trials) + describe_traded(done), counted, tests, superior
    )

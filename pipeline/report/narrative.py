"""Narrative: the result of a run in sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.config import BASELINES
from pipeline.report.formats import label, number, p_value, percent
from pipeline.stages.results import Evaluated
from pipeline.verdict.evidence import Evidence


def best_baseline(performance: Mapping[str, Mapping[str, float]]) -> str:
    """Return the baseline with the highest net Sharpe ratio; the first if none has one."""
    ratios = [performance[name]["sharpe"] for name in BASELINES]
    return BASELINES[int(np.nanargmax(ratios))] if np.isfinite(ratios).any() else BASELINES[0]


def describe_run(done: Evaluated, evidence: Evidence) -> str:
    """Describe the verdict, the result of the traded portfolio, its gain, and the confidence in it."""
    config = done.trained.prepared.config
    panel, start = done.trained.prepared.panel, done.trained.prepared.schedule.decisions[0]
    mine, base = done.performance[done.chosen], best_baseline(done.performance)
    difference = done.comparisons[done.chosen][base]
    gap, p = difference["sharpe_difference"], difference["p_value"]
    verb = "cannot be distinguished from"
    if p < 0.05:
        verb = "beat" if gap > 0 else "fell short of"
    lines = [
        f"The {_traded(done)} {verb} the best baseline, {label(base)}: "
        f"net Sharpe ratio {number(mine['sharpe'])} (standard error {number(mine['sharpe_se'])}) against "
        f"{number(done.performance[base]['sharpe'])}, a difference of {number(gap)} ({p_value(p)}, two-sided, "
        "not corrected for the number of trials)." + _without_forecast(done),
        _accuracy(done.scores[config.allocation.forecast].metrics),
        f"Out of sample from {panel.dates[start]:%Y-%m} to {panel.dates[-1]:%Y-%m}, costs "
        f"{1e4 * config.cost_rate:.0f} basis points of each amount traded"
        + (f" and {config.impact_rate:g} times its square" if config.impact_rate else "")
        + "; turnover "
        f"{number(mine['turnover'], 1)} a year.",
    ]
    lines += [*_fallbacks(done), *_closures(done)]
    return "\n\n".join([f"Verdict: {evidence.verdict}. {evidence.reason}", *lines, *panel.notes])


def _accuracy(metrics: Mapping[str, float]) -> str:
    """Describe the accuracy of the traded forecast."""
    return (
        f"Its forecast ranked assets with a mean rank IC of {number(metrics['rank_ic'], 3)} "
        f"(HAC t {number(metrics['rank_ic_t'], 1)}); out-of-sample R2 against each asset's historical mean "
        f"{percent(metrics['r2'], 2)}. The last calibration slope was {number(metrics['last_slope'])}: that share of "
        "the raw forecast is traded."
    )


def _traded(done: Evaluated) -> str:
    settings = done.trained.prepared.config.allocation
    if settings.strategy is None:
        return f"portfolio on the forecasts of {settings.forecast}"
    return f"strategy {settings.strategy}"


def _fallbacks(done: Evaluated) -> list[str]:
    """Describe for each portfolio how often its limits could not be met, and the fallback."""
    descriptions = []
    for name, m in done.performance.items():
        counts = (
            (m["relaxed"], "a limit gave way"),
            (m["held"], "nothing was traded as limits could not be met"),
        )
        parts = [
            f"{what} at {count:.0f} decision{'s' if count > 1 else ''}" for count, what in counts if count
        ]
        if parts:
            descriptions.append(f"{label(name)}: {', '.join(parts)}")
    return [f"Limits that could not be kept: {'; '.join(descriptions)}."] if descriptions else []


def _closures(done: Evaluated) -> list[str]:
    """Describe how often the traded portfolio could not trade an asset because its market was closed."""
    count = int(done.performance[done.chosen]["closed"])
    if not count:
        return []
    return [
        f"At {count} decision{'s' if count > 1 else ''} of the {_traded(done)}, an asset was not traded because its "
        "market was closed: it kept its weight."
    ]


def _without_forecast(done: Evaluated) -> str:
    """Describe the result of the same allocator without a forecast; the difference is the value of the forecast."""
    difference = done.comparisons[done.forecasting]["no_forecast"]
    mine = ""
    if done.chosen != done.forecasting:
        reached = number(done.performance[done.forecasting]["sharpe"])
        mine = f" The portfolio on the forecasts, which is not traded, reached {reached}."
    return (
        f"{mine} The same allocator without any forecast reached "
        f"{number(done.performance['no_forecast']['sharpe'])}; against it the forecasts changed the Sharpe "
        f"ratio by {number(difference['sharpe_difference'])} ({p_value(difference['p_value'])})."
    )

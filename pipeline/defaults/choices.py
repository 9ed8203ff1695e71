"""Choices: the settings that follow from frequency, span and assets of the data, each with its reason.

A choice looks at dates, and at which assets are listed, never at a return.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from foundation.counts import format_count
from market.frequency import nearest_frequency
from market.panel import Panel
from pipeline.defaults.plan import WEEKLY, Plan, plan_span
from pipeline.defaults.tiers import Tier


@dataclass(frozen=True)
class Choice:
    """A setting that the configuration left open.

    Attributes
    ----------
    key : str
        Dotted path.
    value : object
        In types of YAML.
    reason : str
    """

    key: str
    value: Any
    reason: str


MOMENTUM = "momentum_12_1_z"
"""The only feature of the third member of the combination (Jegadeesh and Titman, 1993)."""
COST_RATE = 0.001


def choose_settings(panel: Panel, content: Mapping[str, Any], source: str) -> tuple[list[Choice], str]:
    """Return all settings that depend on the data, given or not, and the facts that they follow from.

    Parameters
    ----------
    panel : Panel
    content : mapping
        The configuration as far as it is written: choices fit the settings that it gives.
    source : str
        What to call the data in messages.

    Raises
    ------
    ConfigError
        If the span is too short.
    """
    plan = plan_span(panel, content, source)
    chosen = [*_choose_target(panel, plan), *_choose_walk(panel, plan), *_choose_rest(panel, plan, content)]
    return chosen, _describe_span(panel, plan.tier)


def _describe_span(panel: Panel, tier: Tier) -> str:
    """Return the facts that the choices follow from, in one line."""
    frequency = nearest_frequency(panel.periods_per_year).name  # "daily, weekends too"
    years = (panel.dates[-1] - panel.dates[0]).days / 365.25
    assets = format_count(len(panel.assets), "asset")
    name, _, days = frequency.partition(", ")
    return f"{name} data{f' ({days})' if days else ''}, {years:.1f} years, {assets} ({tier.name} span)"


def _choose_target(panel: Panel, plan: Plan) -> list[Choice]:
    year = panel.periods_per_year
    slow = year < WEEKLY
    lag = (
        "monthly steps trade at their close" if slow else "a trade cannot happen at the close that decides it"
    )
    window = 2 * year if slow else year // 2
    chosen = [
        Choice("target.horizon", plan.horizon, "a month, or one step of slower data"),
        Choice("target.execution_lag", plan.lag, lag),
        Choice("target.risk_window", window, "two years" if slow else "half a year"),
    ]
    if len(panel.assets) == 1:
        chosen.append(Choice("target.relative", False, "one asset has no others to be compared with"))
    return chosen


def _choose_walk(panel: Panel, plan: Plan) -> list[Choice]:
    year, tier = panel.periods_per_year, plan.tier
    waited = (
        f"{tier.features} months of history for features, and {plan.training_months:.0f} months of training"
    )
    chosen = [
        Choice("walk_forward.first_test", plan.date(plan.first_test), waited),
        Choice("walk_forward.refit_every", year, "a year"),
        Choice(
            "walk_forward.train_every",
            plan.train_every,
            "labels overlap" if plan.train_every > 1 else "each date",
        ),
        Choice("regimes.min_train", plan.regimes, f"{tier.regimes} months, and at least 8 dates per state"),
        Choice("regimes.features", list(plan.regime_features), "market features that the span allows"),
    ]
    if plan.excluded:
        why = f"they look back more than {tier.features} months, too far for this span"
        chosen.append(Choice("features.exclude", list(plan.excluded), why))
    return chosen


def _choose_rest(panel: Panel, plan: Plan, content: Mapping[str, Any]) -> list[Choice]:
    year, tier = panel.periods_per_year, plan.tier
    slow = year < WEEKLY
    window = max(2, round(tier.covariance * year / 12)) if slow else 2 * year
    history = max(2, round(tier.history * year / 12)) if slow else year
    own = _choose_models(panel, plan)
    models = content.get("models") or own.value
    alone = [Choice("allocation.cash_maximum", 1.0, "beside one asset there is only cash to hold")]
    return [
        *(alone if len(panel.assets) == 1 else []),
        own,
        Choice("allocation.forecast", _traded_model(models), "the combination, if there is one"),
        Choice("allocation.rebalance_every", plan.horizon, "the horizon"),
        Choice("allocation.covariance_window", window, format_count(round(window * 12 / year), "month")),
        Choice("allocation.min_history", history, format_count(round(history * 12 / year), "month")),
        Choice("cost_rate", COST_RATE, "10 basis points of each amount traded"),
        Choice(
            "evaluation.start",
            plan.date(plan.start),
            f"{plan.calibration_months:.0f} months after the first test date, whose forecasts feed the calibration",
        ),
    ]


def _choose_models(panel: Panel, plan: Plan) -> Choice:
    """Return the models of a configuration that names none: with momentum if two assets have it while training."""
    members: dict[str, Any] = {"ridge": {"kind": "ridge"}, "lightgbm": {"kind": "lightgbm"}}
    why = "a baseline, a linear model, trees, and the mean of the last two"
    if MOMENTUM in plan.columns and _has_two_assets(panel, plan.first_test):
        members["momentum"] = {"kind": "univariate", "features": [MOMENTUM]}
        why = "a baseline, a linear model, trees, momentum, and the mean of the last three"
    combination = {"kind": "combination", "members": list(members)}
    return Choice("models", {"mean": {"kind": "mean"}, **members, "combination": combination}, why)


def _has_two_assets(panel: Panel, before: int) -> bool:
    """Whether two assets have a year of returns at some date before a row, so that one can be above the other."""
    listed = panel.listed[:before]
    old = listed & panel.holdable[:before] & (np.cumsum(listed, axis=0) > panel.periods_per_year)
    return bool((old.sum(axis=1) > 1).any())


def _traded_model(models: Any) -> str:
    """Return the model to trade: the first combination, else the first that learns, else the first."""
    if not isinstance(models, Mapping) or not models:
        return ""
    kinds = {name: each.get("kind") if isinstance(each, Mapping) else None for name, each in models.items()}
    combined = [name for name, kind in kinds.items() if kind == "combination"]
    learning = [name for name, kind in kinds.items() if kind not in ("zero", "mean")]
    return str([*combined, *learning, *kinds][0])

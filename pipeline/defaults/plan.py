"""Plan: the rows at which tests and judged dates begin, and what they leave to features and training."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from foundation.counts import format_count
from market.panel import Panel
from pipeline.defaults.minimum_training import minimum_regime_dates, minimum_training
from pipeline.defaults.tiers import TIERS, Tier, choose_tier
from pipeline.errors import ConfigError
from pipeline.settings.data import DataSection
from pipeline.settings.stages import FeaturesSection, RegimesSection

_JUDGED = 6
"""Months that must be left to judge."""
_DAILY = 200
"""Observations in a year from which each fifth date is trained on: labels of a month overlap."""
_CORRELATION = "average_correlation_12"
WEEKLY = 52
"""Observations in a year from which a trade waits for the next close, and windows are counted in years."""


@dataclass(frozen=True, eq=False)
class Plan:
    """How a span is used; rows are those of the panel.

    Attributes
    ----------
    dates : DatetimeIndex of length T
    month : float
        Rows of a month.
    tier : Tier
    horizon, lag, train_every : int
        As the configuration gives them, or chosen.
    warm : int
        Row from which all features have values.
    first_test, start : int
        Rows of the first test date and of the first judged date.
    regimes : int
        Rows before the first fit of the regimes.
    columns, regime_features, excluded : tuple of str
        Features that are built, those of the regimes, and those that are excluded as too slow.
    """

    dates: pd.DatetimeIndex
    month: float
    tier: Tier
    horizon: int
    lag: int
    train_every: int
    warm: int
    first_test: int
    start: int
    regimes: int
    columns: tuple[str, ...]
    regime_features: tuple[str, ...]
    excluded: tuple[str, ...]

    def date(self, row: int) -> date:
        """Return the date of a row."""
        found: date = self.dates[row].date()
        return found

    @property
    def training_months(self) -> float:
        """Months between the features' history and the first test date."""
        return (self.first_test - self.warm) / self.month

    @property
    def calibration_months(self) -> float:
        """Months between the first test date and the first judged one."""
        return (self.start - self.first_test) / self.month


def plan_span(panel: Panel, content: Mapping[str, Any], source: str) -> Plan:
    """Return the plan of the longest tier that fits the span.

    Parameters
    ----------
    panel : Panel
    content : mapping
        The configuration as far as it is written; what it gives is kept.
    source : str
        What to call the data in messages.

    Raises
    ------
    ConfigError
        If no tier fits, with the first date that works, or a date that is given lies after the last row.
    """
    given = _Given(content)
    _refuse_late(panel, given, source)
    months = len(panel.dates) * 12 / panel.periods_per_year
    for tier in TIERS[TIERS.index(choose_tier(months)) :]:
        plan, needed = _try_tier(panel, given, tier)
        if plan is not None:
            return plan
    raise ConfigError(_explain_short(panel, source, needed))


class _Given:
    """What a configuration gives, by dotted path."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.content = content

    def __call__(self, key: str, default: Any = None) -> Any:
        found: Any = self.content
        for part in key.split("."):
            found = found.get(part) if isinstance(found, Mapping) else None
        return default if found is None else found

    def row(self, key: str, panel: Panel) -> int | None:
        """Return the row of a date, None if it is not given."""
        text = self(key)
        return None if text is None else int(panel.dates.searchsorted(pd.Timestamp(str(text))))


def _refuse_late(panel: Panel, given: _Given, source: str) -> None:
    """Raise if a date that the configuration gives lies after the last row."""
    for key in ("walk_forward.first_test", "evaluation.start"):
        if given.row(key, panel) == len(panel.dates):
            raise ConfigError(
                f"{key} is {given(key)}, after the last date of {source}, {panel.dates[-1]:%Y-%m-%d}; give an"
                " earlier date, or leave it out, and it follows from the data"
            )


def _try_tier(panel: Panel, given: _Given, tier: Tier) -> tuple[Plan | None, int]:
    """Return the plan of a tier, None if the span is too short for it, and the rows that it needs."""
    year, month = panel.periods_per_year, panel.periods_per_year / 12
    horizon = int(given("target.horizon", max(1, round(month))))
    lag = int(given("target.execution_lag", 1 if year >= WEEKLY else 0))
    every = int(
        given("walk_forward.train_every", 5 if year > _DAILY and "walk_forward" not in given.content else 1)
    )
    columns, warm, excluded = _choose_features(panel, given, tier)
    states = int(given("regimes.states", RegimesSection.model_fields["states"].default))
    risk_window = int(given("target.risk_window", 2 * year if year < WEEKLY else year // 2))
    amount = minimum_training(len(columns) + states + 1, horizon, every)
    amount = (
        int(given("walk_forward.min_train_dates", amount[0])),
        int(given("walk_forward.min_train_rows", amount[1])),
    )
    trained = _find_trained(panel, max(warm, risk_window), every, amount)
    ends = trained + lag + horizon + 1 + int(given("walk_forward.embargo", 0))
    chosen = max(ends, warm + _rows(tier.training, year))
    start = given.row("evaluation.start", panel)
    first_test = given.row("walk_forward.first_test", panel)
    if first_test is None:
        first_test = chosen if start is None else max(ends, min(chosen, start))
    if start is None:
        start = first_test + _rows(tier.calibration, year)
    wanted = given("regimes.features", RegimesSection.model_fields["features"].default)
    features = tuple(wanted) if given("regimes.features") else _usable(wanted, columns, panel)
    kind, covariance = given("regimes.kind", "kmeans"), given("regimes.covariance")
    least = minimum_regime_dates(states, max(1, len(features)), kind, covariance)
    regimes = max(_rows(tier.regimes, year), least)
    needed = max(start + _rows(_JUDGED, year) + lag, warm + int(given("regimes.min_train", regimes))) + 2
    plan = Plan(
        dates=panel.dates,
        month=month,
        tier=tier,
        horizon=horizon,
        lag=lag,
        train_every=every,
        warm=warm,
        first_test=first_test,
        start=start,
        regimes=regimes,
        columns=columns,
        regime_features=features,
        excluded=excluded,
    )
    return (plan if needed <= len(panel.dates) else None), needed


def _choose_features(panel: Panel, given: _Given, tier: Tier) -> tuple[tuple[str, ...], int, tuple[str, ...]]:
    """Return the columns of the features, the row from which all have values, and which are excluded as too slow."""
    from features.engine.resolution import make_recipe
    from pipeline.own_data.features import feature_specs

    section = FeaturesSection.model_validate(given("features", {}))
    specs, own = feature_specs(panel, DataSection.model_validate(given("data", {})))
    include, exclude = (*section.include, *own), section.exclude
    recipe = make_recipe(panel, include, exclude, specs)
    warm = {step.name: step.warm for step in recipe.steps if step.column >= 0}
    slow: tuple[str, ...] = ()
    if "features" not in given.content:
        slow = tuple(
            name
            for name in recipe.columns
            if warm[name] > tier.features * panel.periods_per_year / 12 and name not in own
        )
        recipe = make_recipe(panel, include, slow, specs)
        warm = {step.name: step.warm for step in recipe.steps if step.column >= 0}
    return recipe.columns, max(warm.values()), slow


def _usable(names: Sequence[str], columns: Sequence[str], panel: Panel) -> tuple[str, ...]:
    """Return the regime features that have values: one asset has no correlation with others."""
    lone = len(panel.assets) == 1
    return tuple(name for name in names if name in columns and not (lone and name == _CORRELATION))


def _find_trained(panel: Panel, first: int, every: int, amount: tuple[int, int]) -> int:
    """Return the row up to which training dates hold enough dates and rows; beyond the panel if none does."""
    listed = panel.listed & panel.holdable
    usable = (listed & (np.cumsum(listed, axis=0) > first // 2)).sum(axis=1)
    rows = np.arange(first, len(panel.dates), every)
    counts = usable[rows]
    enough = (np.cumsum(counts > 0) >= amount[0]) & (np.cumsum(counts) >= amount[1])
    if enough.any():
        return int(rows[np.argmax(enough)])
    # What is missing takes as many dates as a typical date of the last ones gives rows.
    typical = max(1.0, float(listed[-12:].sum(axis=1).mean()))
    more = max(amount[0] - int((counts > 0).sum()), math.ceil((amount[1] - int(counts.sum())) / typical))
    return max(len(panel.dates), first) + more * every


def _rows(months: float, year: int) -> int:
    return math.ceil(months * year / 12)


def _explain_short(panel: Panel, source: str, needed: int) -> str:
    """Return the refusal of a span that is too short, with the first date that works."""
    dates, year = panel.dates, panel.periods_per_year
    works = dates[-1] + pd.Timedelta(days=round((needed - len(dates)) * 365.25 / year))
    return (
        f"{source}: {format_count(len(dates), 'date')}, {dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}: without dates in "
        f"the configuration {needed} are needed, for features, training, calibration and half a year to judge. The "
        f"first date that works is about {works:%Y-%m-%d}. Use a longer file, or set walk_forward.first_test, "
        "evaluation.start and features.include yourself"
    )

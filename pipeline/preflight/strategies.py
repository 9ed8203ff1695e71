"""Strategies: check before any fit that each can keep the limits of the run at every decision."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.policies.policy import BuyAndHold, EqualWeight, Policy
from foundation.suggestions import suggest
from foundation.types import Bools
from market.panel import Panel
from pipeline.config import RunConfig
from pipeline.errors import RunError
from pipeline.stages.schedule import Schedule
from pipeline.strategies.builder import StrategyBuilder
from pipeline.strategies.preflight import StrategyPreflight
from pipeline.strategies.universe_check import UniverseCheck

Universes = Sequence[tuple[int, Bools]]


def check_strategies(
    panel: Panel, schedule: Schedule, config: RunConfig, check: UniverseCheck, universes: Universes
) -> None:
    """Refuse strategies that cannot keep a limit of the run at some decision.

    Raises
    ------
    RunError
        Names the strategy, the date and the limit.
    """
    preflight = StrategyPreflight(_make_builder(panel, schedule, config, universes), check, universes)
    for name, section in config.strategies.items():
        section.check(name, preflight)


def check_assets(panel: Panel, config: RunConfig) -> None:
    """Refuse strategies that name assets missing in the data.

    Raises
    ------
    RunError
        Names the key and the asset.
    """
    for name, section in config.strategies.items():
        for key, assets in section.assets_named():
            for asset in assets:
                if asset not in panel.assets:
                    raise RunError(
                        f"strategies.{name}.{key}: {asset!r} is no asset of the data"
                        f"{suggest(asset, panel.assets)}"
                    )


def _make_builder(
    panel: Panel, schedule: Schedule, config: RunConfig, universes: Universes
) -> StrategyBuilder:
    """Return a builder with the eligible assets of each decision, but no covariance, forecast or regime."""
    rows = np.array([position for position, _ in universes], dtype=np.int64)
    unknown = np.empty((len(rows), 0, 0))
    path = CovariancePath(rows, unknown, np.array([universe for _, universe in universes]))
    baselines: dict[str, Policy] = {"equal_weight": EqualWeight(path), "buy_and_hold": BuyAndHold(path)}
    return StrategyBuilder(
        panel=panel,
        decisions=schedule.decisions,
        labels=schedule.labels,
        forecasts={},
        covariances=path,
        regimes=None,
        settings=config.trading_settings(),
        strategies=config.strategies,
        policies=baselines,
    )

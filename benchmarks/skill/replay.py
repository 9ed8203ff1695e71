"""Replay: one policy variant on one panel, from stored forecasts to measures."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from allocation.policies.policy import Policy
from backtest.result import BacktestResult
from benchmarks.skill.measures import (
    information_ratio,
    mean_transfer,
    measure_gain,
    trading_measures,
)
from benchmarks.skill.panels import load_trained
from benchmarks.skill.sources import MissingDataError
from benchmarks.skill.stage_cache import RESULTS
from foundation.threads import one_thread
from foundation.types import Floats
from models.forecast import Forecast
from pipeline.errors import USER_ERRORS, ConfigError
from pipeline.stages import trading
from pipeline.stages.results import Trained
from pipeline.strategies.allocators import RunAllocators

BASELINES = ("no_forecast", "equal_weight")
_ARGUMENT = "policy."
"""Prefix of the settings that an experiment takes as keyword arguments."""
MakePolicy = Callable[..., Policy]
"""An experiment: a policy from what was trained (Trained), one Forecast, and keyword arguments. It is called with the
named forecast, and with the one of `without_forecast`, whose result is the experiment's own `no_forecast`."""


@dataclass(frozen=True)
class Variant:
    """A way of trading that is tried on all panels.

    Attributes
    ----------
    name : str
    settings : mapping of dotted path to value
        Settings that differ from each panel's own; "3/N" is a multiple of 1/N. Those that begin with "policy." are
        keyword arguments of the experiment.
    policy : str, optional
        `package.module:function` of an experiment, a `MakePolicy`.
    """

    name: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    policy: str | None = None

    @property
    def run_settings(self) -> dict[str, Any]:
        """Settings of the configuration."""
        return {key: value for key, value in self.settings.items() if not key.startswith(_ARGUMENT)}

    @property
    def arguments(self) -> dict[str, Any]:
        """Keyword arguments of the experiment."""
        start = len(_ARGUMENT)
        return {key[start:]: value for key, value in self.settings.items() if key.startswith(_ARGUMENT)}


@dataclass(frozen=True, eq=False)
class Outcome:
    """Result of a variant with one forecast on one panel.

    Attributes
    ----------
    panel, forecast : str
    failure : str
        Why there is no result; "" if there is one.
    measures : mapping of str to float
        Per year: `gain`, `gain_equal_weight`, `information_ratio`, `turnover`, `cost`, `sharpe`, `sharpe_no_forecast`;
        `t`, `t_equal_weight` and `p_less` of the gains; `transfer`.
    influence : mapping of baseline to Series
        Gain of each date over it.
    """

    panel: str
    forecast: str
    failure: str = ""
    measures: Mapping[str, float] = field(default_factory=dict)
    influence: Mapping[str, pd.Series] = field(default_factory=dict)


def replay_panel(
    panel: str, variant: Variant, forecasts: tuple[str, ...], folder: Path = RESULTS
) -> list[Outcome] | str:
    """Return the outcome with each forecast, or why the panel was skipped.

    A mistake in a setting and a portfolio that cannot be decided are failures, and are recorded as such.
    """
    outcomes = []
    for forecast in forecasts:
        settings = {**variant.run_settings, "allocation.forecast": forecast}
        try:
            trained = load_trained(panel, settings, folder)
            with one_thread():
                measures, influence = _measure(trained, forecast, variant)
        except MissingDataError as error:
            return str(error)
        except USER_ERRORS as error:
            outcomes.append(Outcome(panel, forecast, failure=str(error)))
            continue
        outcomes.append(Outcome(panel, forecast, "", measures, influence))
    return outcomes


def _measure(
    trained: Trained, forecast: str, variant: Variant
) -> tuple[dict[str, float], dict[str, pd.Series]]:
    """Simulate the variant and its baselines, and measure them."""
    prepared = trained.prepared
    config, panel, decisions = prepared.config, prepared.panel, prepared.schedule.decisions
    year, aversion = panel.periods_per_year, config.allocation.risk_aversion
    results = simulate_variant(trained, forecast, variant)
    traded = results["traded"]
    gains = {base: measure_gain(traded, results[base], aversion, year) for base in BASELINES}
    first, equal = gains["no_forecast"], gains["equal_weight"]
    a = config.allocation
    alpha = _alpha(trained, trained.forecasts[forecast])
    transfer = mean_transfer(
        (traded, results["no_forecast"]),
        alpha,
        decisions,
        trained.covariances,
        config.target.execution_lag,
        fully_invested=a.cash_minimum == a.cash_maximum,
    )
    measures = {
        "gain": first.gain,
        "t": first.t,
        "p_less": first.p_less,
        "gain_equal_weight": equal.gain,
        "t_equal_weight": equal.t,
        "information_ratio": information_ratio(traded, results["no_forecast"], year),
        "transfer": transfer,
        **trading_measures(traded, year),
        "sharpe_no_forecast": trading_measures(results["no_forecast"], year)["sharpe"],
    }
    dates = panel.dates[traded.positions]
    return measures, {base: pd.Series(gain.influence, dates) for base, gain in gains.items()}


def simulate_variant(trained: Trained, forecast: str, variant: Variant) -> dict[str, BacktestResult]:
    """Return the simulations `traded`, `no_forecast` and `equal_weight` of a variant."""
    prepared = trained.prepared
    panel, schedule, config = prepared.panel, prepared.schedule, prepared.config
    policies = trading.make_policies(
        panel, schedule, trained.forecasts, trained.covariances, trained.regimes, config
    )
    chosen = {"traded": policies[config.traded], **{base: policies[base] for base in BASELINES}}
    if variant.policy is not None:
        make = partial(find_policy(variant.policy), **variant.arguments)
        own = trained.forecasts[forecast]
        chosen["traded"] = _keep_tradable(make(trained, own), trained)
        chosen["no_forecast"] = _keep_tradable(make(trained, without_forecast(trained, own)), trained)
    return {name: trading.backtest(name, policy, panel, schedule, config) for name, policy in chosen.items()}


def without_forecast(trained: Trained, like: Forecast) -> Forecast:
    """Return what is expected without a forecast at the dates of one, as a forecast: no slope and no error."""
    mean = _baseline(trained)[like.positions]
    nothing = np.where(np.isfinite(mean), 0.0, np.nan)
    zeros = np.zeros(len(like.positions))
    return Forecast("no_forecast", like.positions, like.horizon, mean, nothing, nothing, zeros, zeros)


def find_policy(place: str) -> MakePolicy:
    """Return a function by its place, `package.module:function`.

    Raises
    ------
    ConfigError
        If there is none.
    """
    module, _, name = place.partition(":")
    try:
        found: MakePolicy = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigError(f"{place}: expected package.module:function of a policy: {error}") from error
    return found


def _baseline(trained: Trained) -> Floats:
    prepared = trained.prepared
    return prepared.schedule.baseline(prepared.config.calibration.own_mean_weight)


def _alpha(trained: Trained, forecast: Forecast) -> Floats:
    """Return the forecast less what is expected without it, at each decision, shape (D, N)."""
    decisions = trained.prepared.schedule.decisions
    forecast = forecast.carry_forward(trained.prepared.panel.closed)
    places = forecast.positions.searchsorted(decisions)
    return np.asarray(forecast.mean[places] - _baseline(trained)[decisions])


def _keep_tradable(policy: Policy, trained: Trained) -> Policy:
    """Return an experiment's policy with the rules that bind every portfolio of a run."""
    prepared = trained.prepared
    allocators = RunAllocators(prepared.panel, prepared.config.trading_settings())
    return trading.keep_tradable(allocators.hold_if_infeasible(policy), prepared.panel, trained.covariances)

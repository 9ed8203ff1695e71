"""Forecasting: the champion's forecasts and target weights as of a date."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.console import Console

from allocation.covariance.path import CovariancePath
from allocation.policies.policy import Policy
from allocation.policies.portfolio_state import PortfolioState
from allocation.weights import Weights
from backtest.costs import TradingCost
from backtest.result import BacktestResult
from foundation.threads import one_thread
from foundation.types import Floats
from models.regimes.path import RegimePath
from operations.champion.candidate import Candidate
from operations.champion.decisions import Decisions
from operations.champion.holdings import Holdings
from operations.champion.holdings_check import match_holdings
from operations.champion.retraining import unsealed
from operations.champion.share_counts import value_shares
from operations.data.updating import versions_of
from operations.errors import OperationsError
from pipeline.config import RunConfig
from pipeline.progress import Reporter
from pipeline.runner.pipeline import Pipeline
from pipeline.stages import trading
from pipeline.stages.loading import load_data
from pipeline.stages.results import Prepared
from pipeline.store import Store


@dataclass(frozen=True, eq=False)
class Situation:
    """The champion, and its inputs as of a date.

    Attributes
    ----------
    champion : Candidate
    since : datetime
        When it became champion.
    prepared : Prepared
    regimes : RegimePath
    covariances : CovariancePath
    """

    champion: Candidate
    since: dt.datetime
    prepared: Prepared
    regimes: RegimePath
    covariances: CovariancePath

    @property
    def row(self) -> int:
        """Last row of the panel, at which forecasts are made."""
        return len(self.prepared.panel.dates) - 1

    @property
    def date(self) -> pd.Timestamp:
        """Date of the forecasts: the last known close."""
        return self.prepared.panel.dates[self.row]


@dataclass(frozen=True, eq=False)
class Plan:
    """Target weights and the trades that lead to them.

    Attributes
    ----------
    weights : Weights
    held : ndarray of shape (N,)
        Weights before the trades, fractions of wealth.
    cost : float
        Cost of the trades, a fraction of wealth.
    by_asset : ndarray of shape (N,)
        Cost per asset.
    """

    weights: Weights
    held: Floats
    cost: float
    by_asset: Floats


def situation(
    config: RunConfig, reporter: Reporter, as_of: dt.date | None = None, holdings: Holdings | None = None
) -> Situation:
    """Gather the inputs of forecasts and allocation as of a date, with the champion's own configuration.

    Parameters
    ----------
    config : RunConfig
    reporter : Reporter
    as_of : date, optional
        By default the last date of the data.
    holdings : Holdings, optional
        Checked as soon as the data is loaded, before features and covariances are computed.

    Raises
    ------
    OperationsError
        If there is no champion, a holdout is sealed, the date is before the end of the champion's data, or the
        holdings do not fit the data or the limits.
    """
    unsealed(config)
    decisions = Decisions(config)
    run, since = decisions.reigning()
    champion = Candidate(config.output / run, decisions.files_of(run))
    # Keep the champion's settings, but take the locations of files from the present configuration.
    own = champion.config.model_copy(update={"output": config.output, "data": config.data})
    pipeline = Pipeline(own, Store(config.output / "store"), Reporter(Console(quiet=True)))
    until = None if as_of is None else pd.Timestamp(as_of)
    loaded = load_data(own, reporter, known_by=until)
    champion.check_assets(loaded[0].assets)
    champion.check_date(loaded[0].dates[-1])
    if (change := versions_of(config).changed_past(loaded[0], until)) is not None:
        reporter.warn(
            "the data differs from what was recorded of the past, and `tangency update` would refuse it: "
            + "; ".join(change.sentences())
        )
    if holdings is not None:
        match_holdings(value_shares(holdings, loaded[0]), loaded[0], own)
    prepared = pipeline.prepare(loaded)
    regimes, covariances = pipeline.estimate(prepared)
    return Situation(champion, since, prepared, regimes, covariances)


def predict(found: Situation) -> pd.DataFrame:
    """Return the champion's forecasts: columns asset, mean, stderr, raw, risk; one row per listed asset."""
    table = found.champion.forecast_at(found.prepared, found.regimes, found.row)
    return table[["asset", "mean", "stderr", "raw", "risk"]]


def traded_policy(found: Situation) -> Policy:
    """Return the policy of the champion's portfolio, from its forecasts, with its own configuration."""
    prepared, regimes = found.prepared, found.regimes
    panel, config = prepared.panel, prepared.config
    forecasts = {name: found.champion.forecasts(prepared, regimes, name) for name in config.models}
    with one_thread():
        policies = trading.make_policies(
            panel, prepared.schedule, forecasts, found.covariances, regimes, config
        )
    return policies[config.traded]


def traded(found: Situation, policy: Policy) -> BacktestResult:
    """Simulate the champion's portfolio with this policy over all dates."""
    prepared = found.prepared
    config = prepared.config
    with one_thread():
        return trading.backtest(config.traded, policy, prepared.panel, prepared.schedule, config)


def plan(found: Situation, holdings: pd.Series[float] | None = None) -> Plan:
    """Return the target weights of the champion's allocator, and the trades from the present holdings.

    Parameters
    ----------
    found : Situation
    holdings : Series of float, optional
        Weights by asset, fractions of wealth; the rest is cash. The default is the present portfolio of the simulation
        (see `traded`).
    """
    prepared = found.prepared
    panel, config = prepared.panel, prepared.config
    policy = traded_policy(found)
    state = traded(found, policy).state if holdings is None else _holding(panel.assets, holdings)
    decided = _decide(found, policy, state)
    trades = decided.weights - state.weights
    cost = TradingCost(config.cost_rate, config.impact_rate)
    return Plan(
        decided,
        state.weights,
        cost.charge(trades),
        np.array([cost.charge(trade) for trade in trades[:, None]]),
    )


def _decide(found: Situation, policy: Policy, state: PortfolioState) -> Weights:
    """Return the weights of a policy at the last date."""
    with one_thread():
        decided = policy(found.row, state)
    if not isinstance(decided, Weights):
        reason = "no trade" if decided is None else decided.reason
        raise OperationsError(f"as of {found.date:%Y-%m-%d} nothing is decided: {reason}")
    return decided


def _holding(assets: tuple[str, ...], holdings: pd.Series[float]) -> PortfolioState:
    held = np.array([float(holdings.get(asset, 0.0)) for asset in assets])
    return PortfolioState(held, 1.0 - float(held.sum()), np.ones(1), {}, True)

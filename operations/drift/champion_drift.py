"""Drift of the champion: its own forecasts, on all dates there are since it was trained."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtest.costs import TradingCost
from operations.champion.forecasting import Situation, traded, traded_policy
from operations.errors import OperationsError
from pipeline.drift.drift import Drift
from pipeline.drift.measure import measure_drift_at


def champion_drift(found: Situation) -> Drift:
    """Measure what no longer is as it was when the champion was trained, at the last date of the data.

    Parameters
    ----------
    found : Situation
        As `operations.champion.forecasting.situation` gathers it.

    Raises
    ------
    OperationsError
        If the run of the champion does not tell what it was trained on, or the data no longer has those dates.
    """
    prepared, champion = found.prepared, found.champion
    config, matrix = prepared.config, prepared.matrix
    told = champion.summary.get("drift")
    if told is None:
        raise OperationsError(
            f"{champion.folder / 'summary.json'} has no key drift: the run is from an earlier version; retrain"
        )
    shares = {one["name"]: one["importance"] for one in told["features"]}
    return measure_drift_at(
        config.drift,
        prepared.panel,
        matrix,
        prepared.schedule,
        forecast=champion.forecasts(prepared, found.regimes),
        trained=(_row(found, told["trained_from"]), _row(found, told["trained_to"])),
        importance=np.array([shares.get(name, 0.0) for name in matrix.names]),
        regimes=found.regimes,
        result=traded(found, traded_policy(found)),
        covariances=found.covariances,
        cost=TradingCost(config.cost_rate, config.impact_rate),
        execution_lag=config.target.execution_lag,
    )


def _row(found: Situation, date: str) -> int:
    dates = found.prepared.panel.dates
    row = int(dates.searchsorted(pd.Timestamp(date)))
    if row == len(dates) or dates[row] != pd.Timestamp(date):
        raise OperationsError(
            f"{found.champion.run} was trained on {date}, which is no date of the data any more "
            f"({dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}): retrain"
        )
    return row

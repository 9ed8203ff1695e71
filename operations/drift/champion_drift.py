"""Drift of the champion, measured on its own forecasts since the end of its training data."""

from __future__ import annotations

import numpy as np
import pandas as pd

from backtest.costs import TradingCost
from operations.champion.forecasting import Situation, traded, traded_policy
from operations.errors import OperationsError
from pipeline.drift.drift import Drift
from pipeline.drift.measure import ModelInUse, measure_drift_at


def champion_drift(found: Situation) -> Drift:
    """Measure the champion's drift since its training, as of the last date of the data.

    Parameters
    ----------
    found : Situation
        Returned by `operations.champion.forecasting.situation`.

    Raises
    ------
    OperationsError
        If the champion's run does not record its training dates, or the data no longer contains them.
    """
    prepared, champion = found.prepared, found.champion
    config, matrix = prepared.config, prepared.matrix
    recorded = champion.summary.get("drift")
    if recorded is None:
        raise OperationsError(
            f"{champion.folder / 'summary.json'} has no key drift: the run is from an earlier version; retrain"
        )
    shares = {one["name"]: one["importance"] for one in recorded["features"]}
    model = ModelInUse(
        forecast=champion.forecasts(prepared, found.regimes),
        trained=(_row(found, recorded["trained_from"]), _row(found, recorded["trained_to"])),
        importance=np.array([shares.get(name, 0.0) for name in matrix.names]),
        regimes=found.regimes,
        result=traded(found, traded_policy(found)),
        covariances=found.covariances,
        cost=TradingCost(config.cost_rate, config.impact_rate),
        execution_lag=config.target.execution_lag,
    )
    return measure_drift_at(config.drift, prepared.panel, matrix, prepared.schedule, model)


def _row(found: Situation, date: str) -> int:
    dates = found.prepared.panel.dates
    row = int(dates.searchsorted(pd.Timestamp(date)))
    if row == len(dates) or dates[row] != pd.Timestamp(date):
        raise OperationsError(
            f"{found.champion.run} was trained on {date}, which is no date of the data any more "
            f"({dates[0]:%Y-%m-%d} to {dates[-1]:%Y-%m-%d}): retrain"
        )
    return row

"""Tables of a run: target weights, forecasts and tuning trials."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pipeline.stages.results import Evaluated, Trained


def weights_table(done: Evaluated) -> pd.DataFrame:
    """Return the target weights of each decision and of the last date; columns as in docs/outputs.md."""
    prepared = done.trained.prepared
    result, target = done.results[done.chosen], done.target
    positions = [*result.decisions.tolist()]
    rows = [*result.targets]
    cash = [*result.target_cash.tolist()]
    status = [one.label for one in result.statuses]
    note = [*result.notes]
    if not positions or positions[-1] != target.position:
        positions.append(target.position)
        rows.append(target.weights)
        cash.append(target.cash)
        status.append(target.status.label)
        note.append(target.note)
    table = pd.DataFrame(np.array(rows), columns=list(prepared.panel.assets))
    table.insert(0, "date", prepared.panel.dates[positions].strftime("%Y-%m-%d"))
    return table.assign(cash=cash, status=status, note=note)


def decisions_table(done: Evaluated) -> pd.DataFrame:
    """Return what was measured of the traded portfolio at each decision whose trade has earned a return."""
    record, dates = done.active, done.trained.prepared.panel.dates
    k = record.names.index(done.chosen)
    return pd.DataFrame(
        {
            "date": dates[record.decisions].strftime("%Y-%m-%d"),
            "assets": record.n_assets,
            "expected_information_ratio": record.potential,
            "active_risk": record.risk[:, k],
            "transfer_coefficient": record.transfer[:, k],
            "effective_bets": record.bets[:, k],
        }
    )


def forecasts_table(done: Evaluated) -> pd.DataFrame:
    """Return one row per forecast: date, asset, model, mean, stderr, raw, slope, and the date's regime."""
    trained = done.trained
    parts = [_forecast_rows(trained, name) for name in trained.forecasts]
    table = pd.concat(parts, ignore_index=True)
    return table.astype({"asset": "category", "model": "category"})


def _forecast_rows(trained: Trained, name: str) -> pd.DataFrame:
    """Return one row per forecast of a model."""
    panel, regimes, forecast = trained.prepared.panel, trained.regimes, trained.forecasts[name]
    # Nearly riskless assets have an expected return and no prediction; readers of the table need them as well.
    at, asset = np.nonzero(np.isfinite(forecast.mean))
    position = forecast.positions[at]
    return pd.DataFrame(
        {
            "date": panel.dates[position],
            "asset": np.array(panel.assets)[asset],
            "model": name,
            "mean": forecast.mean[at, asset],
            "stderr": forecast.stderr[at, asset],
            "raw": forecast.raw[at, asset],
            "slope": forecast.slope[at],
            "regime": regimes.label[position],
            "anomaly": regimes.anomaly[position],
        }
    )


def trials_table(done: Evaluated) -> pd.DataFrame:
    """Return one row per tuning trial: model, first date of use of the choice, number, loss, pruned, settings."""
    dates = done.trained.prepared.panel.dates
    rows = [
        {
            "model": trial.model,
            "used_from": f"{dates[trial.first_test]:%Y-%m-%d}",
            "number": trial.number,
            "loss": trial.loss,
            "pruned": trial.pruned,
            "seconds": trial.seconds,
            **trial.params,
        }
        for walk in done.trained.walks.values()
        for trial in walk.trials
    ]
    return pd.DataFrame(rows)

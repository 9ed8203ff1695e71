"""Freeze: export the models of a finished run so that they can forecast later, and elsewhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from models.combination import member_weights
from models.regimes.path import RegimePath
from models.walk_forward.results import WalkResult
from pipeline.settings.models import CombinationModel
from pipeline.stages.compute import regime_columns
from pipeline.stages.results import Prepared, Trained

SCHEMA = 1


def freeze(trained: Trained) -> dict[str, Any]:
    """Return the input of `pipeline.export.frozen.Frozen`: the last fit of each model, and its calibration state.

    Its forecast for the last date of the data is that of the run, bit for bit.
    """
    prepared = trained.prepared
    config, panel = prepared.config, prepared.panel
    return {
        "schema": SCHEMA,
        "forecast": config.allocation.forecast,
        "relative": config.target.relative,
        "horizon": config.target.horizon,
        "trained_to": f"{panel.dates[-1]:%Y-%m-%d}",
        "assets": list(panel.assets),
        "columns": list(trained.names),
        "models": {name: _model(name, trained) for name in trained.walks},
    }


def inputs(prepared: Prepared, regimes: RegimePath, row: int) -> pd.DataFrame:
    """Return the input of `pipeline.export.frozen.Frozen.forecast` at a row of the panel.

    There is one row per listed asset that belongs to the universe.
    """
    panel, schedule, matrix = prepared.panel, prepared.schedule, prepared.matrix
    listed = np.flatnonzero(panel.listed[row] & panel.holdable[row])
    names, values = regime_columns(regimes)
    columns = dict(zip(matrix.names, matrix.values[row, listed].T, strict=True))
    columns |= {name: np.full(len(listed), values[row, k]) for k, name in enumerate(names)}
    base = schedule.baseline(prepared.config.calibration.own_mean_weight)
    assets = [panel.assets[i] for i in listed]
    target = schedule.target
    # Risk 0 marks a nearly riskless asset, which models do not forecast.
    risk = np.where(target.riskless[row], 0.0, target.risk[row])
    beside = {"risk": risk[listed], "baseline": base[row, listed]}
    return pd.DataFrame({"asset": assets, **columns, **beside})


def _model(name: str, trained: Trained) -> dict[str, Any]:
    forecast, config = trained.forecasts[name], trained.prepared.config
    section = config.models[name]
    if isinstance(section, CombinationModel):
        spec = _combination(trained.walks[name], trained, section)
    else:
        spec = dict(trained.walks[name].last)
        if section.features is None:
            del spec["features"]  # those of all columns
    return spec | {"slope": float(forecast.slope[-1]), "slope_error": float(forecast.slope_error[-1])}


def _combination(walk: WalkResult, trained: Trained, section: CombinationModel) -> dict[str, Any]:
    """Return the members, and their weights at the last date."""
    schedule = trained.prepared.schedule
    weights = member_weights(
        np.stack([trained.walks[member].raw for member in section.members], axis=2),
        schedule.target,
        schedule.labels.end,
        section.method,
        discount=section.discount,
        horizon=schedule.labels.horizon,
        prior_deviation=section.deviation,
    )
    return dict(walk.last) | ({} if weights is None else {"weights": weights[-1].tolist()})

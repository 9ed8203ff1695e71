"""Alphas of a run: what each forecast expects above the forecast of `no_forecast`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from foundation.types import Floats, Ints
from market.panel import Panel
from models.forecast import Forecast
from pipeline.config import RunConfig
from pipeline.stages.schedule import Schedule


def make_alphas(
    panel: Panel, schedule: Schedule, forecasts: Mapping[str, Forecast], decisions: Ints, config: RunConfig
) -> tuple[Floats, Floats]:
    """Return the baseline's expected returns (D, N), and the alphas of each forecast (D, M, N), at decisions.

    An asset without a forecast has an alpha of 0.
    """
    base = schedule.baseline(config.calibration.own_mean_weight)[decisions]
    rows = []
    for forecast in forecasts.values():
        carried = forecast.carry_forward(panel.closed)
        at = np.searchsorted(carried.positions, decisions)
        rows.append(np.nan_to_num(carried.mean[at] - base))
    return base, np.stack(rows, axis=1)

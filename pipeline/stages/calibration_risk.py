"""Calibration risk: covariances at past forecast dates, in whose inverse forecasts are compared with outcomes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocation.covariance.path import CovariancePath
from allocation.covariance.path_estimation import covariance_path
from allocation.covariance_types import to_dense
from market.panel import Panel
from models.calibration_metric import CovarianceMetric
from models.regimes.path import RegimePath
from pipeline.config import RunConfig
from pipeline.stages.schedule import Schedule

_PER_HORIZON = 4
"""Covariances in each horizon: labels of nearer dates overlap so much that they add nearly nothing."""


@dataclass(frozen=True, eq=False)
class CalibrationRisk:
    """Covariances at forecast dates from the first on, before the first decision too.

    Attributes
    ----------
    path : CovariancePath
    step : int
        Dates from one covariance to the next.
    """

    path: CovariancePath
    step: int

    def metric(self) -> CovarianceMetric:
        """Return the covariances as plain arrays."""
        return CovarianceMetric(
            self.path.positions, self.step, lambda row: np.asarray(to_dense(self.path.at(row)[0]))
        )


def make_calibration_risk(
    panel: Panel, schedule: Schedule, regimes: RegimePath, config: RunConfig
) -> CalibrationRisk:
    """Estimate the covariance at dates from the first forecast on, as the allocator does at decisions."""
    horizon = schedule.labels.horizon
    step = max(1, horizon // _PER_HORIZON)
    first = int(schedule.folds[0].test[0])
    path = covariance_path(
        panel.returns - panel.cash[:, None],
        np.arange(first, len(panel.dates), step, dtype=np.int64),
        window=config.allocation.covariance_window,
        min_history=config.allocation.min_history,
        horizon=horizon,
        estimator=config.allocation.covariance.estimator(regimes.probabilities),
        closed=panel.closed,
        member=panel.member,
    )
    return CalibrationRisk(path, step)

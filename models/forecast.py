"""Forecast: expected excess returns of one model, with standard errors."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from foundation.types import Floats


@dataclass(frozen=True, eq=False)
class Forecast:
    """Calibrated out-of-sample forecasts of excess returns.

    Attributes
    ----------
    model : str
        Name of the model.
    positions : ndarray of int, shape (D,)
        Rows of the panel at whose close the forecasts were made, increasing.
    horizon : int
        Observations that a forecast spans, from its trade on.
    mean : ndarray of shape (D, N)
        Expected simple excess return over the horizon, a fraction; NaN outside the universe.
    stderr : ndarray of shape (D, N)
        Standard error of `mean`, same unit.
    raw : ndarray of shape (D, N)
        The model's own output in its target's unit (excess return per unit of risk, relative to the
        universe if the target is relative), before calibration.
    slope : ndarray of shape (D,)
        Factor of `raw`: its past out-of-sample slope, between 0 and 1.
    slope_error : ndarray of shape (D,)
        Standard error of the slope.
    """

    model: str
    positions: NDArray[np.int64]
    horizon: int
    mean: Floats
    stderr: Floats
    raw: Floats
    slope: Floats
    slope_error: Floats

    def carry_forward(self, closed: NDArray[np.bool_]) -> Forecast:
        """Return the forecasts, with the last one repeated while an asset's market is closed.

        Parameters
        ----------
        closed : ndarray of bool, shape (T, N)
            Where an asset of the panel has no price because its market is closed.
        """
        missing = closed[self.positions] & ~np.isfinite(self.mean)
        if not missing.any():
            return self
        rows = np.arange(len(self.mean))[:, None]
        newest = np.maximum.accumulate(np.where(np.isfinite(self.mean), rows, 0), axis=0)

        def last(values: Floats) -> Floats:
            return np.where(missing, np.take_along_axis(values, newest, axis=0), values)

        return replace(self, mean=last(self.mean), stderr=last(self.stderr))

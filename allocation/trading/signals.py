"""Signals: forecasts in parts that fade at different speeds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from allocation.errors import InputError
from foundation.types import Floats, Ints


@dataclass(frozen=True, eq=False)
class Signals:
    """Forecasts in parts that fade at different speeds.

    Attributes
    ----------
    positions : ndarray of int, shape (D,)
        Rows of the panel at whose close they were made, increasing.
    mean : ndarray of shape (D, K, N)
        Expected excess return over one period by each signal; their sum is the forecast.
    decay : ndarray of shape (D, K)
        Share of each signal that is gone at the next decision, as known at the row, between 0 and 1.

    Raises
    ------
    InputError
        If shapes do not fit or a decay is out of range.
    """

    positions: Ints
    mean: Floats
    decay: Floats

    def __post_init__(self) -> None:
        """Check the shapes and the decay."""
        if (
            self.mean.ndim != 3
            or self.decay.shape != self.mean.shape[:2]
            or len(self.positions) != len(self.mean)
        ):
            raise InputError(
                f"signals: {len(self.positions)} positions, means of shape {self.mean.shape} and decays of shape "
                f"{self.decay.shape}, expected D, (D, K, N) and (D, K)"
            )
        if not ((self.decay >= 0) & (self.decay <= 1)).all():
            raise InputError(
                f"signals: decays run from {self.decay.min():g} to {self.decay.max():g}, expected 0 to 1"
            )

    def at(self, position: int) -> tuple[Floats, Floats]:
        """Return means of shape (K, N) and decays of shape (K,) at a row.

        Raises
        ------
        InputError
            If there are none.
        """
        index = int(np.searchsorted(self.positions, position))
        if index == len(self.positions) or self.positions[index] != position:
            raise InputError(f"row {position}: there are no signals")
        return self.mean[index], self.decay[index]


def estimate_decay(mean: Floats, unknown: float = 0.0) -> Floats:
    """Return by what share forecasts had faded from one decision to the next, as known at each, shape (D,).

    One less the slope of a forecast on the one before it, of all assets and decisions so far, through the origin and
    kept between 0 and 1. Take out what does not fade first, such as the mean over assets.

    Parameters
    ----------
    mean : ndarray of shape (D, N)
        Forecasts at successive decisions; pairs with NaN are left out.
    unknown : float
        Where there is no pair yet.
    """
    before, after = mean[:-1], mean[1:]
    ok = np.isfinite(before) & np.isfinite(after)
    f, g = np.where(ok, before, 0.0), np.where(ok, after, 0.0)
    energy = np.concatenate([[0.0], np.cumsum((f * f).sum(axis=1))])
    product = np.concatenate([[0.0], np.cumsum((f * g).sum(axis=1))])
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(energy > 0, 1 - np.clip(product / energy, 0.0, 1.0), unknown)

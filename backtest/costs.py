"""Costs of trading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from backtest.errors import SimulationError
from foundation.types import Floats


@dataclass(frozen=True)
class TradingCost:
    """A share of each amount traded, purchases and sales alike, and impact that grows with its square.

    Attributes
    ----------
    rate : float or ndarray of shape (N,)
        0.0010 is 10 basis points; an array has one rate per asset, in the order of the trades.
    impact : float or ndarray of shape (N,)
        Cost of the square of each trade in one asset: with 0.1, a trade of 10 % of wealth costs a thousandth of wealth
        beside the share.

    Raises
    ------
    SimulationError
        If a rate is negative or not finite, or carries labels, which trades do not have.
    """

    rate: float | Floats
    impact: float | Floats = 0.0

    def __post_init__(self) -> None:
        """Check the rates."""
        for what in ("rate", "impact"):
            value = getattr(self, what)
            if hasattr(value, "index") and not isinstance(value, list | tuple):
                raise SimulationError(
                    f"cost: {what} is a {type(value).__name__}, but trades have no labels; "
                    f"put it in the order of the assets and pass {what}.to_numpy()"
                )
            rates = np.asarray(value, dtype=np.float64)
            if rates.ndim > 1 or not (np.isfinite(rates) & (rates >= 0)).all():
                raise SimulationError(
                    f"cost: {what} is {value!r}, expected a number of 0 or more, or one per asset"
                )
            object.__setattr__(self, what, rates if rates.ndim else float(rates))

    def charge(self, trades: Floats) -> float:
        """Return the cost of trades (N,), given as fractions of wealth, as a fraction of wealth.

        Raises
        ------
        SimulationError
            If there are rates by asset, and the trades are of another number of assets.
        """
        return _charge(self.rate, np.abs(trades)) + _charge(self.impact, np.square(trades))


def _charge(rate: float | Floats, amounts: Floats) -> float:
    """Return the sum of rate times amount."""
    if isinstance(rate, float):
        return rate * float(amounts.sum()) if rate else 0.0
    if rate.shape != amounts.shape:
        raise SimulationError(f"cost: {len(rate)} rates for trades of shape {amounts.shape}")
    return float((rate * amounts).sum())

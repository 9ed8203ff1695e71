"""Costs of trading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class TradingCost:
    """A share of each amount traded, purchases and sales alike, and impact that grows with its square.

    Attributes
    ----------
    rate : float
        0.0010 is 10 basis points.
    impact : float
        Cost of the square of each trade in one asset: with 0.1, a trade of 10 % of wealth costs a thousandth of wealth
        beside the share.
    """

    rate: float
    impact: float = 0.0

    def of(self, trades: NDArray[np.float64]) -> float:
        """Return the cost of trades (N,), given as fractions of wealth, as a fraction of wealth."""
        proportional = self.rate * float(np.abs(trades).sum())
        return proportional + self.impact * float(np.square(trades).sum()) if self.impact else proportional

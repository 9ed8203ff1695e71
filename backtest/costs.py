"""Costs of trading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class ProportionalCost:
    """A fixed share of each amount traded, purchases and sales alike.

    Attributes
    ----------
    rate : float
        0.0010 is 10 basis points.
    """

    rate: float

    def of(self, trades: NDArray[np.float64]) -> float:
        """Return the cost of trades (N,), given as fractions of wealth, as a fraction of wealth."""
        return self.rate * float(np.abs(trades).sum())

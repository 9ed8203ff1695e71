"""Rebalancing: when to trade back to a target, and how far."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from allocation.errors import InputError
from foundation.types import Floats

_ROUNDING = 1e-12
"""What lies outside a band by less is on its edge."""


@dataclass(frozen=True)
class Rebalancing:
    """By calendar, by bands, or both: looked at every so many decisions, and traded if any band is left.

    Attributes
    ----------
    every : int
        Decisions from one look to the next; between them nothing is traded.
    absolute : float, optional
        Half-width of the band around each target, as a fraction of wealth.
    relative : float, optional
        Half-width as a share of the target. With both, the narrower counts (as in the rule "5/25").
    to : "target" or "edge"
        Where a trade ends: at the target, or at the nearest weights (least squares) inside all bands, which are
        also weights of least turnover. Without bands always at the target.

    Raises
    ------
    InputError
        If a number is out of range.
    """

    every: int = 1
    absolute: float | None = None
    relative: float | None = None
    to: Literal["target", "edge"] = "target"

    def __post_init__(self) -> None:
        """Check the numbers."""
        widths = [width for width in (self.absolute, self.relative) if width is not None]
        if self.every < 1 or not all(np.isfinite(width) and width >= 0 for width in widths):
            raise InputError(f"{self}: every must be 1 or more and bands 0 or more")

    def band(self, target: Floats) -> Floats | None:
        """Return the half-width around each target, shape (M,); None without bands. A target of 0 has none."""
        widths = [np.full(len(target), self.absolute)] if self.absolute is not None else []
        if self.relative is not None:
            widths.append(self.relative * np.abs(target))
        return np.where(target == 0, 0.0, np.min(widths, axis=0)) if widths else None

    def trade(self, index: int, held: Floats, target: Floats, *, started: bool = True) -> Floats | None:
        """Return what to hold, shape (M,), or None for no trade.

        Parameters
        ----------
        index : int
            Number of the decision, from 0.
        held, target : ndarray of shape (M,)
            Parts of wealth, cash among them: both sum to the same.
        started : bool
            If not, the portfolio begins: it goes to the target.
        """
        if not started:
            return target
        if index % self.every:
            return None
        band = self.band(target)
        if band is None:
            return target
        if (np.abs(held - target) <= band + _ROUNDING).all():
            return None
        return target if self.to == "target" else _project_to_band(held, target, band)


def _project_to_band(held: Floats, target: Floats, band: Floats) -> Floats:
    """Return the weights inside the bands that are nearest to those held and sum to what the target sums to.

    They are clip(held + s, low, high) with one shift s for all. No band reaches across 0.
    """
    low = np.where(target >= 0, np.maximum(target - band, 0.0), target - band)
    high = np.where(target >= 0, target + band, np.minimum(target + band, 0.0))
    total = float(target.sum())
    # The sum grows with the shift, and bends where one weight reaches its band or leaves it.
    bends = np.unique(np.concatenate([low - held, high - held]))
    sums = np.clip(held + bends[:, None], low, high).sum(axis=1)
    shift = float(np.interp(total, sums, bends))
    return np.asarray(np.clip(held + shift, low, high))

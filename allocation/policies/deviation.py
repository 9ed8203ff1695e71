"""Deviation: how far weights may be from strategic ones, and which bounds give way to that."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NoReturn

import numpy as np

from allocation.errors import InfeasibleError
from allocation.problem.constraints import Constraints
from allocation.problem.feasibility import check_feasible
from allocation.weights import Weights
from foundation.types import Bools, Floats

_BROKEN = 1e-6
"""By how much weights miss a bound that gave way, and not by the tolerance of a solver."""


@dataclass(frozen=True)
class Deviation:
    """How far from its strategic weight an asset may be.

    Attributes
    ----------
    absolute : float
        As a fraction of wealth.
    relative : float, optional
        As a share of the strategic weight; with both, the narrower counts.
    cash : float
        How far cash may be from its strategic weight.
    tracking_error : float, optional
        Largest standard deviation, over one horizon, of the return less that of the strategic weights.
    low, high : ndarray of shape (N,), optional
        Bounds of the weights that hold beside the band.
    cash_range : tuple of (float, float), optional
        Bounds of cash that hold beside its band.
    gives_way : frozenset of {"minimum", "maximum", "cash"}
        Which of these bounds give way to the band where they cannot be met inside it.
    """

    absolute: float
    relative: float | None = None
    cash: float = 0.0
    tracking_error: float | None = None
    low: Floats | None = None
    high: Floats | None = None
    cash_range: tuple[float, float] | None = None
    gives_way: frozenset[str] = frozenset()

    def limits(
        self, strategic: Weights, base: Constraints, assets: tuple[str, ...], universe: Bools
    ) -> Constraints:
        """Return limits around the strategic weights; of `base` all hold but bounds of weights and of cash.

        A long position does not become a short one. What lies outside the universe has no limits that could fail.

        Raises
        ------
        InfeasibleError
            If a band lies outside the bounds that hold beside it.
        """
        w = strategic.weights
        band = np.full(len(w), self.absolute)
        if self.relative is not None:
            band = np.minimum(band, self.relative * np.abs(w))
        low, high = np.where(w >= 0, np.maximum(w - band, 0.0), w - band), w + band
        least, most = low, high
        if self.low is not None:
            least = np.maximum(low, self.low)
        if self.high is not None:
            most = np.minimum(high, self.high)
        low, high = np.where(universe, least, low), np.where(universe, most, high)
        apart = np.flatnonzero(low > high)
        if len(apart):
            k = int(apart[0])
            _refuse_band(strategic.position, f"weight of {assets[k]!r}", float(w[k]), float(band[k]))
        pairs = {a: (float(x), float(y)) for a, x, y in zip(assets, low, high, strict=True)}
        cash_minimum, cash_maximum = self._cash(strategic)
        return replace(
            base,
            overrides=pairs,
            cash_minimum=cash_minimum,
            cash_maximum=cash_maximum,
            tracking_error=self.tracking_error,
            benchmark={} if self.tracking_error is None else dict(zip(assets, w.tolist(), strict=True)),
        )

    def limits_on(
        self, strategic: Weights, base: Constraints, assets: tuple[str, ...], universe: Bools
    ) -> Constraints:
        """Return `limits`, or those without the bounds that give way where they cannot be met on a universe."""
        if not self.gives_way:
            return self.limits(strategic, base, assets, universe)
        eased = replace(
            self,
            low=None if "minimum" in self.gives_way else self.low,
            high=None if "maximum" in self.gives_way else self.high,
            cash_range=None if "cash" in self.gives_way else self.cash_range,
        ).limits(strategic, base, assets, universe)
        try:
            limits = self.limits(strategic, base, assets, universe)
            if limits != eased:
                check_feasible(limits, assets, universe)
        except InfeasibleError:
            return eased
        return limits

    def breaks_bounds(self, weights: Weights, universe: Bools) -> bool:
        """Return whether bounds that hold beside the band gave way to it."""
        w, cash = weights.weights, weights.cash
        sides = [] if self.low is None else [(self.low - w)[universe]]
        sides += [] if self.high is None else [(w - self.high)[universe]]
        if self.cash_range is not None:
            sides.append(np.array([self.cash_range[0] - cash, cash - self.cash_range[1]]))
        return any(float(side.max()) > _BROKEN for side in sides)

    def _cash(self, strategic: Weights) -> tuple[float, float]:
        """Return the bounds of cash."""
        least = min(strategic.cash, max(0.0, strategic.cash - self.cash))
        most = strategic.cash + self.cash
        if self.cash_range is not None:
            least, most = max(least, self.cash_range[0]), min(most, self.cash_range[1])
            if least > most:
                _refuse_band(strategic.position, "cash", strategic.cash, self.cash)
        return least, most


def _refuse_band(position: int, what: str, centre: float, band: float) -> NoReturn:
    """Say that a band lies outside the bounds of the run."""
    name = f"{what} within {band:.4g} of its strategic {centre:.4g}"
    raise InfeasibleError(
        f"row {position}: {name} cannot be met together with the bounds of the run; widen the deviation, move the "
        "strategic portfolio into the bounds, or loosen them",
        (name,),
    )

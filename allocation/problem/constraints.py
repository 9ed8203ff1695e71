"""Constraints: the limits on weights, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from allocation.errors import LimitError
from allocation.problem.sum_limits import Group, Linear, check_known, check_linear, map_by_name
from foundation.types import Floats

Family = Literal["groups", "maximum", "minimum", "overrides", "cash"]
"""Limits that are relaxed together where they cannot be met."""
RELAXATION_ORDER: tuple[Family, ...] = ("groups", "maximum", "minimum", "overrides", "cash")
"""Default order of relaxation."""


@dataclass(frozen=True)
class Constraints:
    """Limits on weights, all fractions of wealth.

    Attributes
    ----------
    minimum, maximum : float
        Of each asset; a negative minimum allows short positions.
    groups : mapping of str to Group
    overrides : mapping of str to (float, float)
        (minimum, maximum) of single assets, in place of the common ones; (0, 0) excludes an asset.
    turnover : float, optional
        Most that may be traded at one rebalance: the SUM over assets of |trade|, purchases and sales counted.
    cash_minimum, cash_maximum : float
        Of what is not in assets.
    linear : mapping of str to Linear
    leverage : float, optional
        Largest gross exposure, sum |w|.
    volatility : float, optional
        Largest standard deviation of the return over one horizon.
    tracking_error : float, optional
        Largest standard deviation of the return over one horizon less that of the benchmark.
    benchmark : mapping of str to float
        Weights of the benchmark, 0 for assets that are not named; the rest is cash.
    minimum_return : float, optional
        Least expected excess return over one horizon, before costs.

    Raises
    ------
    LimitError
        If a limit makes no sense by itself.
    """

    minimum: float = 0.0
    maximum: float = 1.0
    groups: Mapping[str, Group] = field(default_factory=dict)
    turnover: float | None = None
    cash_minimum: float = 0.0
    cash_maximum: float = 0.0
    overrides: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    linear: Mapping[str, Linear] = field(default_factory=dict)
    leverage: float | None = None
    volatility: float | None = None
    tracking_error: float | None = None
    benchmark: Mapping[str, float] = field(default_factory=dict)
    minimum_return: float | None = None

    def __post_init__(self) -> None:
        """Turn labels into text, and check each limit by itself."""
        object.__setattr__(self, "overrides", map_by_name("overrides", self.overrides))
        object.__setattr__(self, "benchmark", map_by_name("benchmark", self.benchmark))
        pairs = {"weight": (self.minimum, self.maximum), "cash": (self.cash_minimum, self.cash_maximum)}
        pairs |= {f"weight of {name!r}": pair for name, pair in self.overrides.items()}
        pairs |= {f"group {name!r}": (g.minimum, g.maximum) for name, g in self.groups.items()}
        for what, (low, high) in pairs.items():
            if not (math.isfinite(low) and math.isfinite(high) and low <= high):
                raise LimitError(
                    f"{what}: the minimum {low:g} must be a number of at most the maximum {high:g}: raise the maximum, "
                    "or lower the minimum"
                )
        if self.maximum <= 0:
            raise LimitError(
                f"weight: the maximum {self.maximum:g} must be more than 0, or nothing can be held"
            )
        self._check_sizes()
        for name, group in self.groups.items():
            if not group.assets:
                raise LimitError(f"group {name!r} has no assets")
        for name, linear in self.linear.items():
            check_linear(name, linear)

    def _check_sizes(self) -> None:
        """Check the limits that are one number."""
        if self.turnover is not None and not self.turnover >= 0:
            raise LimitError(f"turnover: the limit {self.turnover:g} must be 0 or more")
        for what in ("leverage", "volatility", "tracking_error"):
            limit = getattr(self, what)
            if limit is not None and not (math.isfinite(limit) and limit > 0):
                raise LimitError(f"{what}: the limit {limit:g} must be a number above 0")
        if self.minimum_return is not None and not math.isfinite(self.minimum_return):
            raise LimitError(f"minimum_return: {self.minimum_return:g} is not a finite number")
        if (self.tracking_error is None) != (not self.benchmark):
            raise LimitError(
                "tracking_error and the weights of a benchmark go together; one of them is missing"
            )
        if not all(math.isfinite(weight) for weight in self.benchmark.values()):
            raise LimitError("benchmark: a weight is not a finite number")

    def bounds(self, assets: Sequence[str]) -> tuple[Floats, Floats]:
        """Return the minimum and the maximum of each asset.

        Raises
        ------
        LimitError
            If an override names an asset that does not exist.
        """
        check_known("overrides: the weight limits", tuple(self.overrides), assets)
        low, high = np.full(len(assets), float(self.minimum)), np.full(len(assets), float(self.maximum))
        place = {asset: i for i, asset in enumerate(assets)} if self.overrides else {}
        for asset, (least, most) in self.overrides.items():
            low[place[asset]], high[place[asset]] = least, most
        return low, high

    def benchmark_weights(self, assets: Sequence[str]) -> Floats:
        """Return the weights of the benchmark, shape (N,).

        Raises
        ------
        LimitError
            If it names an asset that does not exist.
        """
        check_known("benchmark", tuple(self.benchmark), assets)
        if not self.benchmark:
            return np.zeros(len(assets))
        return np.array([self.benchmark.get(asset, 0.0) for asset in assets], dtype=np.float64)

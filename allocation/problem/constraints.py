"""Constraints: the limits on weights, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from allocation.errors import LimitError
from foundation.types import Floats

Family = Literal["groups", "maximum", "minimum", "overrides", "cash"]
"""Limits that are relaxed together where they cannot be met."""
RELAXATION_ORDER: tuple[Family, ...] = ("groups", "maximum", "minimum", "overrides", "cash")
"""Default order of relaxation."""


@dataclass(frozen=True)
class Group:
    """Limits on the sum of the weights of some assets.

    Attributes
    ----------
    assets : tuple of str
        Labels that are no text, such as the integers of unnamed columns, become text.
    minimum, maximum : float
        Fractions of wealth.

    Raises
    ------
    LimitError
        If `assets` is a text, which is not a sequence of assets.
    """

    assets: tuple[str, ...]
    minimum: float = 0.0
    maximum: float = 1.0

    def __post_init__(self) -> None:
        """Turn labels into text."""
        if isinstance(self.assets, str):
            raise LimitError(
                f"group: assets is the text {self.assets!r}, expected a sequence of assets; "
                f"a group of one asset is ({self.assets!r},)"
            )
        object.__setattr__(self, "assets", tuple(map(str, self.assets)))


@dataclass(frozen=True)
class Linear:
    """Limits on sum_i coefficient_i w_i, as for a score or the exposure to a factor.

    Attributes
    ----------
    coefficients : mapping of str to float
        By asset; 0 for those that are not named.
    minimum, maximum : float
        In units of the coefficients; infinite where there is no limit.
    """

    coefficients: Mapping[str, float]
    minimum: float = -math.inf
    maximum: float = math.inf

    def __post_init__(self) -> None:
        """Turn labels into text."""
        object.__setattr__(self, "coefficients", _by_name("linear: coefficients", self.coefficients))


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
        object.__setattr__(self, "overrides", _by_name("overrides", self.overrides))
        object.__setattr__(self, "benchmark", _by_name("benchmark", self.benchmark))
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
            _check_linear(name, linear)

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


def _by_name(what: str, values: Mapping[Any, Any]) -> dict[str, Any]:
    """Return a mapping or Series by asset with the assets as text.

    Raises
    ------
    LimitError
        If there are no labels, or two of them are the same as text.
    """
    if not hasattr(values, "items"):
        raise LimitError(f"{what}: expected a mapping by asset, got {type(values).__name__}")
    if type(values) is dict and all(type(asset) is str for asset in values):
        return values  # the usual case, at each decision of some policies
    pairs = [(str(asset), value) for asset, value in values.items()]
    by_name = dict(pairs)
    if len(by_name) < len(pairs):
        double = next(name for name, _ in pairs if sum(name == other for other, _ in pairs) > 1)
        raise LimitError(f"{what}: the asset {double!r} is there more than once")
    return by_name


def _check_linear(name: str, linear: Linear) -> None:
    """Refuse limits on a sum that are empty or contradictory."""
    low, high = linear.minimum, linear.maximum
    if math.isnan(low) or math.isnan(high) or low > high or low == math.inf or high == -math.inf:
        raise LimitError(f"linear {name!r}: the minimum {low:g} must be at most the maximum {high:g}")
    if not all(math.isfinite(c) for c in linear.coefficients.values()) or not any(
        linear.coefficients.values()
    ):
        raise LimitError(f"linear {name!r}: coefficients must be finite, and one of them other than 0")


def check_known(what: str, names: Sequence[str], assets: Sequence[str]) -> None:
    """Refuse names of assets that do not exist.

    Raises
    ------
    LimitError
    """
    unknown = [name for name in names if name not in assets]
    if unknown:
        raise LimitError(
            f"{what} names {', '.join(map(repr, unknown))}, which the data does not have; "
            f"it has {', '.join(assets)}"
        )

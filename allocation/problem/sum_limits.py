"""Limits on sums of weights: groups of assets, and linear combinations."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from allocation.errors import LimitError


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
        object.__setattr__(self, "coefficients", map_by_name("linear: coefficients", self.coefficients))


def map_by_name(what: str, values: Mapping[Any, Any]) -> dict[str, Any]:
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


def check_linear(name: str, linear: Linear) -> None:
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

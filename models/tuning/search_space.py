"""Search space: which values of a model's parameters a search may try."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np

from models.parameters import Parameters, Value

POINTS = 4
"""Points of a range in a grid where it does not say how many."""


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included.

    Parameters
    ----------
    low, high : int or float
    log : bool
        Spread evenly in the logarithm; `low` must then be positive.
    whole : bool
        Whole numbers only.
    points : int
        How many of them a grid has, evenly spread from end to end; fewer where there are fewer whole numbers.

    Raises
    ------
    ValueError
        If the range is empty, or its options contradict each other.
    """

    low: float
    high: float
    log: bool = False
    whole: bool = False
    points: int = POINTS

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn from."""
        if not (np.isfinite(self.low) and np.isfinite(self.high)):
            raise ValueError(f"low and high must be finite, got {self.low} and {self.high}")
        if self.low > self.high:
            raise ValueError(f"low {self.low} is above high {self.high}")
        if self.log and self.low <= 0:
            raise ValueError(f"log needs a low above 0, got {self.low}")
        if self.whole and (self.low != int(self.low) or self.high != int(self.high)):
            raise ValueError(f"expected whole numbers, got low {self.low} and high {self.high}")
        if self.points < 2:
            raise ValueError(f"a grid needs at least 2 points of a range, got {self.points}")

    def ends(self) -> tuple[Value, Value]:
        """Return low and high, as whole numbers if they are."""
        return (int(self.low), int(self.high)) if self.whole else (self.low, self.high)

    def grid(self) -> tuple[Value, ...]:
        """Return the points of a grid, increasing."""
        spread = np.geomspace if self.log else np.linspace
        # Rounding must not lead out of the range, nor past an end of it.
        points = np.clip(spread(self.low, self.high, self.points), self.low, self.high)
        points[0], points[-1] = self.low, self.high
        if self.whole:
            return tuple(sorted({round(x) for x in points.tolist()}))
        return tuple(sorted(set(points.tolist())))

    def holds(self, value: Value) -> bool:
        """Return whether a value lies in the range."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return self.low <= value <= self.high and not (self.whole and value != int(value))


@dataclass(frozen=True)
class Choices:
    """Some values, in no order.

    Raises
    ------
    ValueError
        If there is none, or one comes twice.
    """

    values: tuple[Value, ...]

    def __post_init__(self) -> None:
        """Refuse what cannot be drawn from."""
        if not self.values:
            raise ValueError("expected at least one choice")
        for i, value in enumerate(self.values):
            if value in self.values[:i]:
                raise ValueError(f"choice {value!r} comes twice")

    def grid(self) -> tuple[Value, ...]:
        """Return the values."""
        return self.values

    def holds(self, value: Value) -> bool:
        """Return whether a value is one of them."""
        return value in self.values


Space = Mapping[str, Range | Choices]


def grid_size(space: Space) -> int:
    """Return the number of points of the whole grid."""
    return prod(len(entry.grid()) for entry in space.values())


def grid_points(space: Space) -> Iterator[dict[str, Value]]:
    """Yield the points of the whole grid; the last parameter changes first."""
    for values in product(*(entry.grid() for entry in space.values())):
        yield dict(zip(space, values, strict=True))


def contains_point(space: Space, parameters: Parameters) -> bool:
    """Return whether all parameters have values that the space holds."""
    return all(entry.holds(parameters[name]) for name, entry in space.items())


def select_numbers(space: Space, parameters: Parameters) -> dict[str, float]:
    """Return the parameters with numbers among their values, NaN where one is not a number; trials keep the others."""
    return {
        name: float(value) if isinstance(value, int | float) else np.nan
        for name, value in parameters.items()
        if not any(isinstance(choice, str) for choice in space[name].grid())
    }
